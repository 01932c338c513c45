/**
 * Index arithmetic of fused computations. A position is an affine function of loop axes; views turn one list of positions
 * (the index of their result) into another (the index of their input).
 */

/** offset + Σ terms[axis] · i_axis. */
export interface Affine {
  readonly terms: readonly number[]
  readonly offset: number
}

/** low ≤ value < high. */
export interface Condition {
  readonly value: Affine
  readonly low: number
  readonly high: number
}

/** Position of one axis out of `count`. */
export function axisPosition(axis: number, count: number): Affine {
  return { terms: Array.from({ length: count }, (_, i) => (i === axis ? 1 : 0)), offset: 0 }
}

export function fixed(offset: number, count: number): Affine {
  return { terms: new Array<number>(count).fill(0), offset }
}

export function scale(a: Affine, factor: number): Affine {
  return factor === 1 ? a : { terms: a.terms.map((t) => t * factor), offset: a.offset * factor }
}

export function sum(a: Affine, b: Affine): Affine {
  return { terms: a.terms.map((t, i) => t + b.terms[i]!), offset: a.offset + b.offset }
}

export function shift(a: Affine, by: number): Affine {
  return by === 0 ? a : { terms: a.terms, offset: a.offset + by }
}

/** Σ positions[d] · strides[d]. */
export function combine(positions: readonly Affine[], strides: readonly number[], count: number): Affine {
  const terms = new Array<number>(count).fill(0)
  let offset = 0
  for (let d = 0; d < positions.length; d++) {
    const position = positions[d]!
    const stride = strides[d]!
    for (let axis = 0; axis < count; axis++) terms[axis]! += position.terms[axis]! * stride
    offset += position.offset * stride
  }
  return { terms, offset }
}

/** Smallest and largest value over all positions of the axes. */
export function range(a: Affine, extents: readonly number[]): [number, number] {
  let low = a.offset
  let high = a.offset
  for (const [i, term] of a.terms.entries()) {
    const reach = term * (extents[i]! - 1)
    if (reach < 0) low += reach
    else high += reach
  }
  return [low, high]
}

export function evaluate(a: Affine, index: readonly number[] | Int32Array): number {
  return a.terms.reduce((total, term, i) => total + term * index[i]!, a.offset)
}

export function holds({ value, low, high }: Condition, index: readonly number[] | Int32Array): boolean {
  const position = evaluate(value, index)
  return low <= position && position < high
}

export function same(a: Affine, b: Affine): boolean {
  return a === b || (a.offset === b.offset && a.terms.every((term, i) => term === b.terms[i]))
}

export function sameCondition(a: Condition, b: Condition): boolean {
  return a.low === b.low && a.high === b.high && same(a.value, b.value)
}

export function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a === b || (a.length === b.length && a.every((x, i) => same(x, b[i]!)))
}

/** Text that is equal exactly for equal functions. */
export function affineKey({ terms, offset }: Affine): string {
  return `${terms.join(',')}+${offset}`
}

export function conditionKey({ value, low, high }: Condition): string {
  return `${low}≤${affineKey(value)}<${high}`
}

/** Whether the condition holds everywhere. */
export function always({ value, low, high }: Condition, extents: readonly number[]): boolean {
  const [least, most] = range(value, extents)
  return least >= low && most < high
}

/**
 * The axes whose mixed-radix number the position is, most significant first: undefined unless it counts through
 * 0 … size − 1 with every axis used whole.
 */
export function digits(a: Affine, extents: readonly number[], size: number): number[] | undefined {
  if (a.offset !== 0) return undefined
  const axes = [...a.terms.keys()].filter((i) => a.terms[i] !== 0 && extents[i] !== 1)
  axes.sort((p, q) => a.terms[p]! - a.terms[q]!)
  let expected = 1
  for (const axis of axes) {
    if (a.terms[axis] !== expected) return undefined
    expected *= extents[axis]!
  }
  return expected === size ? axes.reverse() : undefined
}
