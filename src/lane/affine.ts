/** Integer expressions that are linear in loop variables: what addresses, bounds and masks are made of. */

/** A whole number that changes while a kernel runs, with the range in which it provably stays. */
export interface IndexVariable {
  readonly name: string
  /** Smallest and largest value, both included. */
  readonly min: number
  readonly max: number
  /**
   * How it is made of more basic variables, where it is (`t = begin + step · counter`). Emitters work with this; the verifier works with the
   * range of the variable itself, which may be tighter.
   */
  readonly definition: Affine | null
}

export type AffineLike = Affine | IndexVariable | number

/** `constant + Σ coefficient · variable` */
export class Affine {
  readonly constant: number
  readonly terms: ReadonlyMap<IndexVariable, number>

  constructor(constant: number, terms: ReadonlyMap<IndexVariable, number>) {
    if (!Number.isSafeInteger(constant)) throw new RangeError(`affine expression: ${constant} is not a whole number`)
    this.constant = constant
    this.terms = terms
  }

  static of(value: AffineLike): Affine {
    if (value instanceof Affine) return value
    if (typeof value === 'number') return new Affine(value, new Map())
    return new Affine(0, new Map([[value, 1]]))
  }

  plus(other: AffineLike): Affine {
    return this.#combine(Affine.of(other), 1)
  }

  minus(other: AffineLike): Affine {
    return this.#combine(Affine.of(other), -1)
  }

  times(factor: number): Affine {
    if (factor === 1) return this
    if (factor === 0) return new Affine(0, new Map())
    const terms = new Map<IndexVariable, number>()
    for (const [variable, coefficient] of this.terms) terms.set(variable, coefficient * factor)
    return new Affine(this.constant * factor, terms)
  }

  /** The same value in basic variables only: every definition is put in. */
  expand(): Affine {
    let expanded = expansions.get(this.terms)
    if (!expanded) {
      expanded = expandTerms(this.terms)
      expansions.set(this.terms, expanded)
    }
    if (expanded.terms === this.terms) return this
    return new Affine(this.constant + expanded.constant, expanded.terms)
  }

  /** Smallest and largest value that the ranges of the variables allow, both included. */
  range(): readonly [min: number, max: number] {
    let bounds = ranges.get(this.terms)
    if (!bounds) {
      bounds = rangeOf(this.terms)
      ranges.set(this.terms, bounds)
    }
    return [this.constant + bounds[0], this.constant + bounds[1]]
  }

  toString(): string {
    const parts = [...this.terms].map(([v, c]) => (c === 1 ? v.name : `${c}·${v.name}`))
    if (this.constant !== 0 || parts.length === 0) parts.push(String(this.constant))
    return parts.join(' + ')
  }

  #combine(other: Affine, sign: 1 | -1): Affine {
    if (other.terms.size === 0)
      return other.constant === 0 ? this : new Affine(this.constant + sign * other.constant, this.terms)
    const terms = new Map(this.terms)
    for (const [variable, coefficient] of other.terms) {
      const sum = (terms.get(variable) ?? 0) + sign * coefficient
      if (sum === 0) terms.delete(variable)
      else terms.set(variable, sum)
    }
    return new Affine(this.constant + sign * other.constant, terms)
  }
}

type Terms = Affine['terms']

/** Neighbouring accesses differ in their constants only and share their terms: what follows from these is found once. */
const expansions = new WeakMap<Terms, Affine>()
const ranges = new WeakMap<Terms, readonly [min: number, max: number]>()

function expandTerms(terms: Terms): Affine {
  let result = new Affine(0, terms)
  for (const variable of terms.keys()) {
    if (!variable.definition) continue
    const coefficient = terms.get(variable) as number
    result = result.minus(Affine.of(variable).times(coefficient)).plus(variable.definition.expand().times(coefficient))
  }
  return result
}

function rangeOf(terms: Terms): readonly [min: number, max: number] {
  let [min, max] = [0, 0]
  for (const [variable, coefficient] of terms) {
    min += coefficient * (coefficient > 0 ? variable.min : variable.max)
    max += coefficient * (coefficient > 0 ? variable.max : variable.min)
  }
  return [min, max]
}
