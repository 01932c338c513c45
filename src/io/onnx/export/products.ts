import type { Node } from '../../../graph/node.ts'
import type { Contraction } from '../../../graph/ops/contract.ts'
import type { Convolution } from '../../../graph/ops/conv.ts'
import type { AveragePool } from '../../../graph/ops/pooling.ts'
import type { Pool } from '../../../graph/ops/windows.ts'
import { type Conversions, converted, type Given } from './conversion.ts'
import type { Extent } from './trace.ts'
import type { Value } from './writer.ts'
import { padded, spreadBy } from './views.ts'

const leads = (dims: readonly number[]): boolean => dims.every((d, i) => d === i)

/** A product of matrices where the dimensions lie so, Einstein's sum elsewhere. */
function contract({ node, inputs, writer }: Given<Contraction>): string {
  const { batch, reduce } = node.attrs
  const [a, b] = inputs as [Value, Value]
  const [m, n] = [a.extents.length, b.extents.length]
  const matrices = leads(batch[0]) && leads(batch[1]) && m === batch[0].length + 2 && n === m && reduce[0].length === 1
  if (matrices) {
    const swap = (x: Value): string => writer.permute(x, [...x.extents.keys()].slice(0, -2).concat(m - 1, m - 2)).name
    const left = reduce[0][0] === m - 1 ? a.name : swap(a)
    const right = reduce[1][0] === m - 2 ? b.name : swap(b)
    return writer.add('MatMul', [left, right])
  }
  const letters = 'abcdefghijklmnopqrstuvwxyz'
  const first = [...letters.slice(0, m)]
  const second = [...letters.slice(m, m + n)]
  for (const pairs of [batch, reduce]) for (const [i, d] of pairs[0].entries()) second[pairs[1][i]!] = first[d]!
  const free = (own: readonly string[], side: 0 | 1): string[] =>
    own.filter((_, d) => !batch[side].includes(d) && !reduce[side].includes(d))
  const result = [...batch[0].map((d) => first[d]!), ...free(first, 0), ...free(second, 1)]
  const equation = `${first.join('')},${second.join('')}->${result.join('')}`
  return writer.add('Einsum', [a.name, b.name], { equation })
}

/** x · wᵀ + b */
function linear({ inputs, writer }: Given): string {
  const [x, w, b] = inputs as [Value, Value, Value?]
  const rest = b ? [b.name] : []
  if (x.extents.length === 2) return writer.add('Gemm', [x.name, w.name, ...rest], { transB: 1 })
  const product = writer.add('MatMul', [x.name, writer.permute(w, [1, 0]).name])
  return b ? writer.add('Add', [product, b.name]) : product
}

/** Groups are an attribute in ONNX: [N, G, C, ...] is [N, G · C, ...]. */
function conv({ node, inputs, writer, extents }: Given<Convolution>): string {
  const { stride, low, high, inputDilation, kernelDilation } = node.attrs
  const [x, w] = inputs as [Value, Value]
  const [, groups, channels] = node.inputs[0]!.shape as [number, number, number]
  const [, outChannels, own, ...kernel] = node.inputs[1]!.shape as [number, number, number, ...number[]]
  const joined = writer.reshape(x, [x.extents[0]!, groups * channels, ...x.extents.slice(3)])
  const wide = spreadBy(writer, joined, [0, 0, ...inputDilation.map((n) => n - 1)])
  const crops = [...low, ...high].some((n) => n < 0)
  const image = crops ? padded(writer, wide.name, [0, 0, ...low], [0, 0, ...high]) : wide.name
  const weight = writer.reshape(w, [groups * outChannels, own, ...kernel])
  const name = writer.add('Conv', [image, weight.name], {
    kernel_shape: kernel,
    strides: stride,
    dilations: kernelDilation,
    pads: crops ? [...low, ...high].map(() => 0) : [...low, ...high],
    group: groups,
  })
  const result: Value = { name, extents: [extents[0]!, groups * outChannels, ...extents.slice(3)] }
  return writer.reshape(result, extents).name
}

/** Margins that a last window does not reach are left out by rounding down. */
const margins = (low: readonly number[], high: readonly number[]): number[] => [
  ...low,
  ...high.map((n) => Math.max(0, n)),
]

const hasSpace = ({ shape }: Node): boolean => shape.length > 2

function maxPool({ node, inputs, writer }: Given<Pool>): string {
  const { kernel, stride, low, high, dilation } = node.attrs
  return writer.add('MaxPool', [inputs[0]!.name], {
    kernel_shape: kernel,
    strides: stride,
    dilations: dilation,
    pads: margins(low, high),
  })
}

/** Whether all of the padding counts, or none; undefined where some does. */
function counted({ low, high, countLow, countHigh }: AveragePool): boolean | undefined {
  const reached = high.map((n) => Math.max(0, n))
  const all = low.every((n, d) => countLow[d] === n && Math.max(0, countHigh[d]!) === reached[d])
  if (all) return true
  return countLow.every((n) => n === 0) && countHigh.every((n) => n <= 0) ? false : undefined
}

