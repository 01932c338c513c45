/** The value that a share `q` of `values` lies below, between neighbours by straight line (as numpy.quantile). NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const at = q * (sorted.length - 1)
  const below = sorted[Math.floor(at)]
  const above = sorted[Math.ceil(at)]
  if (below === undefined || above === undefined) return Number.NaN
  return below + (above - below) * (at - Math.floor(at))
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** How many times faster `own` is than `other`, round by round: median and lower quartile over the rounds. */
export function ratios(own: readonly number[], other: readonly number[]): { median: number; lowerQuartile: number } {
  const perRound = own.map((ms, round) => other[round]! / ms)
  return { median: median(perRound), lowerQuartile: quantile(perRound, 0.25) }
}

/** Largest difference of two results, relative to the largest element; infinite where they differ in length or anything is NaN. */
export function disagreement(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length || a.length === 0) return Number.POSITIVE_INFINITY
  const largest = Math.max(...b.map(Math.abs))
  const difference = Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))
  if (difference === 0) return 0
  return Number.isFinite(difference / largest) ? difference / largest : Number.POSITIVE_INFINITY
}
