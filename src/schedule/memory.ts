/** Something that occupies `bytes` from phase `first` to phase `last`, both included. */
export interface Lifetime<T> {
  readonly owner: T
  readonly bytes: number
  readonly first: number
  readonly last: number
}

export interface Arena<T> {
  readonly bytes: number
  readonly offsets: ReadonlyMap<T, number>
}

/** Bytes `start` to `end` that are taken from phase `first` to phase `last`. */
interface Placed {
  readonly start: number
  readonly end: number
  readonly first: number
  readonly last: number
}

/** Every piece begins on a cache line, which is also the widest vector. */
const alignment = 64

/**
 * Places pieces in one arena so that none overlap that live at the same time: largest first, each at the lowest offset that
 * is free during its whole life.
 */
export function planMemory<T>(lifetimes: readonly Lifetime<T>[]): Arena<T> {
  /** In the order in which they begin in memory. */
  const placed: Placed[] = []
  const offsets = new Map<T, number>()
  let bytes = 0
  for (const life of [...lifetimes].sort((a, b) => b.bytes - a.bytes)) {
    const size = Math.ceil(life.bytes / alignment) * alignment
    let start = 0
    for (let i = 0; i < placed.length; i++) {
      const other = placed[i]!
      if (other.first > life.last || life.first > other.last) continue
      if (start + size <= other.start) break
      start = Math.max(start, other.end)
    }
    const { first, last } = life
    const next = placed.findIndex((other) => other.start > start)
    placed.splice(next < 0 ? placed.length : next, 0, { start, end: start + size, first, last })
    offsets.set(life.owner, start)
    bytes = Math.max(bytes, start + size)
  }
  return { bytes, offsets }
}
