import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type DType, dtypes } from '../core/dtype.ts'
import { FileError, GradusError, ValueError } from '../core/errors.ts'
import { tensor } from '../tensor/creation.ts'
import { decodeSafetensors, encodeSafetensors, loadSafetensors, saveSafetensors } from './safetensors.ts'

const weights = join(process.env['GRADUS_DATA'] ?? '../shared/data', 'mnist', 'mnist.safetensors')

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-safetensors-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A file with this header and `dataBytes` bytes of data, counting up. */
function file(header: unknown, dataBytes: number, { length }: { length?: bigint } = {}): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + dataBytes)
  new DataView(bytes.buffer).setBigUint64(0, length ?? BigInt(text.length), true)
  bytes.set(text, 8)
  for (let i = 0; i < dataBytes; i++) bytes[8 + text.length + i] = i
  return bytes
}

const entry = (dtype: string, shape: number[], begin: number, end: number): object => ({
  dtype,
  shape,
  data_offsets: [begin, end],
})

describe('round trip', () => {
  test('keeps dtype, shape, values and metadata', async () => {
    const tensors = {
      'b.weight': tensor([[1.5, -2, Number.POSITIVE_INFINITY]]),
      'a.bias': tensor([1 / 3, 1e300], { dtype: 'float64' }),
      half: tensor([1.5, 65504, 2 ** -24], { dtype: 'float16' }),
      brain: tensor([3.140625, -1e38], { dtype: 'bfloat16' }),
      whole: tensor(Int32Array.of(-(2 ** 31), 2 ** 31 - 1)),
      bytes: tensor(Uint8Array.of(0, 255)),
      flags: tensor([[true], [false]]),
      scalar: tensor(7),
      empty: tensor(new Float32Array(0), { shape: [2, 0] }),
      ['__proto__']: tensor([1]),
    }
    const path = join(folder, 'all.safetensors')
    await saveSafetensors(path, tensors, { metadata: { format: 'pt', note: 'Schönes “Gerät”' } })
    for (const read of [await loadSafetensors(path), await decodeSafetensors(await readFile(path))]) {
      expect(read.metadata).toEqual({ format: 'pt', note: 'Schönes “Gerät”' })
      expect([...read.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort())
      for (const [name, x] of Object.entries(tensors)) {
        const y = read.tensors.get(name)
        expect([name, y?.dtype, y?.shape, y?.dataSync()]).toEqual([name, x.dtype, x.shape, x.dataSync()])
      }
    }
    expect(await readdir(folder)).toEqual(['all.safetensors'])
  })

  test('is the same for random tensors of every dtype', async () => {
    const anyTensor = fc.record({
      name: fc.string({ minLength: 1 }).filter((name) => name !== '__metadata__'),
      dtype: fc.constantFrom<DType>(...dtypes),
      shape: fc.array(fc.nat(3), { maxLength: 4 }),
      seed: fc.nat(200),
    })
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyTensor, { selector: ({ name }) => name, maxLength: 6 }), async (list) => {
        const tensors = new Map(
          list.map(({ name, dtype, shape, seed }) => {
            const size = shape.reduce((product, n) => product * n, 1)
            const values = Int32Array.from({ length: size }, (_, i) => (seed + i) % 2 ** 8)
            return [name, tensor(values, { shape, dtype })]
          }),
        )
        const bytes = await encodeSafetensors(tensors)
        const { tensors: back } = await decodeSafetensors(bytes)
        expect(back.size).toBe(tensors.size)
        for (const [name, x] of tensors) {
          expect([back.get(name)?.dtype, back.get(name)?.shape]).toEqual([x.dtype, x.shape])
          expect(back.get(name)?.dataSync()).toEqual(x.dataSync())
        }
        expect(await encodeSafetensors(back)).toEqual(bytes)
      }),
      { numRuns: 60 },
    )
  })

  test('writes the bytes that the reference implementation writes', async () => {
    const bytes = await encodeSafetensors(
      { b: tensor([1]), a: tensor([2, 3]), h: tensor([1], { dtype: 'float16' }), d: tensor([1], { dtype: 'float64' }) },
      { metadata: { format: 'pt' } },
    )
    expect(Buffer.from(bytes).toString('base64')).toBe(
      'AAEAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJmb3JtYXQiOiJwdCJ9LCJkIjp7ImR0eXBlIjoiRjY0Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMCw4XX0sImEiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzJdLCJkYXRhX29mZnNldHMiOls4LDE2XX0sImIiOnsiZHR5cGUiOiJGMzIiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlsxNiwyMF19LCJoIjp7ImR0eXBlIjoiRjE2Iiwic2hhcGUiOlsxXSwiZGF0YV9vZmZzZXRzIjpbMjAsMjJdfX0gICAgICAgAAAAAAAA8D8AAABAAABAQAAAgD8APA==',
    )
  })
})

