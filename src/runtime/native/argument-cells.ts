import { isFloating } from '../../core/dtype.ts'
import type { Node } from '../../graph/node.ts'
import type { Binding } from '../../kernel/bindings.ts'
import { alignedArray } from './memory.ts'

/** Blocks are cut from pieces of this size. */
const pieceWords = 4096

/** A cell of an argument block that is written before each run: two words, the lower half first. */
interface Cell {
  readonly words: Uint32Array
  readonly at: number
  /** Position of what it holds among the run's addresses or numbers; for what lies in the arena, its offset there. */
  readonly source: number
}

interface NumberCell extends Cell {
  readonly isInteger: boolean
}

/** Where the elements of a node are found: among a run's addresses, or at an offset in the arena. */
export type Place = { readonly source: number } | { readonly offset: number }

/**
 * The argument blocks of a plan's kernels. Addresses in the arena are written when it has moved; those of leaves and results, and
 * numbers, before each run.
 */
export class ArgumentCells {
  private readonly addresses: Cell[] = []
  private readonly numbers: NumberCell[] = []
  private readonly errors: Cell[] = []
  private readonly inArena: Cell[] = []
  /** What the next blocks are cut from, and how much of it is. */
  private piece = new Uint32Array(0)
  private used = 0
  /** Address of the arena that the blocks point to. */
  private base = 0
  private readonly placeOf: (node: Node) => Place
  private readonly numberOf: (scalar: Node) => number
  private readonly scratch: (bytes: number) => number

  /** `numberOf` gives the position of a run-time number, `scratch` the offset of working memory in the arena. */
  constructor(placeOf: (node: Node) => Place, numberOf: (scalar: Node) => number, scratch: (bytes: number) => number) {
    this.placeOf = placeOf
    this.numberOf = numberOf
    this.scratch = scratch
  }

  /** A new argument block. */
  block(bindings: readonly Binding[]): Uint32Array {
    const words = this.cut(2 * Math.max(1, bindings.length))
    bindings.forEach((binding, cell) => {
      const at = 2 * cell
      if (binding.kind === 'scratch') this.inArena.push({ words, at, source: this.scratch(binding.bytes) })
      else if (binding.kind === 'error') this.errors.push({ words, at, source: 0 })
      else if (binding.kind === 'scalar') {
        const isInteger = !isFloating(binding.node.dtype)
        this.numbers.push({ words, at, source: this.numberOf(binding.node), isInteger })
      } else {
        const place = this.placeOf(binding.node)
        if ('offset' in place) this.inArena.push({ words, at, source: place.offset })
        else this.addresses.push({ words, at, source: place.source })
      }
    })
    return words
  }

  private cut(length: number): Uint32Array {
    if (this.used + length > this.piece.length) {
      this.piece = alignedArray(Uint32Array, Math.max(pieceWords, length))
      this.used = 0
    }
    this.used += length
    return this.piece.subarray(this.used - length, this.used)
  }

  /** Tells the blocks made since the last call where their kernels report errors. */
  reportTo(errorCell: number): void {
    for (const { words, at } of this.errors.splice(0)) writeAddress(words, at, errorCell)
  }

  /** Writes what one run is given: the address of the arena, those of leaves and results, and numbers. */
  write(base: number, addresses: ArrayLike<number>, numbers: ArrayLike<number>): void {
    if (base !== this.base) for (const { words, at, source } of this.inArena) writeAddress(words, at, base + source)
    this.base = base
    for (const { words, at, source } of this.addresses) writeAddress(words, at, addresses[source]!)
    for (const { words, at, source, isInteger } of this.numbers) {
      if (isInteger) words[at] = numbers[source]!
      else {
        float[0] = numbers[source]!
        words[at] = floatBits[0]!
      }
    }
  }
}

const float = new Float32Array(1)
const floatBits = new Uint32Array(float.buffer)

function writeAddress(words: Uint32Array, at: number, address: number): void {
  words[at] = address
  words[at + 1] = address / 2 ** 32
}
