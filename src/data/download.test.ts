import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { createTarGzip } from 'nanotar'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError } from '../core/errors.ts'
import { downloadAndCache, type RemoteFile } from './download.ts'
import { cifar10, fashionMnist, mnist, tinyShakespeare } from './named-sets.ts'

const content = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31) % 251))
const sha256 = createHash('sha256').update(content).digest('hex')

let cache = ''
let server: Server
/** Ranges that were asked for. */
let asked: (string | undefined)[] = []
/** The first answer stops after so many bytes, and stays open. */
let stopAfter: number | undefined
/** The answer that stays open. */
let stopped: ServerResponse | undefined

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'gradus-cache-'))
  asked = []
  stopAfter = undefined
  server = createServer((request, response) => {
    asked.push(request.headers.range)
    if (request.url === '/absent') return response.writeHead(404).end()
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': content.length - from })
    if (stopAfter === undefined) return response.end(content.subarray(from))
    response.write(content.subarray(from, from + stopAfter))
    stopAfter = undefined
    stopped = response
    return response
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve))
  await rm(cache, { recursive: true })
})

const at = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
const remote = (...urls: string[]): RemoteFile => ({ name: 'a.bin', urls: urls.map(at), sha256 })

describe('downloadAndCache', () => {
  test('downloads once, tells how far, and needs no network afterwards', async () => {
    const told: number[] = []
    const path = await downloadAndCache(remote('/a'), { cache, onProgress: ({ done }) => told.push(done) })
    expect((await readFile(path)).equals(content)).toBe(true)
    expect([told.at(-1), told.toSorted((a, b) => a - b)]).toEqual([content.length, told])
    expect(await downloadAndCache({ ...remote(), urls: ['http://127.0.0.1:1/'] }, { cache })).toBe(path)
    expect(await readdir(join(cache, 'data'))).toEqual([`${sha256.slice(0, 12)}-a.bin`])
  })

  test('goes on where it was cut off', async () => {
    stopAfter = 120_000
    const onProgress = (): void => void stopped?.destroy()
    await expect(downloadAndCache(remote('/a'), { cache, onProgress })).rejects.toThrow(FileError)
    const path = await downloadAndCache(remote('/a'), { cache })
    expect((await readFile(path)).equals(content)).toBe(true)
    expect(asked[0]).toBeUndefined()
    expect(asked[1]).toMatch(/^bytes=[1-9]\d*-$/)
  })

  test('takes the next address when one fails', async () => {
    await downloadAndCache(remote('/absent', '/a'), { cache })
    await expect(downloadAndCache({ ...remote('/absent'), name: 'b', sha256: 'x' }, { cache })).rejects.toThrow(
      `download: b could not be had from ${at('/absent')}: the server answered 404 Not Found`,
    )
  })

  test('refuses other content and forgets it', async () => {
    await expect(downloadAndCache({ ...remote('/a'), sha256: '0'.repeat(64) }, { cache })).rejects.toThrow(
      `SHA-256 ${sha256}, expected 000`,
    )
    expect(await readdir(join(cache, 'data'))).toEqual([])
  })
})

describe('named sets', () => {
  const idx = (shape: number[], values: number[]): Uint8Array =>
    Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((n) => [0, 0, 0, n]), ...values])

  test('MNIST and its kind, from a folder, packed or not', async () => {
    await writeFile(join(cache, 'train-images-idx3-ubyte'), idx([2, 1, 2], [0, 51, 102, 255]))
    await writeFile(join(cache, 'train-labels-idx1-ubyte'), idx([2], [7, 3]))
    await writeFile(join(cache, 't10k-images-idx3-ubyte.gz'), gzipSync(idx([1, 1, 2], [255, 0])))
    await writeFile(join(cache, 't10k-labels-idx1-ubyte.gz'), gzipSync(idx([1], [9])))
    for (const load of [mnist, fashionMnist]) {
      const { train, test: held } = await load({ folder: cache })
      const [images, labels] = await train.batch!([1, 0])
      const fifth = Math.fround(0.2)
      expect([images.shape, await images.toArray()]).toEqual([
        [2, 1, 1, 2],
        [[[[Math.fround(0.4), 1]]], [[[0, fifth]]]],
      ])
      expect(await labels.toArray()).toEqual([3, 7])
      const [image, label] = await held.get(0)
      expect([await image.toArray(), label.shape, await label.item()]).toEqual([[[[1, 0]]], [], 9])
    }
    await rm(join(cache, 't10k-labels-idx1-ubyte.gz'))
    await expect(mnist({ folder: cache })).rejects.toThrow(
      'has no t10k-labels-idx1-ubyte and no t10k-labels-idx1-ubyte.gz',
    )
  })

  test('CIFAR-10 from its archive, Tiny Shakespeare', async () => {
    const record = (label: number): Uint8Array => Uint8Array.of(label, ...new Uint8Array(3072).fill(label))
    const files = ['data_batch_2', 'data_batch_1', 'test_batch'].map((name, i) => ({
      name: `cifar-10-batches-bin/${name}.bin`,
      data: record(i),
    }))
    await writeFile(join(cache, 'cifar-10-binary.tar.gz'), await createTarGzip(files))
    const { train, test: held } = await cifar10({ folder: cache })
    expect(await (await train.batch!([0, 1]))[1].toArray()).toEqual([1, 0])
    expect((await held.get(0))[0].shape).toEqual([3, 32, 32])
    await writeFile(join(cache, 'input.txt'), 'To be')
    expect(await tinyShakespeare({ folder: cache })).toBe('To be')
  })
})