function avgPool({ node, inputs, writer }: Given<AveragePool>): string {
  const { kernel, stride, low, high } = node.attrs
  return writer.add('AveragePool', [inputs[0]!.name], {
    kernel_shape: kernel,
    strides: stride,
    pads: margins(low, high),
    count_include_pad: Number(counted(node.attrs)),
  })
}

/** Sums, extremes and products; ONNX reduces no truth values. */
const reductions: Readonly<Record<string, string>> = {
  sum: 'ReduceSum',
  prod: 'ReduceProd',
  max: 'ReduceMax',
  min: 'ReduceMin',
}

function reduce({ node, inputs, writer }: Given<{ kind: string; dims: readonly number[] }>): string {
  const { kind, dims } = node.attrs
  return writer.add(reductions[kind]!, [inputs[0]!.name, writer.integers(dims)], { keepdims: 0 })
}

function argReduce({ node, inputs, writer }: Given<{ kind: 'max' | 'min'; dim: number }>): string {
  const { kind, dim } = node.attrs
  const at = writer.add(kind === 'max' ? 'ArgMax' : 'ArgMin', [inputs[0]!.name], { axis: dim, keepdims: 0 })
  return writer.add('Cast', [at], { to: 6 })
}

interface Along {
  readonly dim: number
}

interface Normalization {
  readonly dims: readonly number[]
  readonly eps: number
}

/** Statistics over the last dimensions, with a weight for each element. */
function isTrailing({ inputs, attrs }: Node<Normalization>): boolean {
  const [x, weight] = inputs as [Node, Node?]
  const start = x.shape.length - attrs.dims.length
  return (
    weight?.shape.length === attrs.dims.length &&
    attrs.dims.every((d, i) => d === start + i) &&
    x.dtype === weight.dtype
  )
}

function layerNorm({ node, inputs, writer }: Given<Normalization>): string {
  const { dims, eps } = node.attrs
  return writer.add(
    'LayerNormalization',
    inputs.map(({ name }) => name),
    { axis: dims[0]!, epsilon: { float: eps } },
  )
}

interface Cumulative extends Along {
  readonly kind: string
  readonly reverse: boolean
}

function cumulative({ node, inputs, writer }: Given<Cumulative>): string {
  const { dim, reverse } = node.attrs
  const axis = writer.add('Reshape', [writer.integers([dim]), writer.integers([])])
  return writer.add('CumSum', [inputs[0]!.name, axis], { reverse: Number(reverse) })
}

/** Rows of a matrix: an index that says the same in every column. */
function gather({ node, inputs, writer, extents }: Given<Along>): string {
  const { dim } = node.attrs
  const [x, index] = inputs as [Value, Value]
  const whole = index.extents.every((extent, d) => d === dim || extent === 1)
  if (whole) return writer.add('Gather', [x.name, writer.reshape(index, [index.extents[dim]!]).name], { axis: dim })
  return writer.add('GatherElements', [x.name, expanded({ writer, extents }, index)], { axis: dim })
}

function expanded({ writer, extents }: Pick<Given, 'writer' | 'extents'>, x: Value): string {
  const needed = extents.map((extent, d): Extent => (x.extents[d] === 1 ? extent : 1))
  return needed.every((extent) => extent === 1) ? x.name : writer.add('Expand', [x.name, writer.shape(needed)])
}

const writes: Readonly<Record<string, string>> = { set: 'none', add: 'add', prod: 'mul', max: 'max', min: 'min' }

function scatter({ node, inputs, writer }: Given<Along & { kind: string }>): string {
  const { dim, kind } = node.attrs
  const [base, index, source] = inputs as [Value, Value, Value]
  const at = expanded({ writer, extents: source.extents }, index)
  return writer.add('ScatterElements', [base.name, at, source.name], { axis: dim, reduction: writes[kind]! })
}

/** Products, convolutions, pooling, reductions, and reading and writing by index. */
export const products: Conversions = {
  argReduce: converted(argReduce),
  avgPool: converted(
    avgPool,
    (node: Node<AveragePool>) => node.attrs.divisor === 0 && counted(node.attrs) !== undefined,
  ),
  contract: converted(contract),
  conv: converted(conv, hasSpace),
  cumulative: converted(cumulative, ({ attrs: { kind } }: Node<Cumulative>) => kind === 'sum'),
  embedding: {
    write: ({ inputs, writer }) => writer.add('Gather', [inputs[1]!.name, inputs[0]!.name], { axis: 0 }),
  },
  gather: converted(gather),
  layerNorm: converted(layerNorm, isTrailing),
  linear: { write: linear },
  logSoftmax: converted<Along>(({ node, inputs, writer }) =>
    writer.add('LogSoftmax', [inputs[0]!.name], { axis: node.attrs.dim }),
  ),
  maxPool: converted(maxPool),
  reduce: converted(reduce),
  scatter: converted(scatter),
  softmax: converted<Along>(({ node, inputs, writer }) =>
    writer.add('Softmax', [inputs[0]!.name], { axis: node.attrs.dim }),
  ),
}
