/** Files from people who mean harm, and files that were damaged on the way: a typed error, no code, little memory. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { GradusError } from '../../src/core/errors.ts'
import { nn } from '../../src/index.ts'
import { decodeNpy } from '../../src/io/npy.ts'
import { decodeNpz } from '../../src/io/npz.ts'
import { encodeOnnx, loadOnnx } from '../../src/io/onnx/onnx.ts'
import { decodePyTorch } from '../../src/io/pytorch/pytorch.ts'
import { decodeSafetensors, encodeSafetensors } from '../../src/io/safetensors.ts'
import { arange, tensor } from '../../src/tensor/creation.ts'
import { archive, bytes, pickle } from './craft.ts'

const fixture = (name: string): Uint8Array => new Uint8Array(readFileSync(new URL(`data/${name}`, import.meta.url)))

/** Whole numbers below `n`, the same in every run (mulberry32). */
function random(seed: number): (n: number) => number {
  let state = seed
  return (n) => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * n)
  }
}

/** A few bytes changed, a piece cut out, or the end cut off. */
function mutated(original: Uint8Array, seed: number): Uint8Array {
  const next = random(seed)
  const kind = next(4)
  if (kind === 0) return original.slice(0, next(original.length))
  if (kind === 1) {
    const from = next(original.length)
    return bytes(original.subarray(0, from), original.subarray(from + 1 + next(64)))
  }
  const changed = original.slice()
  for (let i = 0; i <= next(8); i++) changed[next(changed.length)] = next(256)
  return changed
}

type Decode = (content: Uint8Array) => Promise<unknown>

/** Whether the file was read; anything but a value or a typed error of one line fails the test. */
async function survives(decode: Decode, content: Uint8Array): Promise<boolean> {
  const before = process.resourceUsage().maxRSS
  try {
    await decode(content)
    return true
  } catch (error) {
    if (!(error instanceof GradusError)) throw error
    expect(error.message).not.toContain('\n')
    return false
  } finally {
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(400_000)
  }
}

describe('damaged files', async () => {
  const network = new nn.Sequential(new nn.Conv2d(1, 2, 3), new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(8, 2))
  const image = arange(36).reshape(1, 1, 6, 6).to('float32')
  const safetensors = await encodeSafetensors({
    a: arange(10),
    b: tensor([true, false]),
    c: tensor([1], { dtype: 'float16' }),
  })
  test.each<[string, Uint8Array, Decode]>([
    ['safetensors', safetensors, (content) => decodeSafetensors(content)],
    ['PyTorch', fixture('checkpoint.pt'), (content) => decodePyTorch(content)],
    ['older PyTorch', fixture('checkpoint-legacy.pt'), (content) => decodePyTorch(content)],
    ['npz', fixture('arrays.npz'), (content) => decodeNpz(content)],
    ['ONNX', await encodeOnnx(network, [image]), async (content) => (await loadOnnx(content)).forward(image)],
  ])('%s, 60 of them', async (_, original, decode) => {
    expect(await survives(decode, original)).toBe(true)
    let refused = 0
    for (let seed = 0; seed < 60; seed++) if (!(await survives(decode, mutated(original, seed)))) refused++
    // Changes that only touch elements go unseen; most do not.
    expect(refused).toBeGreaterThan(20)
  })
})

