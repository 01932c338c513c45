import type { DType } from '../../../core/dtype.ts'
import { sizeOf } from '../../../core/shape.ts'
import { arange, tensor, zeros } from '../../../tensor/creation.ts'
import { concat, stack } from '../../../tensor/joining.ts'
import { type Index, type RangeText, truePositions } from '../../../tensor/selection.ts'
import { pad as padWith } from '../../../nn/functional/padding.ts'
import { Tensor } from '../../../tensor/tensor.ts'
import { gatherAlong, gatherNd, mirrored, places, scatterNd } from '../../graphs/indexing.ts'
import { integers, numberOf, numbersOf } from '../../graphs/known.ts'
import type { Attributes } from './attributes.ts'
import type { Operation, Operations } from './operation.ts'

/** x[begin:end:step, ...] as Python has it; masks name the parts that are left out, dropped or put in. */
const stridedSlice: Operation = ([x, begin, end, strides], attributes) => {
  const [starts, stops, steps] = [numbersOf(begin!), numbersOf(end!), numbersOf(strides!)]
  const masks = ['begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask', 'shrink_axis_mask']
  const [noBegin, noEnd, ellipsis, newAxis, shrink] = masks.map((name) => attributes.number(name, 0))
  const has = (mask: number | undefined, i: number): boolean => ((mask! >> i) & 1) === 1
  const indices = starts.map((start, i): Index => {
    if (has(ellipsis, i)) return '...'
    if (has(newAxis, i)) return null
    if (has(shrink, i)) return start
    const from = has(noBegin, i) ? '' : start
    const to = has(noEnd, i) ? '' : stops[i]!
    return `${from}:${to}:${steps[i]!}` as RangeText
  })
  return x!.at(...indices)
}

const slice: Operation = ([x, begin, size]) => {
  const sizes = numbersOf(size!)
  return numbersOf(begin!).reduce((y, start, d) => {
    const length = sizes[d] === -1 ? y.shape[d]! - start : sizes[d]!
    return y.narrow(d, start, length)
  }, x!)
}

const split: Operation = ([axis, x], attributes) => {
  const dim = numberOf(axis!)
  const parts = attributes.number('num_split')
  const extent = x!.shape.at(dim) ?? 0
  if (!(parts > 0) || extent % parts !== 0) throw attributes.fail(`${extent} elements do not split into ${parts} parts`)
  return x!.split(extent / parts, dim)
}

const splitAt: Operation = ([x, sizes, axis]) => {
  const dim = numberOf(axis!)
  const given = numbersOf(sizes!)
  const rest = x!.shape.at(dim)! - given.filter((n) => n >= 0).reduce((a, b) => a + b, 0)
  return x!.split(
    given.map((n) => (n < 0 ? rest : n)),
    dim,
  )
}

/** [before, after] of each dimension, first dimension first, in the order of `pad`: last first. */
const margins = (paddings: Tensor): number[] => {
  const flat = numbersOf(paddings)
  return Array.from({ length: flat.length / 2 }, (_, d) => flat.slice(2 * d, 2 * d + 2))
    .reverse()
    .flat()
}

const mirrorPad: Operation = ([x, paddings], attributes) => {
  const flat = numbersOf(paddings!)
  const amounts = (first: number): number[] => x!.shape.map((_, d) => flat[2 * d + first]!)
  return mirrored(x!, amounts(0), amounts(1), attributes.text('mode', 'REFLECT') === 'SYMMETRIC')
}

const squeeze: Operation = ([x], attributes) => {
  const dims = attributes.numbers('squeeze_dims')
  return dims.length === 0 ? x!.squeeze() : x!.squeeze(dims)
}

const scatter: Operation = ([indices, updates, shape]) =>
  scatterNd(zeros(numbersOf(shape!), { dtype: updates!.dtype }), indices!, updates!, (rows, at, parts) =>
    rows.indexAdd(0, at, parts),
  )

