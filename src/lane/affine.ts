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

/** `coefficient · variable`; the coefficient is not 0. */
export interface Term {
  readonly variable: IndexVariable
  readonly coefficient: number
}

const noTerms: readonly Term[] = []

/** `constant + Σ coefficient · variable`, each variable once. */
export class Affine {
  readonly constant: number
  readonly terms: readonly Term[]

  constructor(constant: number, terms: readonly Term[]) {
    if (!Number.isSafeInteger(constant)) throw new RangeError(`affine expression: ${constant} is not a whole number`)
    this.constant = constant
    this.terms = terms
  }

  static of(value: AffineLike): Affine {
    if (value instanceof Affine) return value
    if (typeof value === 'number') return new Affine(value, noTerms)
    return new Affine(0, [{ variable: value, coefficient: 1 }])
  }

  plus(other: AffineLike): Affine {
    return this.#combine(Affine.of(other), 1)
  }

  minus(other: AffineLike): Affine {
    return this.#combine(Affine.of(other), -1)
  }

  times(factor: number): Affine {
    if (factor === 1) return this
    if (factor === 0) return new Affine(0, noTerms)
    return new Affine(this.constant * factor, scaled(this.terms, factor))
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

  /** Whether all values are, whatever the variables are. */
  isMultipleOf(unit: number): boolean {
    return this.constant % unit === 0 && this.terms.every(({ coefficient }) => coefficient % unit === 0)
  }

  toString(): string {
    const parts = this.terms.map(({ variable: { name }, coefficient }) =>
      coefficient === 1 ? name : `${coefficient}·${name}`,
    )
    if (this.constant !== 0 || parts.length === 0) parts.push(String(this.constant))
    return parts.join(' + ')
  }

  #combine(other: Affine, sign: 1 | -1): Affine {
    const constant = this.constant + sign * other.constant
    if (other.terms.length === 0) return other.constant === 0 ? this : new Affine(constant, this.terms)
    if (this.terms.length === 0) return new Affine(constant, scaled(other.terms, sign))
    const terms = this.terms.slice()
    for (let i = 0; i < other.terms.length; i++) add(terms, other.terms[i]!, sign)
    return new Affine(constant, terms)
  }
}

export function scaled(terms: readonly Term[], factor: number): readonly Term[] {
  if (factor === 1) return terms
  return terms.map(({ variable, coefficient }) => ({ variable, coefficient: coefficient * factor }))
}

/** Adds `factor · term`, in the place that its variable has already. */
function add(terms: Term[], term: Term, factor: number): void {
  const { variable } = term
  for (let i = 0; i < terms.length; i++) {
    if (terms[i]!.variable !== variable) continue
    const coefficient = terms[i]!.coefficient + factor * term.coefficient
    if (coefficient === 0) terms.splice(i, 1)
    else terms[i] = { variable, coefficient }
    return
  }
  terms.push(factor === 1 ? term : { variable, coefficient: factor * term.coefficient })
}

/** The coefficient of a variable; 0 where it does not occur. */
export function coefficientOf(terms: readonly Term[], variable: IndexVariable): number {
  for (let i = 0; i < terms.length; i++) if (terms[i]!.variable === variable) return terms[i]!.coefficient
  return 0
}

/** Whether both have the same variables with the same coefficients, in whichever order. */
export function areEqual(a: readonly Term[], b: readonly Term[]): boolean {
  return a.length === b.length && a.every(({ variable, coefficient }) => coefficientOf(b, variable) === coefficient)
}

/** Neighbouring accesses differ in their constants only and share their terms: what follows from these is found once. */
const expansions = new WeakMap<readonly Term[], Affine>()
const ranges = new WeakMap<readonly Term[], readonly [min: number, max: number]>()

function expandTerms(terms: readonly Term[]): Affine {
  const basic = terms.filter(({ variable }) => !variable.definition)
  if (basic.length === terms.length) return new Affine(0, terms)
  let constant = 0
  for (let i = 0; i < terms.length; i++) {
    const { variable, coefficient } = terms[i]!
    if (!variable.definition) continue
    const definition = variable.definition.expand()
    constant += coefficient * definition.constant
    for (let k = 0; k < definition.terms.length; k++) add(basic, definition.terms[k]!, coefficient)
  }
  return new Affine(constant, basic)
}

function rangeOf(terms: readonly Term[]): readonly [min: number, max: number] {
  let min = 0
  let max = 0
  for (let i = 0; i < terms.length; i++) {
    const { variable, coefficient } = terms[i]!
    min += coefficient * (coefficient > 0 ? variable.min : variable.max)
    max += coefficient * (coefficient > 0 ? variable.max : variable.min)
  }
  return [min, max]
}