describe('reading', () => {
  test('narrows I64 and refuses what does not fit', async () => {
    const data = new Uint8Array(BigInt64Array.of(-5n, 2n ** 31n - 1n).buffer)
    const good = file({ n: entry('I64', [2], 0, 16) }, 16)
    good.set(data, good.length - 16)
    const { tensors } = await decodeSafetensors(good)
    expect([tensors.get('n')?.dtype, tensors.get('n')?.toArraySync()]).toEqual(['int32', [-5, 2 ** 31 - 1]])
    good.set(new Uint8Array(BigInt64Array.of(2n ** 31n).buffer), good.length - 8)
    await expect(decodeSafetensors(good)).rejects.toThrow("tensor 'n': I64 value 2147483648 does not fit into int32")
  })

  test.each<[string, ArrayBufferView, string, number[]]>([
    ['I8', Int8Array.of(-128, 127), 'int32', [-128, 127]],
    ['I16', Int16Array.of(-32768, 32767), 'int32', [-32768, 32767]],
    ['U16', Uint16Array.of(0, 65535), 'int32', [0, 65535]],
    ['U32', Uint32Array.of(0, 2 ** 31 - 1), 'int32', [0, 2 ** 31 - 1]],
    ['U64', BigUint64Array.of(0n, 2n ** 31n - 1n), 'int32', [0, 2 ** 31 - 1]],
    ['F8_E5M2', Uint8Array.of(0x3c, 0x01, 0xfb, 0x7c), 'float16', [1, 2 ** -16, -57344, Number.POSITIVE_INFINITY]],
    ['F8_E4M3', Uint8Array.of(0x38, 0x01, 0xfe, 0x7f), 'float16', [1, 2 ** -9, -448, Number.NaN]],
    ['F8_E8M0', Uint8Array.of(0, 127, 254, 255), 'float32', [2 ** -127, 1, 2 ** 127, Number.NaN]],
  ])('%s keeps its values', async (format, data, dtype, values) => {
    const bytes = file({ n: entry(format, [values.length], 0, data.byteLength) }, data.byteLength)
    bytes.set(new Uint8Array(data.buffer), bytes.length - data.byteLength)
    const n = (await decodeSafetensors(bytes)).tensors.get('n')
    expect([n?.dtype, n?.toArraySync()]).toEqual([dtype, values])
  })

  test.each([
    ['U32', Uint32Array.of(2 ** 31)],
    ['U64', BigUint64Array.of(2n ** 63n)],
  ])('%s that does not fit is refused', async (format, data) => {
    const bytes = file({ n: entry(format, [1], 0, data.byteLength) }, data.byteLength)
    bytes.set(new Uint8Array(data.buffer), bytes.length - data.byteLength)
    await expect(decodeSafetensors(bytes)).rejects.toThrow(`${format} value ${data[0]} does not fit into int32`)
  })

  test('narrows tensors of many chunks', async () => {
    const wide = BigInt64Array.from({ length: 140_001 }, (_, i) => BigInt(i * 7 - 1_000_000))
    const bytes = file({ n: entry('I64', [wide.length], 0, wide.byteLength) }, wide.byteLength)
    bytes.set(new Uint8Array(wide.buffer), bytes.length - wide.byteLength)
    const read = (await decodeSafetensors(bytes)).tensors.get('n')?.dataSync()
    expect(read).toEqual(Int32Array.from(wide, Number))
  })

  test('accepts any order in the header, spaces behind it and data that is not aligned', async () => {
    const header = { f: entry('F32', [1], 1, 5), b: entry('U8', [1], 0, 1), none: entry('F32', [0, 9], 5, 5) }
    const bytes = file(`${JSON.stringify(header)}    `, 5)
    bytes.set(new Uint8Array(Float32Array.of(2.5).buffer), bytes.length - 4)
    const { tensors } = await decodeSafetensors(bytes)
    expect(tensors.get('f')?.toArraySync()).toEqual([2.5])
    expect([...tensors.keys()]).toEqual(['b', 'f', 'none'])
    expect((await decodeSafetensors(file({}, 0))).tensors.size).toBe(0)
  })

  const one = entry('U8', [2], 0, 2)
  test.each<[string, Uint8Array]>([
    ['7 bytes are too few', new Uint8Array(7)],
    ['its header would be 100000001 bytes long, more than 100000000', file({}, 0, { length: 100_000_001n })],
    ['18446744073709551615 bytes long', file({}, 0, { length: 2n ** 64n - 1n })],
    ['truncated: the header needs 3 bytes, 2 are there', file({}, 0, { length: 3n })],
    ["does not begin with '{'", file('[]', 0)],
    ["does not begin with '{'", file('', 0)],
    ["does not begin with '{'", file(' {}', 0)],
    ['not valid UTF-8', file({}, 1, { length: 3n }).fill(0xff, 9)],
    ['not valid JSON', file('{"a"}', 0)],
    ['not valid JSON', file('{} x', 0)],
    ["names 'a' twice", file(`{"a":${JSON.stringify(one)},"a":${JSON.stringify(one)}}`, 2)],
    ["names 'a' twice", file(`{"a":${JSON.stringify(one)},"\\u0061":${JSON.stringify(one)}}`, 2)],
    ["names 'shape' twice", file('{"a":{"dtype":"U8","shape":[9],"shape":[2],"data_offsets":[0,2]}}', 2)],
    ['__metadata__ must hold texts only', file({ __metadata__: { a: 1 } }, 0)],
    ['__metadata__ must hold texts only', file({ __metadata__: ['a'] }, 0)],
    ["tensor 'a': its entry is not an object", file({ a: 1 }, 0)],
    ["tensor 'a': unknown key 'strides'", file({ a: { ...one, strides: [1] } }, 2)],
    ['dtype "F4" is not supported; expected one of I64, U64, F64', file({ a: entry('F4', [4], 0, 2) }, 2)],
    ['dtype "C64" is not supported', file({ a: entry('C64', [1], 0, 8) }, 8)],
    ['dtype "toString" is not supported', file({ a: entry('toString', [2], 0, 2) }, 2)],
    ['shape [-2] is not', file({ a: entry('U8', [-2], 0, 2) }, 2)],
    ['shape [1.5] is not', file({ a: entry('U8', [1.5], 0, 2) }, 2)],
    ['shape "2" is not', file({ a: { ...one, shape: '2' } }, 2)],
    ['data_offsets [0] are not', file({ a: { ...one, data_offsets: [0] } }, 2)],
    ['data_offsets [0,1e+300] are not', file({ a: entry('U8', [2], 0, 1e300) }, 2)],
    ['overflows', file({ a: entry('U8', [2 ** 32, 2 ** 32, 0], 0, 0) }, 0)],
    ['overflows', file({ a: entry('F32', [2 ** 52], 0, 2) }, 2)],
    ['F32 [2] takes 8 bytes, data_offsets give 2', file({ a: entry('F32', [2], 0, 2) }, 2)],
    ['U8 [2] takes 2 bytes, data_offsets give -2', file({ a: entry('U8', [2], 2, 0) }, 2)],
    ["'b' leaves a hole before it: it begins at 3, expected 2", file({ a: one, b: entry('U8', [1], 3, 4) }, 4)],
    ["'a' leaves a hole before it", file({ a: entry('U8', [1], 1, 2) }, 2)],
    ["'b' overlaps the tensor before it", file({ a: one, b: entry('U8', [2], 1, 3) }, 3)],
    ["'b' overlaps the tensor before it", file({ a: one, b: one }, 2)],
    ['the tensors need 2 bytes, 3 are there', file({ a: one }, 3)],
    ['truncated: the tensors need 2 bytes, 1 are there', file({ a: one }, 1)],
    ['a BOOL must be 0 or 1, received 2', file({ a: entry('BOOL', [3], 0, 3) }, 3)],
  ])('refuses: %s', async (problem, bytes) => {
    const refused = decodeSafetensors(bytes, 'some file')
    await expect(refused).rejects.toThrow(FileError)
    await expect(refused).rejects.toThrow('safetensors: some file: ')
    await expect(refused).rejects.toThrow(problem)
    const path = join(folder, 'damaged')
    await writeFile(path, bytes)
    await expect(loadSafetensors(path)).rejects.toThrow(problem)
  })

  test('never fails in another way, whatever the bytes', async () => {
    const good = await encodeSafetensors({ a: tensor([1, 2]), b: tensor([true]) }, { metadata: { x: 'y' } })
    const edits = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(edits, async (list) => {
        const bytes = good.slice()
        for (const [at, value] of list) bytes[at] = value
        await decodeSafetensors(bytes).catch((error: unknown) => {
          if (!(error instanceof FileError)) throw error
        })
      }),
      { numRuns: 500 },
    )
  })

  test('names a file that is not there', async () => {
    await expect(loadSafetensors(join(folder, 'absent'))).rejects.toThrow(FileError)
    await expect(loadSafetensors(join(folder, 'absent'))).rejects.toThrow('absent: no such file or folder')
    await expect(loadSafetensors(folder)).rejects.toThrow(GradusError)
  })

  test.skipIf(!existsSync(weights))('reads weights that others wrote', async () => {
    const { tensors } = await loadSafetensors(weights)
    expect([...tensors].map(([name, x]) => `${name} ${x.dtype} [${x.shape}]`)).toMatchInlineSnapshot(`
      [
        "norm1.num_batches_tracked int32 []",
        "norm2.num_batches_tracked int32 []",
        "conv1.bias float32 [8]",
        "conv1.weight float32 [8,1,3,3]",
        "conv2.bias float32 [16]",
        "conv2.weight float32 [16,8,3,3]",
        "conv3.bias float32 [24]",
        "conv3.weight float32 [24,16,3,3]",
        "fc1.bias float32 [32]",
        "fc1.weight float32 [32,11616]",
        "fc2.bias float32 [10]",
        "fc2.weight float32 [10,32]",
        "norm1.bias float32 [24]",
        "norm1.running_mean float32 [24]",
        "norm1.running_var float32 [24]",
        "norm1.weight float32 [24]",
        "norm2.bias float32 [10]",
        "norm2.running_mean float32 [10]",
        "norm2.running_var float32 [10]",
        "norm2.weight float32 [10]",
      ]
    `)
  })
})

describe('writing', () => {
  test('refuses a name that the format keeps for itself', async () => {
    await expect(encodeSafetensors({ __metadata__: tensor([1]) })).rejects.toThrow(ValueError)
  })
})
