import { sizeOf } from '../../../core/shape.ts'
import { pad as padWith } from '../../../nn/functional/padding.ts'
import { fold } from '../../../nn/functional/fold.ts'
import { arange, tensor, zeros } from '../../../tensor/creation.ts'
import { concat, stack } from '../../../tensor/joining.ts'
import { truePositions } from '../../../tensor/selection.ts'
import { Tensor } from '../../../tensor/tensor.ts'
import { fromStart, gatherAlong, gatherNd, mirrored, scatterNd } from '../../graphs/indexing.ts'
import { integers, numberOf, numbersOf } from '../../graphs/known.ts'
import type { Attributes } from '../attributes.ts'
import { listOf, type Operation, type Operations } from './operation.ts'

const fromFront = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis)

/** 0 keeps a size, −1 is what is left. */
const reshape: Operation = ([x, shape], attributes) => {
  const sizes = listOf(shape, attributes, 'shape') ?? []
  const keeps = !attributes.flag('allowzero')
  return x!.reshape(sizes.map((n, d) => (n === 0 && keeps ? x!.shape[d]! : n)))
}

const flatten: Operation = ([x], attributes) => {
  const axis = fromFront(attributes.number('axis', 1), x!.rank)
  return x!.reshape(sizeOf(x!.shape.slice(0, axis)), sizeOf(x!.shape.slice(axis)))
}

const squeeze: Operation = ([x, axes], attributes) => {
  const dims = listOf(axes, attributes, 'axes')
  return dims ? x!.squeeze(dims) : x!.squeeze()
}

const unsqueeze: Operation = ([x, axes], attributes) => {
  const given = listOf(axes, attributes, 'axes') ?? []
  const rank = x!.rank + given.length
  const dims = given.map((axis) => fromFront(axis, rank)).sort((a, b) => a - b)
  return dims.reduce((y, dim) => y.unsqueeze(dim), x!)
}

/** Ends beyond the tensor are its ends. */
const slice: Operation = ([x, starts, ends, axes, steps], attributes) => {
  const [from, to] = [listOf(starts, attributes, 'starts')!, listOf(ends, attributes, 'ends')!]
  const dims = listOf(axes, attributes, 'axes') ?? from.map((_, d) => d)
  const by = steps ? numbersOf(steps) : dims.map(() => 1)
  return dims.reduce((y, axis, i) => sliced(y, fromFront(axis, y.rank), from[i]!, to[i]!, by[i]!), x!)
}

function sliced(x: Tensor, dim: number, start: number, end: number, step: number): Tensor {
  const n = x.shape[dim]!
  const limit = (at: number, low: number, high: number): number => Math.min(Math.max(at < 0 ? at + n : at, low), high)
  if (step > 0) {
    const [from, to] = [limit(start, 0, n), limit(end, 0, n)]
    const part = x.narrow(dim, from, Math.max(0, to - from))
    return step === 1 ? part : every(part, dim, step)
  }
  const [last, before] = [limit(start, -1, n - 1), limit(end, -1, n - 1)]
  const part = x.narrow(dim, before + 1, Math.max(0, last - before)).flip(dim)
  return every(part, dim, -step)
}

function every(x: Tensor, dim: number, step: number): Tensor {
  return x.at(...x.shape.map((_, d) => (d === dim ? (`::${step}` as const) : ('::' as const))))
}

const split: Operation = ([x, sizes], attributes) => {
  const dim = fromFront(attributes.number('axis', 0), x!.rank)
  const given = listOf(sizes, attributes, 'split')
  if (given) return x!.split(given, dim)
  const parts = attributes.number('num_outputs', attributes.outputs)
  const part = Math.ceil(x!.shape[dim]! / parts)
  const starts = Array.from({ length: parts }, (_, i) => Math.min(i * part, x!.shape[dim]!))
  return x!.split(
    starts.map((start, i) => (starts[i + 1] ?? x!.shape[dim]!) - start),
    dim,
  )
}

const pad: Operation = ([x, pads, value, axes], attributes) => {
  const given = listOf(pads, attributes, 'pads') ?? attributes.numbers('paddings') ?? []
  const dims = axes ? numbersOf(axes).map((axis) => fromFront(axis, x!.rank)) : x!.shape.map((_, d) => d)
  const [low, high] = [x!.shape.map(() => 0), x!.shape.map(() => 0)]
  for (const [i, dim] of dims.entries()) {
    low[dim] = given[i]!
    high[dim] = given[i + dims.length]!
  }
  const mode = attributes.text('mode', 'constant')
  if (mode === 'reflect') return mirrored(x!, low, high, false)
  const margins = low.flatMap((_, d) => [low.at(-1 - d)!, high.at(-1 - d)!])
  if (mode === 'constant')
    return padWith(x!, margins, { value: value ? numberOf(value) : attributes.number('value', 0) })
  if (mode === 'edge') return padWith(x!, margins, { mode: 'replicate' })
  if (mode === 'wrap') return padWith(x!, margins, { mode: 'circular' })
  throw attributes.fail(`mode ${mode} is not supported`)
}