describe('pickles that call something', () => {
  const marker = join(tmpdir(), `gradus-hostile-${process.pid}`)
  const command = `touch ${marker}`
  const { global, text, start } = pickle
  const call = (module: string, name: string, ...args: string[]): Uint8Array =>
    bytes(start, global(module, name), '(', ...args.map(text), 't', 'R', '.')
  const programs: Readonly<Record<string, Uint8Array>> = {
    'os.system': call('os', 'system', command),
    'posix.system': call('posix', 'system', command),
    'nt.system': call('nt', 'system', command),
    'subprocess.Popen': call('subprocess', 'Popen', command),
    'builtins.eval': call('builtins', 'eval', '1'),
    'builtins.exec': call('builtins', 'exec', 'import os'),
    '__builtin__.eval': call('__builtin__', 'eval', '1'),
    'builtins.getattr': call('builtins', 'getattr', 'a', 'b'),
    'builtins.__import__': call('builtins', '__import__', 'os'),
    'importlib.import_module': call('importlib', 'import_module', 'os'),
    'runpy._run_code': call('runpy', '_run_code', 'a'),
    'torch.load': call('torch', 'load', 'a'),
    'torch.hub.load': call('torch.hub', 'load', 'a'),
    'torch.storage._load_from_bytes': call('torch.storage', '_load_from_bytes', 'a'),
    'torch.jit._pickle.restore_type_tag': call('torch.jit._pickle', 'restore_type_tag', 'a'),
    'numpy.load': call('numpy', 'load', 'a'),
    'collections.OrderedDict.__reduce__': call('collections', 'OrderedDict.__reduce__'),
    constructor: call('constructor', 'constructor', command),
    __proto__: call('__proto__', '__proto__', command),
    'stack global': bytes(0x80, 4, 0x8c, 2, 'os', 0x8c, 6, 'system', 0x93, text(command), 0x85, 'R', '.'),
    INST: bytes(start, '(', text(command), 'ios\nsystem\n.'),
    OBJ: bytes(start, '(', global('os', 'system'), text(command), 'o.'),
    NEWOBJ: bytes(start, global('os', 'system'), text(command), 0x85, 0x81, '.'),
    NEWOBJ_EX: bytes(start, global('os', 'system'), text(command), 0x85, '}', 0x92, '.'),
    'BUILD with __setstate__': bytes(
      start,
      global('collections', 'OrderedDict'),
      '}',
      text('__setstate__'),
      global('os', 'system'),
      's',
      'b.',
    ),
    EXT1: bytes(start, 0x82, 1, '.'),
    PERSID: bytes(start, 'Pos.system\n.'),
    'protocol 0': bytes('cos\nsystem\n(S"', command, '"\ntR.'),
  }
  test.each(Object.entries(programs))('%s', async (_, program) => {
    expect(await survives(decodePyTorch, archive(program))).toBe(false)
    expect(await survives(decodePyTorch, program)).toBe(false)
    const found = existsSync(marker)
    rmSync(marker, { force: true })
    expect(found).toBe(false)
  })
})

describe('files that would take too much', () => {
  const { start } = pickle
  const one = [Float32Array.of(1)]
  const list = (...parts: (number | string | Uint8Array)[]): Uint8Array => archive(bytes(start, ...parts, '.'), one)
  /** An archive whose directory says that its one entry is 4 GB. */
  const lying = (name: string): Uint8Array => {
    const zip = zipSync({ [name]: new Uint8Array(1000) })
    const directory = Buffer.from(zip).indexOf('PK\x01\x02', 0, 'latin1')
    new DataView(zip.buffer).setUint32(directory + 24, 0xfffffff0, true)
    return zip
  }
  const onnx: Decode = async (content) => (await loadOnnx(content)).forward()
  const header = "{'descr': '<f8', 'fortran_order': False, 'shape': (99999999, 999), }\n"
  const files: Readonly<Record<string, readonly [Decode, Uint8Array]>> = {
    'one element as four billion': [
      decodePyTorch,
      list(pickle.tensor({ shape: [2000, 2000, 1000], strides: [0, 0, 0] })),
    ],
    'sizes that overflow': [
      decodePyTorch,
      list(pickle.tensor({ shape: [2 ** 31 - 1, 2 ** 31 - 1, 2 ** 31 - 1], strides: [0, 0, 0] })),
    ],
    'elements beyond the storage': [decodePyTorch, list(pickle.tensor({ shape: [2], strides: [1] }))],
    'an offset beyond the storage': [decodePyTorch, list(pickle.tensor({ offset: 1 }))],
    'a stride beyond the storage': [decodePyTorch, list(pickle.tensor({ shape: [1, 2], strides: [1, 2 ** 31 - 1] }))],
    'a storage larger than its data': [decodePyTorch, list(pickle.tensor({ count: 2 ** 31 - 1 }))],
    'a storage that is not there': [decodePyTorch, list(pickle.tensor({ key: '7' }))],
    'a storage outside the archive': [decodePyTorch, list(pickle.tensor({ key: '../../data.pkl' }))],
    'a negative size': [decodePyTorch, list(pickle.tensor({ shape: [-1] }))],
    'a tensor a hundred thousand times': [
      decodePyTorch,
      list('(', 'N'.repeat(100_000), pickle.tensor({ shape: [2 ** 30], strides: [0] }), 't'),
    ],
    'lists in lists': [decodePyTorch, list(']', new Uint8Array(200_000).fill(0x85))],
    'a list in itself': [decodePyTorch, list(']', 'q', 0, 'h', 0, 'a')],
    'text longer than the file': [decodePyTorch, list('X', 255, 255, 255, 127)],
    'an archive that lies': [decodePyTorch, lying('a/data.pkl')],
    'an array archive that lies': [(content) => decodeNpz(content), lying('a.npy')],
    'an array of 800 GB': [(content) => decodeNpy(content), bytes(0x93, 'NUMPY', 1, 0, header.length, 0, header)],
    'a header of 2⁶⁴ bytes': [
      (content) => decodeSafetensors(content),
      bytes(255, 255, 255, 255, 255, 255, 255, 255, '{}'),
    ],
    'an ONNX tensor of 2⁶² elements': [onnx, graph(field(5, weight([2 ** 31, 2 ** 31], new Uint8Array(4))))],
    'an ONNX tensor whose size overflows': [onnx, graph(field(5, weight([2 ** 40, 2 ** 40], new Uint8Array(4))))],
    'an ONNX tensor with fewer bytes than it says': [onnx, graph(field(5, weight([1000], new Uint8Array(4))))],
    'an ONNX tensor of text': [onnx, graph(field(5, bytes(0x10, 8, field(8, 'w'))))],
    'ONNX weights in a file elsewhere': [onnx, graph(field(5, elsewhere('/etc/passwd')))],
    'graphs in graphs': [(content) => loadOnnx(content), nested(20_000)],
    'an ONNX node that takes itself': [onnx, graph(node('Relu', 'y', 'y'), output('y'))],
    'an ONNX operation that is none': [onnx, graph(node('constructor', 'y', 'y'), output('y'))],
    'an ONNX value called __proto__': [onnx, graph(node('Relu', '__proto__', 'y'), output('y'))],
    'an archive of nothing': [decodePyTorch, zipSync({})],
    'two entries of one name': [decodePyTorch, twice()],
  }
  test.each(Object.entries(files))('%s', async (_, [decode, content]) =>
    expect(await survives(decode, content)).toBe(false),
  )

  test('a thousand shared lists of shared lists are read as they are', async () => {
    const doubling = Array.from({ length: 60 }, () => [0x32, 0x86]).flat()
    expect(await survives(decodePyTorch, list(']', ...doubling))).toBe(true)
  })

  test('what the user allows is read', async () => {
    const file = list(pickle.tensor({ shape: [1000, 1000], strides: [0, 0] }))
    await expect(decodePyTorch(file, { maxBytes: 1e6 })).rejects.toThrow('pass { maxBytes } if you trust the file')
    await expect(decodePyTorch(file, { maxBytes: 1e8 })).resolves.toMatchObject({ shape: [1000, 1000] })
  })
})

