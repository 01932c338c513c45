import { allocateValues, type DType, type Values } from '../../core/dtype.ts'
import { type Shape, sizeOf, stridesOf } from '../../core/shape.ts'

/* The loops behind the reference evaluation of `conv`: plain sums in double precision over an input that is written out. */

/** What one convolution reads and writes; spatial quantities have one entry a dimension. */
export interface ConvolutionLoops {
  readonly batch: number
  readonly groups: number
  readonly inChannels: number
  readonly outChannels: number
  readonly space: Shape
  readonly kernel: Shape
  readonly out: Shape
  readonly low: readonly number[]
  readonly high: readonly number[]
  readonly stride: readonly number[]
  readonly inputDilation: readonly number[]
  readonly kernelDilation: readonly number[]
}

/** So many taps are summed before the next output position is visited, which keeps their weights in the cache. */
const tapBlock = 1024

/** y of shape [batch, groups, outChannels, ...out]. */
export function convolve(x: Values, w: Values, dtype: DType, loops: ConvolutionLoops): Values {
  const { batch, groups, inChannels, outChannels, kernel, out } = loops
  const { values, extents } = spread(x, loops)
  const strides = stridesOf(extents)
  const plane = sizeOf(extents)
  const taps = offsets([inChannels, ...kernel], [plane, ...strides.map((s, d) => s * loops.kernelDilation[d]!)])
  const positions = offsets(
    out,
    strides.map((s, d) => s * loops.stride[d]!),
  )
  const y = allocateValues(dtype, batch * groups * outChannels * positions.length)
  const sums = new Float64Array(4 * positions.length)
  for (let g = 0; g < groups; g++) {
    for (let o = 0; o < outChannels; o += 4) {
      const channels = Math.min(4, outChannels - o)
      const weights = fourChannels(w, (g * outChannels + o) * taps.length, taps.length, channels)
      for (let b = 0; b < batch; b++) {
        const base = (b * groups + g) * inChannels * plane
        sums.fill(0)
        for (let from = 0; from < taps.length; from += tapBlock) {
          addTaps(values, base, weights, taps, from, Math.min(taps.length, from + tapBlock), positions, sums)
        }
        for (let c = 0; c < channels; c++) {
          const to = ((b * groups + g) * outChannels + o + c) * positions.length
          for (let p = 0; p < positions.length; p++) y[to + p] = sums[p * 4 + c]!
        }
      }
    }
  }
  return y
}

/** Row-major list of Σ index · stride over all indices within `extents`. */
function offsets(extents: Shape, strides: readonly number[]): Int32Array {
  let list = Int32Array.of(0)
  for (const [d, extent] of extents.entries()) {
    const next = new Int32Array(list.length * extent)
    for (let i = 0; i < list.length; i++) {
      for (let k = 0; k < extent; k++) next[i * extent + k] = list[i]! + k * strides[d]!
    }
    list = next
  }
  return list
}

/** The weights of up to four output channels, interleaved by tap; missing channels are zero. */
function fourChannels(w: Values, from: number, taps: number, channels: number): Float64Array {
  const out = new Float64Array(taps * 4)
  for (let c = 0; c < channels; c++) {
    for (let k = 0, at = from + c * taps; k < taps; k++) out[k * 4 + c] = w[at + k]!
  }
  return out
}

/** sums[p, 0..3] += Σ over taps of x at (position + tap) · weights[tap, 0..3], two positions at a time. */
function addTaps(
  x: Float64Array,
  base: number,
  weights: Float64Array,
  taps: Int32Array,
  from: number,
  to: number,
  positions: Int32Array,
  sums: Float64Array,
): void {
  const count = positions.length
  for (let p = 0; p < count; p += 2) {
    const q = Math.min(p + 1, count - 1)
    const a = base + positions[p]!
    const b = base + positions[q]!
    const s = p * 4
    const t = q * 4
    let a0 = sums[s]!
    let a1 = sums[s + 1]!
    let a2 = sums[s + 2]!
    let a3 = sums[s + 3]!
    let b0 = sums[t]!
    let b1 = sums[t + 1]!
    let b2 = sums[t + 2]!
    let b3 = sums[t + 3]!
    for (let k = from; k < to; k++) {
      const tap = taps[k]!
      const u = x[a + tap]!
      const v = x[b + tap]!
      const k4 = k * 4
      const w0 = weights[k4]!
      const w1 = weights[k4 + 1]!
      const w2 = weights[k4 + 2]!
      const w3 = weights[k4 + 3]!
      a0 += u * w0
      a1 += u * w1
      a2 += u * w2
      a3 += u * w3
      b0 += v * w0
      b1 += v * w1
      b2 += v * w2
      b3 += v * w3
    }
    sums[s] = a0
    sums[s + 1] = a1
    sums[s + 2] = a2
    sums[s + 3] = a3
    sums[t] = b0
    sums[t + 1] = b1
    sums[t + 2] = b2
    sums[t + 3] = b3
  }
}

/** The input in double precision with its padding and dilation written out as zeros. */
function spread(x: Values, loops: ConvolutionLoops): { values: Float64Array; extents: number[] } {
  const { batch, groups, inChannels, space, low, high, inputDilation } = loops
  const extents = space.map((n, d) => dilated(n, inputDilation[d]!) + low[d]! + high[d]!)
  if (space.every((n, d) => n === extents[d] && low[d] === 0)) return { values: Float64Array.from(x), extents }
  const strides = stridesOf(extents)
  const rows = space.slice(0, -1)
  const width = space.at(-1) ?? 1
  const last = space.length - 1
  const planes = batch * groups * inChannels
  const values = new Float64Array(planes * sizeOf(extents))
  const index = new Int32Array(rows.length)
  let from = 0
  for (let p = 0; p < planes; p++) {
    index.fill(0)
    for (let r = sizeOf(rows); r > 0; r--, from += width) {
      let at = p * sizeOf(extents)
      let inside = true
      for (let d = 0; d < rows.length; d++) {
        const position = index[d]! * inputDilation[d]! + low[d]!
        inside &&= position >= 0 && position < extents[d]!
        at += position * strides[d]!
      }
      if (inside) {
        for (let i = 0, position = low[last]!; i < width; i++, position += inputDilation[last]!) {
          if (position >= 0 && position < extents[last]!) values[at + position] = x[from + i]!
        }
      }
      for (let d = rows.length - 1; d >= 0; d--) {
        if (++index[d]! < rows[d]!) break
        index[d] = 0
      }
    }
  }
  return { values, extents }
}

/** How far `extent` elements reach when they stand `dilation` apart. */
export function dilated(extent: number, dilation: number): number {
  return extent === 0 ? 0 : (extent - 1) * dilation + 1
}