const expand: Operation = ([x, shape]) => {
  const wanted = numbersOf(shape!)
  const lead = Math.max(0, x!.rank - wanted.length)
  const sizes = [...x!.shape.slice(0, lead), ...wanted]
  return x!.expand(sizes.map((n, d) => (n === 1 ? (x!.shape[d - sizes.length + x!.rank] ?? 1) : n)))
}

const gather: Operation = ([x, index], attributes) => {
  const axis = fromFront(attributes.number('axis', 0), x!.rank)
  return gatherAlong(x!, fromStart(index!, x!.shape[axis]!), axis)
}

const gatherElements: Operation = ([x, index], attributes) => {
  const dim = fromFront(attributes.number('axis', 0), x!.rank)
  return x!.gather(dim, fromStart(index!, x!.shape[dim]!))
}

/** Indices [..., K] from the end of the K sizes counted from the start. */
function allFromStart(index: Tensor, sizes: readonly number[]): Tensor {
  return index.where(index.ge(0), index.add(integers(sizes.slice(0, index.shape.at(-1)))))
}

const gatherMany: Operation = ([x, index], attributes) => {
  const shared = attributes.number('batch_dims', 0)
  const at = allFromStart(index!, x!.shape.slice(shared))
  if (shared === 0) return gatherNd(x!, at)
  // Each sample is looked up on its own.
  const batch = x!.shape.slice(0, shared)
  const [all, places] = [x!.flatten(0, shared - 1), at.flatten(0, shared - 1)]
  const parts = Array.from({ length: sizeOf(batch) }, (_, i) => gatherNd(all.select(0, i), places.select(0, i)))
  const y = stack(parts)
  return y.reshape([...batch, ...y.shape.slice(1)])
}

const reductions: Readonly<Record<string, 'sum' | 'prod' | 'amax' | 'amin'>> = {
  add: 'sum',
  mul: 'prod',
  max: 'amax',
  min: 'amin',
}

function reductionOf(attributes: Attributes): 'sum' | 'prod' | 'amax' | 'amin' | undefined {
  const name = attributes.text('reduction', 'none')
  if (name !== 'none' && !reductions[name]) throw attributes.fail(`reduction ${name} is not supported`)
  return reductions[name]
}

const scatterElements: Operation = ([x, index, updates], attributes) => {
  const dim = fromFront(attributes.number('axis', 0), x!.rank)
  const at = fromStart(index!, x!.shape[dim]!)
  const reduction = reductionOf(attributes)
  return reduction ? x!.scatterReduce(dim, at, updates!, reduction) : x!.scatter(dim, at, updates!)
}

const scatterMany: Operation = ([x, index, updates], attributes) => {
  const reduction = reductionOf(attributes)
  return scatterNd(x!, allFromStart(index!, x!.shape), updates!, (rows, at, parts) =>
    reduction ? writeRows(rows, at, parts, reduction) : rows.indexCopy(0, at, parts),
  )
}

function writeRows(rows: Tensor, at: Tensor, parts: Tensor, reduction: 'sum' | 'prod' | 'amax' | 'amin'): Tensor {
  const index = at.reshape([at.size, ...parts.shape.slice(1).map(() => 1)]).expand(parts.shape)
  return rows.scatterReduce(0, index, parts, reduction)
}

const oneHot: Operation = ([indices, depth, values], attributes) => {
  const axis = attributes.number('axis', -1)
  const count = numberOf(depth!)
  const at = indices!.to('int32')
  const hot = fromStart(at, count)
    .unsqueeze(-1)
    .eq(arange(count, { dtype: 'int32' }))
  const y = values!.select(0, 1).where(hot, values!.select(0, 0))
  return axis === -1 ? y : y.movedim(-1, axis)
}

const topK: Operation = ([x, k], attributes) => {
  const count = k ? numberOf(k) : attributes.number('k')
  const { values, indices } = x!.topK(count, attributes.number('axis', -1), {
    largest: attributes.flag('largest', true),
  })
  return [values, indices]
}

const trilu: Operation = ([x, k], attributes) => {
  const diagonal = k ? numberOf(k) : 0
  return attributes.flag('upper', true) ? x!.triu(diagonal) : x!.tril(diagonal)
}

/** Shapes of parts: positions of the dimensions from `start` to `end`. */
const shapeOf: Operation = ([x], attributes) =>
  integers(x!.shape.slice(attributes.number('start', 0), attributes.has('end') ? attributes.number('end') : undefined))

const nonZero: Operation = ([x]) => {
  const positions = truePositions(x!.to('bool').node).map((node) => new Tensor(node))
  return positions.length === 0 ? zeros([0, 1], { dtype: 'int32' }) : stack(positions, 0)
}

/** The parts along `axis`, or the elements, where a condition holds. */
const compress: Operation = ([x, condition], attributes) => {
  const at = numbersOf(condition!).flatMap((holds, i) => (holds === 0 ? [] : [i]))
  return attributes.has('axis')
    ? x!.indexSelect(fromFront(attributes.number('axis'), x!.rank), integers(at))
    : x!.flatten().indexSelect(0, integers(at))
}

