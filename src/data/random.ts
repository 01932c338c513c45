import { threefry } from '../graph/ops/leaves.ts'
import { checkSeed } from './permutation.ts'

/** Keeps what transforms draw apart from the order of the data and from a model's numbers ("augm" in ASCII). */
const domain = 0x6175676d

/**
 * Random numbers for one visit of one sample. They depend on (seed, epoch, index, layer) alone: not on the order in which
 * samples are loaded, nor on how many worker threads load them.
 */
export class Random {
  private readonly k0: number
  private readonly k1: number
  private readonly block = new Int32Array(2)
  private draws = 0

  constructor(
    seed: number,
    { epoch = 0, index = 0, layer = 0 }: { epoch?: number; index?: number; layer?: number } = {},
  ) {
    checkSeed('Random', seed)
    const { block } = this
    threefry(seed | 0, Math.floor(seed / 2 ** 32) ^ domain, index, epoch, block)
    this.k0 = block[0]!
    this.k1 = block[1]! ^ layer
  }

  /** Uniform in [0, 1), 53 bits. */
  next(): number {
    threefry(this.k0, this.k1, this.draws++, 0, this.block)
    return (this.block[0]! >>> 0) * 2 ** -32 + (this.block[1]! >>> 11) * 2 ** -53
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next()
  }

  /** A whole number, uniform in 0 ... n − 1. */
  integer(n: number): number {
    return Math.floor(n * this.next())
  }

  /** True with probability `p`. */
  chance(p: number): boolean {
    return this.next() < p
  }

  /** Normal with the given mean and standard deviation (Box & Muller 1958). */
  normal(mean = 0, deviation = 1): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()))
    return mean + deviation * radius * Math.cos(2 * Math.PI * this.next())
  }

  /** One of `items`, each equally likely. */
  pick<T>(items: readonly [T, ...T[]]): T
  pick<T>(items: readonly T[]): T | undefined
  pick<T>(items: readonly T[]): T | undefined {
    return items[this.integer(items.length)]
  }

  /** 0 ... n − 1 in random order. */
  permutation(n: number): Int32Array {
    const order = Int32Array.from({ length: n }, (_, i) => i)
    for (let i = n - 1; i > 0; i--) {
      const j = this.integer(i + 1)
      const swapped = order[i]!
      order[i] = order[j]!
      order[j] = swapped
    }
    return order
  }

  /** Gamma with shape `alpha` and scale 1 (Marsaglia & Tsang, "A simple method for generating gamma variables", 2000). */
  gamma(alpha: number): number {
    if (alpha < 1) return this.gamma(alpha + 1) * (1 - this.next()) ** (1 / alpha)
    const d = alpha - 1 / 3
    for (;;) {
      const x = this.normal()
      const v = (1 + x / Math.sqrt(9 * d)) ** 3
      if (v > 0 && Math.log(1 - this.next()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
    }
  }

  /** Beta(a, b), by two gammas. */
  beta(a: number, b: number): number {
    const x = this.gamma(a)
    return x / (x + this.gamma(b))
  }
}