const sparseToDense: Operation = ([indices, shape, values, absent]) => {
  const sizes = numbersOf(shape!)
  const list = indices!.rank === 2 ? indices! : indices!.reshape(-1, 1)
  const at = places(list, sizes)
  const empty = absent!.expand([sizeOf(sizes)])
  return empty.indexCopy(0, at, values!.expand([at.size])).reshape(sizes)
}

/** Where a condition holds: int32 [n, rank]. */
const where: Operation = ([condition]) => {
  const positions = truePositions(condition!.node).map((node) => new Tensor(node))
  return positions.length === 0 ? zeros([0, 0], { dtype: 'int32' }) : stack(positions, 1)
}

const oneHot: Operation = ([indices, depth, on, off], attributes) => {
  const axis = attributes.number('axis', -1)
  const classes = arange(numberOf(depth!), { dtype: 'int32' })
  const hot = indices!.unsqueeze(-1).eq(classes)
  const y = on!.where(hot, off!)
  return axis === -1 ? y : y.movedim(-1, axis)
}

const range: Operation = ([start, limit, delta]) =>
  arange(numberOf(start!), numberOf(limit!), numberOf(delta!), { dtype: start!.dtype })

/** Where the condition is a vector and the others have more dimensions, it chooses rows. */
const select: Operation = ([condition, a, b]) => {
  const { rank } = condition!
  const wide = rank === 1 && a!.rank > 1 ? condition!.reshape([-1, ...a!.shape.slice(1).map(() => 1)]) : condition!
  return a!.where(wide, b!)
}

function cast([x]: readonly Tensor[], attributes: Attributes): Tensor {
  const wanted: DType = attributes.dtype('DstT')
  return x!.to(wanted)
}

/** Shapes and parts of tensors, and what depends on positions. */
export const shaping: Operations = {
  BroadcastTo: ([x, shape]) => x!.expand(numbersOf(shape!)),
  Cast: cast,
  ConcatV2: (inputs) => concat(inputs.slice(0, -1), numberOf(inputs.at(-1)!)),
  ExpandDims: ([x, dim]) => x!.unsqueeze(numberOf(dim!)),
  Fill: ([shape, value]) => value!.expand(numbersOf(shape!)),
  Gather: ([x, indices]) => gatherAlong(x!, indices!, 0),
  GatherNd: ([x, indices]) => gatherNd(x!, indices!),
  GatherV2: ([x, indices, axis], attributes) => {
    if (attributes.number('batch_dims', 0) !== 0) throw attributes.fail('batch_dims is not supported')
    return gatherAlong(x!, indices!, numberOf(axis!))
  },
  MirrorPad: mirrorPad,
  OneHot: oneHot,
  Pack: (inputs, attributes) => stack(inputs, attributes.number('axis', 0)),
  Pad: ([x, paddings]) => padWith(x!, margins(paddings!)),
  PadV2: ([x, paddings, value]) => padWith(x!, margins(paddings!), { value: numberOf(value!) }),
  Range: range,
  Rank: ([x]) => tensor(x!.rank, { dtype: 'int32' }),
  Reshape: ([x, shape]) => x!.reshape(numbersOf(shape!)),
  ReverseV2: ([x, dims]) => x!.flip(...numbersOf(dims!)),
  ScatterNd: scatter,
  Select: select,
  SelectV2: ([condition, a, b]) => a!.where(condition!, b!),
  Shape: ([x]) => integers(x!.shape),
  Size: ([x]) => tensor(x!.size, { dtype: 'int32' }),
  Slice: slice,
  SparseToDense: sparseToDense,
  Split: split,
  SplitV: splitAt,
  Squeeze: squeeze,
  StridedSlice: stridedSlice,
  Tile: ([x, repeats]) => x!.repeat(...numbersOf(repeats!)),
  TopKV2: ([x, k]) => {
    const { values, indices } = x!.topK(numberOf(k!))
    return [values, indices]
  },
  Transpose: ([x, dims]) => x!.permute(numbersOf(dims!)),
  Unpack: ([x], attributes) => x!.unbind(attributes.number('axis', 0)),
  Where: where,
}
