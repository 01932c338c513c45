import { ValueError } from '../core/errors.ts'
import { threefry } from '../graph/ops/leaves.ts'

/** Keeps the order of the data apart from the random numbers of a model that uses the same seed ("data" in ASCII). */
const domain = 0x64617461

/** Checks that a seed is a whole number that JavaScript holds exactly. */
export function checkSeed(op: string, seed: number): number {
  if (Number.isSafeInteger(seed)) return seed
  throw new ValueError(op, `seed must be a whole number of at most 53 bits, received ${seed}`)
}

/**
 * The numbers 0 ... length − 1 in a random order that depends on `seed` and `epoch` alone: the same on every machine.
 * Fisher–Yates (Durstenfeld 1964) over Threefry's counter-based bits.
 */
export function permutation(length: number, seed: number, epoch = 0): Int32Array {
  const order = Int32Array.from({ length }, (_, i) => i)
  const low = seed | 0
  const high = Math.floor(seed / 2 ** 32) ^ domain
  const bits = new Int32Array(2)
  for (let i = length - 1; i > 0; i--) {
    threefry(low, high, i, epoch, bits)
    const random = (bits[0]! >>> 0) * 2 ** -32 + (bits[1]! >>> 11) * 2 ** -53
    const j = Math.floor(random * (i + 1))
    const swapped = order[i]!
    order[i] = order[j]!
    order[j] = swapped
  }
  return order
}
