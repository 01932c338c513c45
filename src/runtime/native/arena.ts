import { type Arena as Layout, type Lifetime, planMemory } from '../../schedule/memory.ts'
import { addressOf, uninitializedBytes } from './memory.ts'

/**
 * The memory in which plans keep what lives during one run only. All plans share it, since one runs at a time; it is as large
 * as the greediest of them.
 */
export class Arena {
  /** Empty until the first plan: this file is loaded where machine code cannot run, too. */
  private bytes = new Uint8Array(new ArrayBuffer(0))

  /** Where intermediates lie. */
  layOut<T>(lifetimes: readonly Lifetime<T>[]): Layout<T> {
    return planMemory(lifetimes)
  }

  /** Where working memory of so many bytes lies, behind all that ends at `end`. */
  behind(end: number, _bytes: number): number {
    return Math.ceil(end / 64) * 64
  }

  /** Makes room; what was in it is lost when it grows. A run that is under way holds on to {@link memory}. */
  reserve(length: number): void {
    if (length >= this.bytes.length) this.bytes = uninitializedBytes(length + 1)
  }

  /** Where the arena lies now. */
  get memory(): Uint8Array<ArrayBuffer> {
    return this.bytes
  }

  get address(): number {
    return addressOf(this.bytes)
  }
}

/** The arena of this process. */
export const arena: Arena = new Arena()
