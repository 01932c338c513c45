import { like, type SequenceTransform } from './text.ts'

/** Adds normal noise of this deviation (default 0.03) to a series [T, C] (Um et al., "Data augmentation of wearable sensor data", 2017). */
export function jitter({ deviation = 0.03 }: { readonly deviation?: number } = {}): SequenceTransform {
  return (series, random) =>
    like(
      series,
      Float32Array.from(series.dataSync(), (value) => value + random.normal(0, deviation)),
    )
}

/** Multiplies each channel by a factor drawn from N(1, deviation) (default 0.1; Um et al. 2017). */
export function scaling({ deviation = 0.1 }: { readonly deviation?: number } = {}): SequenceTransform {
  return (series, random) => {
    const channels = series.shape[1] ?? 1
    const factors = Array.from({ length: channels }, () => random.normal(1, deviation))
    return like(
      series,
      Float32Array.from(series.dataSync(), (value, i) => value * factors[i % channels]!),
    )
  }
}

export interface WindowWarpOptions {
  /** Length of the window, as a share. Default 0.1. */
  readonly window?: number
  /** How much longer it may become. Default ½ and 2. */
  readonly scales?: readonly [number, ...number[]]
}

/**
 * Speeds a random window of the series up or slows it down, then scales the whole to its old length (Le Guennec, Malinowski & Tavenard,
 * "Data augmentation for time series classification using convolutional neural networks", 2016).
 */
export function windowWarp({ window = 0.1, scales = [0.5, 2] }: WindowWarpOptions = {}): SequenceTransform {
  return (series, random) => {
    const steps = series.shape[0] ?? 0
    const channels = series.shape[1] ?? 1
    const values = series.dataSync()
    const length = Math.max(2, Math.round(window * steps))
    if (steps <= length) return series
    const scale = random.pick(scales)
    const from = random.integer(steps - length + 1)
    // Where each step of the warped series lies in the old one: slower or faster within the window.
    const warped = [
      ...Array.from({ length: from }, (_, t) => t),
      ...spaced(from, from + length - 1, Math.max(2, Math.round(length * scale))),
      ...Array.from({ length: steps - from - length }, (_, t) => from + length + t),
    ]
    const out = new Float32Array(steps * channels)
    for (const [t, place] of spaced(0, warped.length - 1, steps).entries()) {
      const at = between(warped, place)
      const [low, share] = [Math.floor(at), at % 1]
      const high = Math.min(steps - 1, low + 1)
      for (let c = 0; c < channels; c++) {
        out[t * channels + c] = (1 - share) * values[low * channels + c]! + share * values[high * channels + c]!
      }
    }
    return like(series, out)
  }
}

function spaced(from: number, to: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => (count === 1 ? from : from + ((to - from) * i) / (count - 1)))
}

function between(values: readonly number[], at: number): number {
  const low = Math.floor(at)
  const share = at - low
  return (1 - share) * values[low]! + share * (values[low + 1] ?? values[low]!)
}
