import { ValueError } from '../../../core/errors.ts'
import type { Padding, Range } from '../../../graph/ops/views.ts'
import type { Window } from '../../../graph/ops/windows.ts'
import { type Conversions, converted, type Given } from './conversion.ts'
import { isBatch, sameExtent } from './trace.ts'
import { elementTypes, type Value, type Writer } from './writer.ts'

/** Ends beyond the tensor are its ends. */
const end = 2 ** 31 - 1

function slice({ node, inputs, writer, extents, extent }: Given<{ ranges: readonly Range[] }>): string {
  const [x] = inputs as [Value]
  const cut = node.attrs.ranges
    .map((range, d) => ({ ...range, d }))
    .filter(({ d }) => !sameExtent(x.extents[d]!, extents[d]!))
  const bound = (which: 'start' | 'stop'): string =>
    writer.shape(cut.map(({ d }) => extent(({ attrs }) => attrs.ranges[d]![which])))
  const [dims, steps] = [cut.map(({ d }) => d), cut.map(({ step }) => step)]
  return writer.add('Slice', [x.name, bound('start'), bound('stop'), writer.integers(dims), writer.integers(steps)])
}

/** Repeats; dimensions that are there already say 1, so that only new ones need a size. */
function broadcast({ inputs, writer, extents }: Given): string {
  const [x] = inputs as [Value]
  const lead = extents.length - x.extents.length
  const target = extents.map((extent, d) => (d >= lead && sameExtent(x.extents[d - lead]!, extent) ? 1 : extent))
  return writer.add('Expand', [x.name, writer.shape(target)])
}

/** Zeros between neighbours are put behind each of them, in a dimension of its own. */
function spread(writer: Writer, x: Value, d: number, inner: number): Value {
  const n = x.extents[d]!
  if (isBatch(n)) throw new ValueError('exportOnnx', 'zeros between the samples of a batch are not supported')
  const apart = writer.reshape(x, x.extents.toSpliced(d + 1, 0, 1))
  const amounts = apart.extents.map(() => 0)
  const pads = writer.integers([...amounts, ...amounts.with(d + 1, inner)])
  const wide = { name: writer.add('Pad', [apart.name, pads]), extents: apart.extents.with(d + 1, inner + 1) }
  const joined = writer.reshape(wide, x.extents.with(d, n * (inner + 1)))
  const bounds = [[0], [n * (inner + 1) - inner], [d]].map((list) => writer.integers(list))
  return { name: writer.add('Slice', [joined.name, ...bounds]), extents: x.extents.with(d, n + (n - 1) * inner) }
}

/** x with zeros between neighbours. */
export function spreadBy(writer: Writer, x: Value, inner: readonly number[]): Value {
  return inner.reduce((y, amount, d) => (amount > 0 ? spread(writer, y, d, amount) : y), x)
}

/** x with zeros before and after, or without some of its elements. */
export function padded(writer: Writer, x: string, low: readonly number[], high: readonly number[]): string {
  if ([...low, ...high].every((n) => n === 0)) return x
  return writer.add('Pad', [x, writer.integers([...low, ...high])])
}

function pad({ node, inputs, writer }: Given<{ pads: readonly Padding[] }>): string {
  const { pads } = node.attrs
  // ONNX's Pad takes no truth values.
  const asNumber = node.dtype === 'bool'
  const [x] = inputs as [Value]
  const given = asNumber ? { ...x, name: writer.add('Cast', [x.name], { to: elementTypes.uint8 }) } : x
  const wide = spreadBy(
    writer,
    given,
    pads.map(({ inner }) => inner),
  )
  const y = padded(
    writer,
    wide.name,
    pads.map(({ low }) => low),
    pads.map(({ high }) => high),
  )
  return asNumber ? writer.add('Cast', [y], { to: elementTypes.bool }) : y
}

/** From the last element to the first, step −1. */
export function flipped(writer: Writer, x: string, dims: readonly number[]): string {
  if (dims.length === 0) return x
  const lists = [dims.map(() => -1), dims.map(() => -end), dims, dims.map(() => -1)]
  return writer.add('Slice', [x, ...lists.map((list) => writer.integers(list))])
}

/** Sliding windows, picked by their positions: the position inside a window becomes the last dimension. */
function window({ node, inputs, writer }: Given<Window>): string {
  const { dim, size, step, dilation } = node.attrs
  const [x] = inputs as [Value]
  const count = node.shape[dim]!
  const positions = Array.from({ length: count * size }, (_, i) => Math.floor(i / size) * step + (i % size) * dilation)
  const index = writer.add('Reshape', [writer.integers(positions), writer.integers([count, size])])
  const picked = writer.add('Gather', [x.name, index], { axis: dim })
  const order = [...x.extents.keys()].map((d) => (d <= dim ? d : d + 1))
  return writer.add('Transpose', [picked], { perm: [...order, dim + 1] })
}

/** 0, 1, 2 ... */
function iota({ node, writer, extents }: Given): string {
  const [length] = extents as [Given['extents'][number]]
  const scalar = (vector: string): string => writer.add('Reshape', [vector, writer.integers([])])
  const [start, step] = [0, 1].map((value) => scalar(writer.integers([value])))
  const range = writer.add('Range', [start!, scalar(writer.shape([length])), step!])
  return writer.add('Cast', [range], { to: elementTypes[node.dtype] })
}

/** Ops that only move elements. */
export const views: Conversions = {
  broadcast: { write: broadcast },
  concat: converted<{ dim: number }>(({ node, inputs, writer }) =>
    writer.add(
      'Concat',
      inputs.map(({ name }) => name),
      { axis: node.attrs.dim },
    ),
  ),
  flip: converted<{ dims: readonly number[] }>(({ node, inputs, writer }) =>
    flipped(writer, inputs[0]!.name, node.attrs.dims),
  ),
  iota: { write: iota },
  pad: converted(pad),
  permute: converted<{ order: readonly number[] }>(
    ({ node, inputs, writer }) => writer.permute(inputs[0]!, node.attrs.order).name,
  ),
  reshape: { write: ({ inputs, writer, extents }) => writer.reshape(inputs[0]!, extents).name },
  slice: converted(slice),
  window: converted(window),
}