/** Of each sample the first `lengths[i]` steps backwards. */
const reverseSequence: Operation = ([x, lengths], attributes) => {
  const [time, batch] = [attributes.number('time_axis', 0), attributes.number('batch_axis', 1)]
  const samples = x!.unbind(batch).map((sample, i) => {
    const length = numbersOf(lengths!)[i]!
    const dim = time > batch ? time - 1 : time
    const rest = sample.narrow(dim, length, sample.shape[dim]! - length)
    return concat([sample.narrow(dim, 0, length).flip(dim), rest], dim)
  })
  return stack(samples, batch)
}

/** Crops or pads the middle. */
const centerCropPad: Operation = ([x, shape], attributes) => {
  const sizes = numbersOf(shape!)
  const dims = attributes.numbers('axes')?.map((axis) => fromFront(axis, x!.rank)) ?? sizes.map((_, d) => d)
  return dims.reduce((y, dim, i) => {
    const more = sizes[i]! - y.shape[dim]!
    const low = more >= 0 ? Math.floor(more / 2) : -Math.floor(-more / 2)
    return y.pad(y.shape.flatMap((_, d) => (y.rank - 1 - d === dim ? [low, more - low] : [0, 0])))
  }, x!)
}

const depthToSpace: Operation = ([x], attributes) => {
  const block = attributes.number('blocksize')
  const [n, c, h, w] = x!.shape as [number, number, number, number]
  const rows = attributes.text('mode', 'DCR') === 'CRD'
  const parts = rows ? [n, c / block ** 2, block, block, h, w] : [n, block, block, c / block ** 2, h, w]
  const order = rows ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2]
  return x!
    .reshape(parts)
    .permute(order)
    .reshape(n, c / block ** 2, h * block, w * block)
}

const spaceToDepth: Operation = ([x], attributes) => {
  const block = attributes.number('blocksize')
  const [n, c, h, w] = x!.shape as [number, number, number, number]
  return x!
    .reshape(n, c, h / block, block, w / block, block)
    .permute(attributes.text('mode', 'DCR') === 'CRD' ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4])
    .reshape(n, c * block ** 2, h / block, w / block)
}

const constantOfShape: Operation = ([shape], attributes) => {
  const value = attributes.tensor('value')
  return value ? value.reshape([]).expand(numbersOf(shape!)) : zeros(numbersOf(shape!))
}

const eyeLike: Operation = ([x], attributes) => {
  const [rows, columns] = x!.shape as [number, number]
  const dtype = attributes.dtype('dtype', x!.dtype)
  const k = attributes.number('k', 0)
  const places = arange(columns, { dtype: 'int32' }).sub(arange(rows, { dtype: 'int32' }).unsqueeze(1))
  return places.eq(k).to(dtype)
}

const range: Operation = ([start, limit, delta]) =>
  arange(numberOf(start!), numberOf(limit!), numberOf(delta!), { dtype: start!.dtype })

/** Patches [N, C · K, L] back into images [N, C, ...]. */
const col2Im: Operation = ([x, image, block], attributes) => {
  const [sizes, kernel] = [numbersOf(image!), numbersOf(block!)]
  const pads = attributes.numbers('pads') ?? sizes.map(() => 0)
  if (sizes.length !== 2) throw attributes.fail('other than two dimensions is not supported')
  const [top = 0, left = 0, bottom = 0, right = 0] = pads
  const padded = [sizes[0]! + top + bottom, sizes[1]! + left + right]
  const options = { dilation: attributes.numbers('dilations') ?? 1, stride: attributes.numbers('strides') ?? 1 }
  return fold(x!, padded, kernel, options).pad([-left, -right, -top, -bottom])
}

/** Shapes and parts of tensors, and what depends on positions. */
export const shaping: Operations = {
  Cast: ([x], attributes) => x!.to(attributes.dtype('to')),
  CastLike: ([x, like]) => x!.to(like!.dtype),
  CenterCropPad: centerCropPad,
  Col2Im: col2Im,
  Compress: compress,
  Concat: (inputs, attributes) => concat(inputs, attributes.number('axis')),
  ConstantOfShape: constantOfShape,
  DepthToSpace: depthToSpace,
  Expand: expand,
  EyeLike: eyeLike,
  Flatten: flatten,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherMany,
  NonZero: nonZero,
  OneHot: oneHot,
  Pad: pad,
  Range: range,
  Reshape: reshape,
  ReverseSequence: reverseSequence,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterMany,
  Shape: shapeOf,
  Size: ([x]) => tensor(x!.size, { dtype: 'int32' }),
  Slice: slice,
  SpaceToDepth: spaceToDepth,
  Split: split,
  Squeeze: squeeze,
  Tile: ([x, repeats]) => x!.repeat(...numbersOf(repeats!)),
  TopK: topK,
  Transpose: ([x], attributes) => x!.permute(attributes.numbers('perm') ?? x!.shape.map((_, d) => x!.rank - 1 - d)),
  Trilu: trilu,
  Unsqueeze: unsqueeze,
}
