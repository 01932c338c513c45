/** What a benchmark comes to: one object a workload, as written by `--json`. */
import type { Round } from './side.ts'
import { median, ratios } from './statistics.ts'

export interface Times {
  /** Median over rounds of the median duration of an iteration. */
  readonly median_ms: number
  /** The fastest iteration of all. */
  readonly best_ms: number
}

/** Why there are no times. */
export interface Cannot {
  readonly cannot: string
}

export interface Result {
  readonly name: string
  readonly threads: number
  /** `compile_ms`: what the first iteration in a fresh process takes beyond a later one. */
  readonly gradus: (Times & { readonly compile_ms: number }) | Cannot
  readonly peers: Readonly<Record<string, Times | Cannot>>
  /** By peer: how many times faster Gradus is, median over rounds; above 1 it is faster. Absent where the peer has no times. */
  readonly ratio: Readonly<Record<string, number>>
  /** By peer: the lower quartile of the same ratios. */
  readonly ratio_lower_quartile: Readonly<Record<string, number>>
  /** Billions of floating-point operations a second in products and convolutions, null where there are none. */
  readonly gflops: number | null
  /** The same as a share of the measured peak of as many cores. */
  readonly peak_fraction: number | null
}

/** What the sides measured, round by round, or why one of them has nothing. */
export interface Measured {
  readonly name: string
  readonly threads: number
  readonly firstMs: number
  readonly flops: number | null
  readonly own: readonly Round[] | Cannot
  readonly peers: Readonly<Record<string, readonly Round[] | Cannot>>
}

/** @param peak GFLOP/s of all threads together, where known */
export function summarize(measured: Measured, peak: number | undefined): Result {
  const { name, threads, own, flops } = measured
  if ('cannot' in own) {
    const nothing = { ratio: {}, ratio_lower_quartile: {}, gflops: null, peak_fraction: null }
    return { name, threads, gradus: own, peers: {}, ...nothing }
  }
  const times = timesOf(own)
  const peers: Record<string, Times | Cannot> = {}
  const ratio: Record<string, number> = {}
  const lowerQuartile: Record<string, number> = {}
  for (const [peer, rounds] of Object.entries(measured.peers)) {
    if ('cannot' in rounds) {
      peers[peer] = rounds
      continue
    }
    peers[peer] = timesOf(rounds)
    const compared = ratios(own.map(medianOf), rounds.map(medianOf))
    ratio[peer] = compared.median
    lowerQuartile[peer] = compared.lowerQuartile
  }
  const gflops = flops === null ? null : flops / times.median_ms / 1e6
  return {
    name,
    threads,
    gradus: { ...times, compile_ms: Math.max(0, measured.firstMs - times.median_ms) },
    peers,
    ratio,
    ratio_lower_quartile: lowerQuartile,
    gflops,
    peak_fraction: gflops === null || peak === undefined ? null : gflops / peak,
  }
}

const medianOf = (round: Round): number => round.medianMs

function timesOf(rounds: readonly Round[]): Times {
  return { median_ms: median(rounds.map(medianOf)), best_ms: Math.min(...rounds.map(({ bestMs }) => bestMs)) }
}
