/** Files that NumPy wrote, and files as NumPy writes them (generate.py). */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FileError } from '../../src/core/errors.ts'
import { decodeNpy, encodeNpy, loadNpy, saveNpy } from '../../src/io/npy.ts'
import { decodeNpz, encodeNpz, loadNpz, saveNpz } from '../../src/io/npz.ts'
import { loadTensors } from '../../src/io/weights.ts'
import { arange, tensor } from '../../src/tensor/creation.ts'
import { bytes } from './craft.ts'

const at = (name: string): string => fileURLToPath(new URL(`data/${name}`, import.meta.url))
const { arrays, written } = JSON.parse(await readFile(at('arrays.json'), 'utf8'))

const became: Readonly<Record<string, string>> = { int64: 'int32', int8: 'int32', uint16: 'int32' }

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-numpy-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A `.npy` file of version 1 with this header. */
function npy(header: string, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  return bytes(0x93, 'NUMPY', 1, 0, header.length & 255, header.length >> 8, header, data)
}

describe('reading', () => {
  test.each(['arrays.npz', 'stored.npz'])('%s holds what NumPy put there', async (name) => {
    const read = await loadNpz(at(name))
    const shown = [...read].map(([key, x]) => [key, { dtype: x.dtype, shape: x.shape, values: [...x.dataSync()] }])
    const wanted = Object.entries<{ dtype: string }>(arrays).map(([key, x]) => [
      key,
      { ...x, dtype: became[x.dtype] ?? x.dtype },
    ])
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(wanted))
    expect([...(await loadTensors(at(name))).keys()]).toEqual(Object.keys(arrays))
  })

  test('headers of any order and spacing', async () => {
    const x = await decodeNpy(npy(`{"shape":(2,1) ,'fortran_order': False,"descr":'<i2'}  \n`, bytes(1, 0, 255, 255)))
    expect([x.dtype, x.toArraySync()]).toEqual(['int32', [[1], [-1]]])
  })

  const header = (parts: Record<string, string>): string => {
    const all = { descr: "'<f4'", fortran_order: 'False', shape: '(1,)', ...parts }
    return `{${Object.entries(all)
      .map(([key, value]) => `'${key}': ${value}`)
      .join(', ')}, }\n`
  }
  test.each<[string, Uint8Array]>([
    ['not a .npy file', bytes('NUMPY')],
    ['not a .npy file', new Uint8Array(0)],
    ['version 9 of the format', bytes(0x93, 'NUMPY', 9, 0, 0, 0, 0, 0)],
    ['the header is cut short', bytes(0x93, 'NUMPY', 1, 0, 200, 0, '{}')],
    ['a header of 4294967295 bytes', bytes(0x93, 'NUMPY', 2, 0, 255, 255, 255, 255)],
    ['the header is damaged', npy('[]')],
    ['the header is damaged', npy("{'descr': __import__('os').system('true')}")],
    ["names 'shape' twice", npy(header({}).replace('}', ` 'shape': (2,)}`))],
    ["dtype '|O' has no counterpart", npy(header({ descr: "'|O'" }))],
    ["dtype '<c8' has no counterpart", npy(header({ descr: "'<c8'" }))],
    ["dtype '<U5' has no counterpart", npy(header({ descr: "'<U5'" }))],
    ["dtype [('a', '<f4')] has no counterpart", npy(header({ descr: "[('a', '<f4')]" }))],
    ['no fortran_order', npy(header({ fortran_order: '(1,)' }))],
    ['no shape', npy(header({ shape: 'True' }))],
    ['the header is damaged', npy(header({ shape: '(1.5,)' }))],
    ['shape (99999999, 99999999, 99999999) is damaged', npy(header({ shape: '(99999999, 99999999, 99999999)' }))],
    ['shape [1] of float32 takes 4 bytes, 0 are there', npy(header({}))],
    ['shape [1] of float32 takes 4 bytes, 5 are there', npy(header({}), new Uint8Array(5))],
    ['I64 value 4294967296 does not fit', npy(header({ descr: "'<i8'" }), bytes(0, 0, 0, 0, 1, 0, 0, 0))],
  ])('refuses: %s', async (problem, content) => {
    await expect(decodeNpy(content, 'some file')).rejects.toThrow(FileError)
    await expect(decodeNpy(content, 'some file')).rejects.toThrow(problem)
  })

  test('refuses what is no archive of arrays', async () => {
    await expect(decodeNpz(bytes('text'))).rejects.toThrow('not a zip archive')
    await expect(loadNpz(at('checkpoint.pt'))).rejects.toThrow("data.pkl' is not a NumPy array")
  })
})

describe('writing', () => {
  test.each(Object.keys(written))('%s as NumPy does, to the byte', async (name) => {
    const { dtype, shape, values } = arrays[name]
    const x = tensor(dtype === 'bool' ? Uint8Array.from(values) : Float64Array.from(values), { dtype, shape })
    expect(Buffer.from(await encodeNpy(x)).toString('hex')).toBe(written[name])
  })

  test('round trips through files', async () => {
    const tensors = {
      a: arange(6).reshape(2, 3),
      'b.weight': tensor([1.5], { dtype: 'float16' }),
      ['__proto__']: tensor([true]),
    }
    await saveNpy(join(folder, 'a.npy'), tensors.a)
    expect((await loadNpy(join(folder, 'a.npy'))).toArraySync()).toEqual(tensors.a.toArraySync())
    for (const compress of [false, true]) {
      await saveNpz(join(folder, 'all.npz'), tensors, { compress })
      const read = await loadNpz(join(folder, 'all.npz'))
      expect([...read.keys()]).toEqual(Object.keys(tensors))
      for (const [name, x] of Object.entries(tensors)) expect(read.get(name)?.toArraySync()).toEqual(x.toArraySync())
    }
    expect(await encodeNpz({ a: arange(3) })).toEqual(await encodeNpz({ a: arange(3) }))
  })

  test('bfloat16 is widened', async () => {
    const x = tensor([1, 3.140625], { dtype: 'bfloat16' })
    const read = await decodeNpy(await encodeNpy(x))
    expect([read.dtype, read.toArraySync()]).toEqual(['float32', [1, 3.140625]])
  })
})
