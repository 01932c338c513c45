/** Remainders with PyTorch's conventions, exact for all doubles. */

/** Remainder with the sign of the dividend, `torch.fmod`. */
export function fmod(a: number, b: number): number {
  return a % b
}

/** Remainder with the sign of the divisor, `torch.remainder`. */
export function remainder(a: number, b: number): number {
  const r = a % b
  return r !== 0 && r < 0 !== b < 0 ? r + b : r
}
