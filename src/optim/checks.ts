import { ValueError } from '../core/errors.ts'

/** Throws a {@link ValueError} that names the first of `values` that is negative or no number. */
export function checkNotNegative(op: string, values: Record<string, number>): void {
  for (const [name, value] of Object.entries(values)) {
    if (!(value >= 0)) throw new ValueError(op, `${name} must be ≥ 0, received ${value}`)
  }
}

/** Both decay rates of running means: 0 ≤ β < 1. */
export function checkBetas(op: string, betas: readonly number[]): void {
  const valid = betas.length === 2 && betas.every((beta) => beta >= 0 && beta < 1)
  if (!valid) throw new ValueError(op, `betas must be two numbers in [0, 1), received [${betas.join(', ')}]`)
}

/** A whole number of at least `least`. */
export function checkCount(op: string, name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ValueError(op, `${name} must be a whole number ≥ ${least}, received ${value}`)
  }
}
