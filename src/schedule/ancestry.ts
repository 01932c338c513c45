/**
 * Who depends on whom among units that are added producers first and may be merged: a row of bits for each unit, one for each
 * unit that it depends on, directly or not. Merged units depend on all that any of them depends on, and so does whatever
 * depends on one of them.
 */
export class Ancestry {
  private readonly rows: Uint32Array[] = []
  private readonly words: number

  constructor(count: number) {
    this.words = Math.ceil(count / 32)
  }

  /** Adds the next unit; `producers` are numbers of units added before. */
  add(producers: Iterable<number>): void {
    const row = new Uint32Array(this.words)
    for (const producer of producers) {
      mark(row, producer)
      unite(row, this.rows[producer]!)
    }
    this.rows.push(row)
  }

  /** From now on these units count as one. */
  merge(units: readonly number[]): void {
    const common = this.bitsOf(units)
    for (const unit of units) unite(common, this.rows[unit]!)
    for (let i = 0; i < this.rows.length; i++) {
      const row = this.rows[i]!
      if (holdsAny(row, units)) unite(row, common)
    }
    for (const unit of units) unite(this.rows[unit]!, common)
  }

  bitsOf(units: readonly number[]): Uint32Array {
    const bits = new Uint32Array(this.words)
    for (const unit of units) mark(bits, unit)
    return bits
  }

  /** Whether a unit depends on any of those marked. */
  dependsOn(unit: number, marked: Uint32Array): boolean {
    return meet(this.rows[unit]!, marked)
  }
}

function mark(bits: Uint32Array, unit: number): void {
  bits[unit >> 5]! |= 1 << (unit & 31)
}

function holdsAny(bits: Uint32Array, units: readonly number[]): boolean {
  for (let i = 0; i < units.length; i++) {
    const unit = units[i]!
    if ((bits[unit >> 5]! & (1 << (unit & 31))) !== 0) return true
  }
  return false
}

function unite(bits: Uint32Array, others: Uint32Array): void {
  for (let i = 0; i < bits.length; i++) bits[i]! |= others[i]!
}

function meet(a: Uint32Array, b: Uint32Array): boolean {
  for (let i = 0; i < a.length; i++) if ((a[i]! & b[i]!) !== 0) return true
  return false
}
