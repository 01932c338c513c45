/** Memory from the system: executable pages, pages of our own, arrays aligned to cache lines. */
import { type CFunction, ffi } from './ffi.ts'

export const PAGE = 4096
/** Functions begin on cache lines. */
const CODE_ALIGNMENT = 64

const PROT_NONE = 0
const PROT_READ_WRITE = 3
const PROT_READ_EXEC = 5
const MAP_PRIVATE_ANONYMOUS = 0x22

interface SystemCalls {
  readonly mmap: CFunction
  readonly munmap: CFunction
  readonly mprotect: CFunction
}

let calls: SystemCalls | null = null

function system(): SystemCalls {
  const { libc } = ffi()
  calls ??= {
    mmap: libc('mmap', 'intptr_t', 'uintptr_t', 'size_t', 'int', 'int', 'int', 'int64_t'),
    munmap: libc('munmap', 'int', 'uintptr_t', 'size_t'),
    mprotect: libc('mprotect', 'int', 'uintptr_t', 'size_t', 'int'),
  }
  return calls
}

/** Zeroed readable and writable pages; they stay until `unmap`. */
function map(length: number): number {
  const address = Number(system().mmap(0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0))
  if (address === -1) throw new Error(`mmap of ${length} bytes failed`)
  return address
}

function unmap(mapping: { address: number; length: number }): void {
  system().munmap(mapping.address, mapping.length)
}

function protect(address: number, length: number, protection: number): void {
  if (system().mprotect(address, length, protection) !== 0) {
    throw new Error(`mprotect of ${length} bytes to ${protection} failed`)
  }
}

const roundUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit

const M_TRIM_THRESHOLD = -1
const M_MMAP_THRESHOLD = -3

/**
 * Lets the C library keep up to so much freed memory for later arrays instead of handing it back: the system takes longer to
 * provide a fresh page than a kernel to fill it, and tensors that loops drop come and go by the megabyte. The second number
 * is the largest that it accepts for the size above which an array gets a mapping of its own.
 */
export function keepFreedMemory(bytes: number = 512 * 2 ** 20, largest: number = 32 * 2 ** 20): void {
  try {
    const mallopt = ffi().libc('mallopt', 'int', 'int', 'int')
    mallopt(M_MMAP_THRESHOLD, largest)
    mallopt(M_TRIM_THRESHOLD, bytes)
  } catch {
    // Not the C library of GNU: arrays come from the system each time, as ever.
  }
}

const unmapper = new FinalizationRegistry(unmap)

/**
 * Machine code in memory. The pages are writable while the code is copied and executable afterwards, never both. They are unmapped when this
 * object is garbage-collected, so whoever holds an address into them holds this object too.
 */
export class CodePages {
  readonly address: number
  readonly length: number

  constructor(code: Uint8Array) {
    const length = roundUp(Math.max(code.length, 1), PAGE)
    this.address = map(length)
    this.length = length
    new Uint8Array(ffi().view(this.address, length)).set(code)
    protect(this.address, length, PROT_READ_EXEC)
    unmapper.register(this, { address: this.address, length })
  }

  /** Pieces of code side by side in the same pages, each once, and where each begins. */
  static of(pieces: Iterable<Uint8Array>): {
    readonly pages: CodePages
    readonly offsets: ReadonlyMap<Uint8Array, number>
  } {
    const offsets = new Map<Uint8Array, number>()
    let length = 0
    for (const piece of pieces) {
      if (offsets.has(piece)) continue
      offsets.set(piece, length)
      length = roundUp(length + piece.length, CODE_ALIGNMENT)
    }
    const code = new Uint8Array(length)
    for (const [piece, offset] of offsets) code.set(piece, offset)
    return { pages: new CodePages(code), offsets }
  }

  /** The function at an offset, callable from JavaScript; it keeps the pages mapped. */
  functionAt(offset: number, result: string, ...parameters: string[]): CFunction {
    const callable = ffi().functionAt(this.address + offset, result, ...parameters)
    return Object.defineProperty(callable, 'pages', { value: this })
  }
}

/** Zeroed pages that live as long as the process. */
export function permanentPages(length: number): { address: number; bytes: Uint8Array<ArrayBuffer> } {
  const rounded = roundUp(length, PAGE)
  const address = map(rounded)
  return { address, bytes: new Uint8Array(ffi().view(address, rounded)) }
}

const addresses = new WeakMap<ArrayBufferLike, number>()

/** Address of the first byte; looked up once a buffer, since backing stores do not move. */
export function addressOf(memory: ArrayBufferView | ArrayBufferLike): number {
  if (ArrayBuffer.isView(memory)) return addressOf(memory.buffer) + memory.byteOffset
  let address = addresses.get(memory)
  if (address === undefined) {
    address = ffi().addressOf(memory)
    addresses.set(memory, address)
  }
  return address
}

/** A zeroed buffer that V8 owns, over-allocated so that its first byte lies on a multiple of 64. */
export function alignedBytes(length: number): Uint8Array<ArrayBuffer> {
  return alignedPart(new ArrayBuffer(length + 63), length)
}

/** As {@link alignedBytes}, but with whatever was in memory before: for what is written as a whole. */
export function uninitializedBytes(length: number): Uint8Array<ArrayBuffer> {
  return alignedPart(Buffer.allocUnsafeSlow(length + 63).buffer, length)
}

function alignedPart(buffer: ArrayBuffer, length: number): Uint8Array<ArrayBuffer> {
  const misaligned = addressOf(buffer) % 64
  return new Uint8Array(buffer, (64 - misaligned) % 64, length)
}

interface TypedArrayConstructor<T> {
  readonly BYTES_PER_ELEMENT: number
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T
}

/** A zeroed typed array on a multiple of 64: `alignedArray(Float32Array, 1000)`. */
export function alignedArray<T>(type: TypedArrayConstructor<T>, length: number): T {
  const bytes = alignedBytes(length * type.BYTES_PER_ELEMENT)
  return new type(bytes.buffer, bytes.byteOffset, length)
}

/** For tests: pages some of which cannot be read. They stay mapped. */
export function guardedPages(
  count: number,
  unreadable: readonly number[],
): { address: number; bytes: Uint8Array<ArrayBuffer> } {
  const mapped = permanentPages(count * PAGE)
  for (const page of unreadable) protect(mapped.address + page * PAGE, PAGE, PROT_NONE)
  return mapped
}

/** A buffer between two unreadable pages. */
export interface GuardedBytes {
  readonly bytes: Uint8Array<ArrayBuffer>
  readonly address: number
  /** Unmaps it; `bytes` must not be touched afterwards. */
  release(): void
}

/**
 * For tests: a zeroed buffer that touches an unreadable page, so that an access beyond it kills the process instead of passing unseen.
 *
 * @param side `end`: the last byte lies before an unreadable page. `start`: the first byte lies behind one.
 */
export function guardedBytes(length: number, side: 'start' | 'end' = 'end'): GuardedBytes {
  const inner = roundUp(Math.max(length, 1), PAGE)
  const mapping = { address: map(inner + 2 * PAGE), length: inner + 2 * PAGE }
  protect(mapping.address, PAGE, PROT_NONE)
  protect(mapping.address + PAGE + inner, PAGE, PROT_NONE)
  const offset = side === 'end' ? inner - length : 0
  const buffer = ffi().view(mapping.address + PAGE, inner)
  return {
    bytes: new Uint8Array(buffer, offset, length),
    address: mapping.address + PAGE + offset,
    release: () => unmap(mapping),
  }
}
