import { Arena } from '../../src/runtime/native/arena.ts'
import { guardedPages, PAGE } from '../../src/runtime/native/memory.ts'
import type { Arena as Layout, Lifetime } from '../../src/schedule/memory.ts'

const pages = (bytes: number): number => Math.max(1, Math.ceil(bytes / PAGE))

/** An arena in which everything has pages of its own, next to unreadable ones: its last byte lies before one, or its first behind one. */
export class GuardedArena extends Arena {
  private readonly side: 'start' | 'end'
  /** Page numbers that nothing may touch; working memory is placed anew in each phase, so its guards are of all phases. */
  private readonly guards = new Set<number>([0])
  private readonly used = new Set<number>()
  private mapped: { bytes: Uint8Array<ArrayBuffer>; address: number } | undefined

  constructor(side: 'start' | 'end') {
    super()
    this.side = side
  }

  override layOut<T>(lifetimes: readonly Lifetime<T>[]): Layout<T> {
    const offsets = new Map<T, number>()
    let end = 0
    for (const { owner, bytes } of lifetimes) {
      const offset = this.behind(end, bytes)
      offsets.set(owner, offset)
      end = offset + bytes
    }
    return { bytes: end, offsets }
  }

  /** One unreadable page, then the pages of the piece, then another one. */
  override behind(end: number, bytes: number): number {
    const guard = Math.ceil(end / PAGE)
    const first = guard + 1
    const count = pages(bytes)
    for (let page = first; page < first + count; page++) this.used.add(page)
    this.guards.add(guard)
    this.guards.add(first + count)
    return this.side === 'end' ? (first + count) * PAGE - bytes : first * PAGE
  }

  override reserve(length: number): void {
    const count = Math.ceil(length / PAGE) + 2
    this.mapped ??= guardedPages(
      count,
      [...this.guards].filter((page) => page < count && !this.used.has(page)),
    )
  }

  override get memory(): Uint8Array<ArrayBuffer> {
    return this.mapped!.bytes
  }

  override get address(): number {
    return this.mapped!.address
  }
}
