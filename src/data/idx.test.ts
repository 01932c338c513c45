import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { FileError } from '../core/errors.ts'
import { decodeIdx, loadIdx } from './idx.ts'

const digits = join(process.env['GRADUS_DATA'] ?? '../shared/data', 'mnist')

const bytes = (...parts: (number | number[])[]): Uint8Array => Uint8Array.from(parts.flat())

describe('decodeIdx', () => {
  test('reads each element type, big-endian', () => {
    const head = (type: number): number[] => [0, 0, type, 1, 0, 0, 0, 2]
    const cases = [
      ['uint8', [1, 255], bytes(head(8), 1, 255)],
      ['int32', [1, -1], bytes(head(9), 1, 255)],
      ['int32', [258, -2], bytes(head(11), 1, 2, 255, 254)],
      ['int32', [65536, -1], bytes(head(12), 0, 1, 0, 0, 255, 255, 255, 255)],
      ['float32', [1, -2], bytes(head(13), 0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0)],
      ['float64', [1, -2], bytes(head(14), 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0)],
    ] as const
    for (const [dtype, values, data] of cases) {
      const x = decodeIdx(data)
      expect([x.dtype, x.toArraySync()]).toEqual([dtype, values])
    }
  })

  test('reads sizes, also from the middle of a buffer', () => {
    const whole = bytes(9, 9, 0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6)
    expect(decodeIdx(whole.subarray(2)).toArraySync()).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ])
  })

  test.each([
    ['does not begin with two zero bytes', bytes(1, 0, 8, 1)],
    ['does not begin with two zero bytes', bytes()],
    ['unknown element type 7', bytes(0, 0, 7, 0, 1)],
    ['truncated: 6 bytes are too few for 1 sizes', bytes(0, 0, 8, 1, 0, 0)],
    ['shape [2] needs 2 bytes of data, 1 are there', bytes(0, 0, 8, 1, 0, 0, 0, 2, 1)],
    ['shape [1] needs 1 bytes of data, 2 are there', bytes(0, 0, 8, 1, 0, 0, 0, 1, 1, 1)],
  ])('refuses: %s', (problem, data) => {
    expect(() => decodeIdx(data, 'file')).toThrow(FileError)
    expect(() => decodeIdx(data, 'file')).toThrow(`idx: file: `)
    expect(() => decodeIdx(data, 'file')).toThrow(problem)
  })
})

describe('loadIdx', () => {
  test('reads plain and gzipped files and names those it cannot read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'gradus-idx-'))
    const data = bytes(0, 0, 8, 1, 0, 0, 0, 2, 5, 6)
    await writeFile(join(folder, 'plain'), data)
    await writeFile(join(folder, 'packed.gz'), gzipSync(data))
    await writeFile(join(folder, 'broken.gz'), gzipSync(data).subarray(0, 20))
    expect((await loadIdx(join(folder, 'plain'))).toArraySync()).toEqual([5, 6])
    expect((await loadIdx(join(folder, 'packed.gz'))).toArraySync()).toEqual([5, 6])
    await expect(loadIdx(join(folder, 'broken.gz'))).rejects.toThrow(FileError)
    await expect(loadIdx(join(folder, 'absent'))).rejects.toThrow(/^idx: .*absent: .*no such file/)
    await rm(folder, { recursive: true })
  })

  test.skipIf(!existsSync(digits))('reads the MNIST test set', async () => {
    const images = await loadIdx(join(digits, 'mnist-t10k-images-idx3-ubyte.gz'))
    const labels = await loadIdx(join(digits, 'mnist-t10k-labels-idx1-ubyte.gz'))
    expect([images.shape, images.dtype]).toEqual([[10_000, 28, 28], 'uint8'])
    expect(Array.from(labels.dataSync().subarray(0, 10))).toEqual([7, 2, 1, 0, 4, 1, 4, 9, 5, 9])
    const counts = new Array<number>(10).fill(0)
    for (const digit of labels.dataSync()) counts[digit] = (counts[digit] ?? 0) + 1
    expect(counts).toEqual([980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009])
    expect(images.to('float32').mean().itemSync() / 255).toBeCloseTo(0.1325, 4)
  })
})
