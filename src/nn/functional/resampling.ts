/** Which elements along one dimension make up each element of a resized one, and with which weights. */
export interface Taps {
  /** Taps of each output element. */
  readonly count: number
  /** [out · count] positions in the input. */
  readonly index: Int32Array
  /** [out · count], or undefined where the single tap counts fully. */
  readonly weights?: Float64Array
}

/** Distance of neighbouring outputs in the input. */
function spacing(size: number, out: number, factor: number | undefined, alignCorners: boolean): number {
  if (alignCorners) return out > 1 ? (size - 1) / (out - 1) : 0
  return factor === undefined ? size / out : 1 / factor
}

const clip = (i: number, size: number): number => Math.min(Math.max(i, 0), size - 1)

/** The nearest element; `exact` measures from centre to centre, otherwise from edge to edge. In float32, as PyTorch. */
export function nearest(size: number, out: number, factor: number | undefined, exact: boolean): Taps {
  const step = Math.fround(spacing(size, out, factor, false))
  const position = (i: number): number => Math.floor(Math.fround(Math.fround(exact ? i + 0.5 : i) * step))
  return { count: 1, index: Int32Array.from({ length: out }, (_, i) => Math.min(position(i), size - 1)) }
}

/** Two neighbours, weighted by distance. */
export function linear(size: number, out: number, factor: number | undefined, alignCorners: boolean): Taps {
  const step = spacing(size, out, factor, alignCorners)
  const taps = empty(out, 2)
  for (let i = 0; i < out; i++) {
    const position = alignCorners ? i * step : Math.max(0, (i + 0.5) * step - 0.5)
    const first = Math.min(Math.floor(position), size - 1)
    const share = Math.min(Math.max(position - first, 0), 1)
    taps.index.set([first, Math.min(first + 1, size - 1)], 2 * i)
    taps.weights.set([1 - share, share], 2 * i)
  }
  return taps
}

/** Cubic convolution kernel with parameter a (Keys 1981). */
function cubicKernel(distance: number, a: number): number {
  const x = Math.abs(distance)
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
}

/** Four neighbours under the cubic kernel, a = −0.75; edges are repeated. */
export function cubic(size: number, out: number, factor: number | undefined, alignCorners: boolean): Taps {
  const step = spacing(size, out, factor, alignCorners)
  const taps = empty(out, 4)
  for (let i = 0; i < out; i++) {
    const position = alignCorners ? i * step : (i + 0.5) * step - 0.5
    const first = Math.floor(position)
    for (let k = 0; k < 4; k++) {
      taps.index[4 * i + k] = clip(first - 1 + k, size)
      taps.weights[4 * i + k] = cubicKernel(position - (first - 1 + k), -0.75)
    }
  }
  return taps
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))

const filters = {
  bilinear: { reach: 1, at: (x: number): number => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, at: (x: number): number => cubicKernel(x, -0.5) },
  lanczos: { reach: 3, at: (x: number): number => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
}

/** A filter as wide as the spacing when shrinking; weights sum to 1. */
export function antialiased(
  size: number,
  out: number,
  factor: number | undefined,
  alignCorners: boolean,
  mode: keyof typeof filters,
): Taps {
  const step = spacing(size, out, factor, alignCorners)
  const { reach, at } = filters[mode]
  const stretch = Math.max(step, 1)
  const support = reach * stretch
  const taps = empty(out, Math.ceil(support) * 2 + 1)
  const { count } = taps
  for (let i = 0; i < out; i++) {
    const centre = step * (i + 0.5)
    const start = Math.max(Math.trunc(centre - support + 0.5), 0)
    const length = Math.min(Math.trunc(centre + support + 0.5), size) - start
    let total = 0
    for (let k = 0; k < count; k++) {
      const weight = k < length ? at((start + k - centre + 0.5) / stretch) : 0
      taps.index[i * count + k] = clip(start + k, size)
      taps.weights[i * count + k] = weight
      total += weight
    }
    for (let k = 0; k < count; k++) taps.weights[i * count + k]! /= total
  }
  return taps
}

function empty(out: number, count: number): Required<Taps> {
  return { count, index: new Int32Array(out * count), weights: new Float64Array(out * count) }
}
