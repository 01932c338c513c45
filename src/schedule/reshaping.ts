import type { Shape } from '../core/shape.ts'
import { type Affine, axisPosition, combine, digits, fixed, sum, scale } from './affine.ts'

/** Asks for a loop axis to be split into `factors` (outermost first); the kernel is then described anew. */
export class SplitAxis {
  readonly axis: number
  readonly factors: readonly [number, number]

  constructor(axis: number, factors: readonly [number, number]) {
    this.axis = axis
    this.factors = factors
  }
}

/** Positions in a row-major array of another shape; undefined where no affine function says it. May throw {@link SplitAxis}. */
export function reshapedPositions(
  positions: readonly Affine[],
  shape: Shape,
  wanted: Shape,
  extents: readonly number[],
): Affine[] | undefined {
  const count = extents.length
  const out: Affine[] = []
  for (const [from, to] of blocks(shape, wanted)) {
    const target = wanted.slice(...to)
    const strides = rowMajor(shape.slice(...from))
    const flat = combine(positions.slice(...from), strides, count)
    const solid = target.filter((n) => n !== 1).length
    if (solid <= 1) {
      out.push(...target.map((n) => (n === 1 ? fixed(0, count) : flat)))
      continue
    }
    const size = target.reduce((p, n) => p * n, 1)
    const axes = digits(flat, extents, size)
    const regrouped = axes && regroup(axes, target, extents)
    if (!regrouped) return undefined
    out.push(...regrouped)
  }
  return out
}

function rowMajor(shape: Shape): number[] {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride
    stride *= shape[d]!
  }
  return strides
}

type Span = readonly [number, number]

/** Shortest pairs of dimension ranges with equal products. Both shapes have the same number (> 0) of elements. */
function blocks(a: Shape, b: Shape): [Span, Span][] {
  const out: [Span, Span][] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const [i0, j0] = [i, j]
    let p = i < a.length ? a[i++]! : 1
    let q = j < b.length ? b[j++]! : 1
    while (p !== q) {
      if (p < q) p *= a[i++]!
      else q *= b[j++]!
    }
    out.push([
      [i0, i],
      [j0, j],
    ])
  }
  return out
}

/** Deals a mixed-radix number's axes out to dimensions of the sizes `target`. */
function regroup(axes: readonly number[], target: Shape, extents: readonly number[]): Affine[] | undefined {
  const count = extents.length
  const out: Affine[] = []
  let next = 0
  for (const size of target) {
    let filled = 1
    let position = fixed(0, count)
    while (filled < size) {
      const axis = axes[next++]!
      const extent = extents[axis]!
      if ((size / filled) % extent !== 0) {
        const outer = size / filled
        if (extent % outer !== 0) return undefined
        throw new SplitAxis(axis, [outer, extent / outer])
      }
      filled *= extent
      position = sum(scale(position, extent), axisPosition(axis, count))
    }
    out.push(position)
  }
  return out
}
