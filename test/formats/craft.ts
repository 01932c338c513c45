/** Pickles and archives made by hand, among them such as nobody should open. */
import { zipSync } from 'fflate'

const text = new TextEncoder()

/** Bytes from numbers, texts and other bytes. */
export function bytes(...parts: readonly (number | string | Uint8Array)[]): Uint8Array<ArrayBuffer> {
  const chunks = parts.map((part) =>
    typeof part === 'number' ? [part] : typeof part === 'string' ? [...text.encode(part)] : [...part],
  )
  return Uint8Array.from(chunks.flat())
}

const int32 = (value: number): Uint8Array => new Uint8Array(Int32Array.of(value).buffer)

/** Opcodes of the pickle machine, by what they do. */
export const pickle: Opcodes = {
  start: bytes(0x80, 2),
  global: (module: string, name: string): Uint8Array => bytes('c', module, '\n', name, '\n'),
  text: (value: string): Uint8Array => bytes('X', int32(text.encode(value).length), value),
  int: (value: number): Uint8Array => bytes('J', int32(value)),

  /** A tensor of `shape` over storage `key` of `count` elements. */
  tensor({
    key = '0',
    type = 'FloatStorage',
    count = 1,
    offset = 0,
    shape = [1],
    strides = [1],
  }: Partial<TensorParts> = {}): Uint8Array {
    const storage = bytes(
      '(',
      pickle.text('storage'),
      pickle.global('torch', type),
      pickle.text(key),
      pickle.text('cpu'),
      pickle.int(count),
      't',
      'Q',
    )
    const sizes = (list: readonly number[]): Uint8Array => bytes('(', ...list.map(pickle.int), 't')
    return bytes(
      pickle.global('torch._utils', '_rebuild_tensor_v2'),
      '(',
      storage,
      pickle.int(offset),
      sizes(shape),
      sizes(strides),
      0x89,
      '}',
      't',
      'R',
    )
  },

  /** A dict of tensors of one float each, the storages counted from 0. */
  stateDict(names: readonly string[]): Uint8Array {
    return bytes(
      pickle.start,
      '}',
      '(',
      ...names.flatMap((name, i) => [pickle.text(name), pickle.tensor({ key: String(i) })]),
      'u',
      '.',
    )
  },
}

interface Opcodes {
  readonly start: Uint8Array
  readonly global: (module: string, name: string) => Uint8Array
  readonly text: (value: string) => Uint8Array
  readonly int: (value: number) => Uint8Array
  readonly tensor: (parts?: Partial<TensorParts>) => Uint8Array
  readonly stateDict: (names: readonly string[]) => Uint8Array
}

interface TensorParts {
  readonly key: string
  readonly type: string
  readonly count: number
  readonly offset: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** A PyTorch archive with this pickle and these storages. */
export function archive(
  content: Uint8Array,
  storages: readonly ArrayBufferView[] = [],
  { level = 0 }: { level?: 0 | 6 } = {},
): Uint8Array {
  const data = storages.map((x, i) => [`a/data/${i}`, new Uint8Array(x.buffer, x.byteOffset, x.byteLength)] as const)
  return zipSync({ 'a/data.pkl': content, ...Object.fromEntries(data) }, { level })
}
