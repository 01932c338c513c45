import { allocate, bytesPerElement, type DType, type TypedArray } from '../../core/dtype.ts'
import { uninitializedBytes } from './memory.ts'

/**
 * Where results lie. The system takes longer to provide fresh memory than most kernels to fill it, and each training step makes
 * new versions of all parameters: what was given up is used again, by results of the same type and length.
 *
 * What a tensor holds is taken back only when it is let go of, so nothing that was handed out is overwritten.
 */

/** Small results are cut from pieces of this size. */
const pieceBytes = 4096

/** Up to this size. A tensor that is kept keeps its piece, so not too few must fit. */
const smallBytes = 256

/** Memory that lies idle for so many runs is let go. */
const patience = 256

interface Spare {
  readonly array: TypedArray
  /** The run before which it was given back last. */
  since: number
  /** Whether it was taken for a result that tensors hold. */
  held: boolean
}

/** Constructors of the arrays that dtypes are stored in. */
type Constructor = new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray

/** The memory of results of one target. */
export class ResultMemory {
  /** By dtype and length. */
  private readonly spare = new Map<DType, Map<number, Spare[]>>()
  /** Buffers that hold one array each and were made here. */
  private readonly own = new WeakMap<ArrayBufferLike, Spare>()
  private piece = uninitializedBytes(0)
  private used = 0
  private runs = 0

  /** Tells that another run begins. */
  begin(): void {
    if (++this.runs % patience === 0) this.trim()
  }

  /** An array with undefined elements that nothing else refers to. A small one for a result that is `held` is never given back. */
  take(dtype: DType, length: number, held: boolean): TypedArray {
    const bytes = length * bytesPerElement(dtype)
    if (held && bytes <= smallBytes) return this.small(dtype, length, bytes)
    const idle = this.spare.get(dtype)?.get(length)?.pop()
    if (idle) {
      idle.held = held
      return idle.array
    }
    const fresh = view(uninitializedBytes(bytes), dtype, length)
    this.own.set(fresh.buffer, { array: fresh, since: 0, held })
    return fresh
  }

  /**
   * Takes back what {@link take} gave; what comes from elsewhere is left alone, and so is what was for a result that is held,
   * unless it is `owned`: nobody else's.
   */
  giveBack(array: TypedArray, dtype: DType, owned = false): void {
    const entry = this.own.get(array.buffer)
    if (!entry || (entry.held && !owned)) return
    entry.since = this.runs
    const lengths = this.spare.get(dtype) ?? new Map<number, Spare[]>()
    this.spare.set(dtype, lengths)
    const idle = lengths.get(array.length)
    if (idle) idle.push(entry)
    else lengths.set(array.length, [entry])
  }

  private small(dtype: DType, length: number, bytes: number): TypedArray {
    if (this.used + bytes > this.piece.length) {
      this.piece = uninitializedBytes(pieceBytes)
      this.used = 0
    }
    const { buffer, byteOffset } = this.piece
    const array = new (constructorOf(dtype))(buffer, byteOffset + this.used, length)
    this.used += Math.ceil(bytes / 64) * 64
    return array
  }

  /** What was given back last is taken first, so what nobody needs stays at the front. */
  private trim(): void {
    for (const lengths of this.spare.values()) {
      for (const [length, idle] of lengths) {
        const needed = idle.filter(({ since }) => this.runs - since < patience)
        if (needed.length > 0) lengths.set(length, needed)
        else lengths.delete(length)
      }
    }
  }
}

function view({ buffer, byteOffset }: Uint8Array<ArrayBuffer>, dtype: DType, length: number): TypedArray {
  return new (constructorOf(dtype))(buffer, byteOffset, length)
}

const constructors = new Map<DType, Constructor>()

function constructorOf(dtype: DType): Constructor {
  let made = constructors.get(dtype)
  if (!made) {
    made = allocate(dtype, 0).constructor as Constructor
    constructors.set(dtype, made)
  }
  return made
}
