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

/** Every piece begins on a cache line, which is also the widest vector. */
const alignment = 64

/**
 * Places pieces in one arena so that none overlap that live at the same time: largest first, each at the lowest offset that
 * is free during its whole life.
 */
export function planMemory<T>(lifetimes: readonly Lifetime<T>[]): Arena<T> {
  const placed: { readonly start: number; readonly end: number; readonly life: Lifetime<T> }[] = []
  const offsets = new Map<T, number>()
  let bytes = 0
  for (const life of [...lifetimes].sort((a, b) => b.bytes - a.bytes)) {
    const size = Math.ceil(life.bytes / alignment) * alignment
    const neighbours = placed.filter(({ life: other }) => other.first <= life.last && life.first <= other.last)
    neighbours.sort((a, b) => a.start - b.start)
    let start = 0
    for (const other of neighbours) {
      if (start + size <= other.start) break
      start = Math.max(start, other.end)
    }
    placed.push({ start, end: start + size, life })
    offsets.set(life.owner, start)
    bytes = Math.max(bytes, start + size)
  }
  return { bytes, offsets }
}