/** A number as protocol buffers store it. */
function varint(value: number): Uint8Array {
  const groups: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) groups.push((rest % 128) + 128)
  return Uint8Array.of(...groups, rest)
}

/** A field of a message: text, bytes or another message. */
function field(number: number, content: string | Uint8Array): Uint8Array {
  const raw = bytes(content)
  return bytes(varint(number * 8 + 2), varint(raw.length), raw)
}

/** A ModelProto with a graph of these fields. */
const graph = (...fields: readonly Uint8Array[]): Uint8Array => field(7, bytes(...fields))

const node = (op: string, input: string, result: string): Uint8Array =>
  field(1, bytes(field(1, input), field(2, result), field(4, op)))

const output = (name: string): Uint8Array => field(12, field(1, name))

/** A TensorProto of float32. */
const weight = (dims: readonly number[], raw: Uint8Array): Uint8Array =>
  bytes(...dims.map((dim) => bytes(0x08, varint(dim))), 0x10, 1, field(8, 'w'), field(9, raw))

/** A TensorProto whose bytes lie in another file. */
const elsewhere = (location: string): Uint8Array =>
  bytes(0x08, 1, 0x10, 1, field(8, 'w'), field(13, bytes(field(1, 'location'), field(2, location))), 0x70, 1)

/** A node with a graph with a node with a graph ... */
function nested(depth: number): Uint8Array {
  const sizes: Uint8Array[] = []
  let size = 0
  for (let i = 0; i < depth; i++) {
    // Fields: the node of a graph, its attribute, the graph of that.
    for (const tag of [6, 5, 1]) {
      const head = bytes(varint(tag * 8 + 2), varint(size))
      sizes.push(head)
      size += head.length
    }
  }
  return bytes(varint(7 * 8 + 2), varint(size), ...sizes.reverse())
}

/** An archive with `a/data.pkl` twice. */
function twice(): Uint8Array {
  const zip = zipSync({ 'a/data.pkl': pickle.start, 'b/data.pkl': pickle.start }, { level: 0 })
  const text = Buffer.from(zip).toString('latin1').replaceAll('b/data.pkl', 'a/data.pkl')
  return new Uint8Array(Buffer.from(text, 'latin1'))
}
