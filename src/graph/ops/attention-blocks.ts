import { allocateValues, type Values } from '../../core/dtype.ts'
import { type Shape, sizeOf } from '../../core/shape.ts'
import type { Node } from '../node.ts'
import { type AttentionAttrs, type AttentionGradient, inputsOf } from './attention.ts'
import { broadcastStrides } from './broadcasting.ts'
import { multiplyFloats } from './contract.ts'
import { randomBitsFrom } from './leaves.ts'

/*
 * Reference evaluation of attention: the scores of a few queries at a time, so that no [L, S] matrix exists, forward and
 * backward. Sums are in double precision.
 */

/** Queries whose scores are held at once. */
const blockRows = 32

/** Everything that the scores depend on, and where its parts lie. */
interface Problem {
  readonly batch: number
  readonly heads: number
  /** Query heads that share a key and value head. */
  readonly group: number
  readonly queries: number
  readonly keys: number
  readonly size: number
  readonly q: Values
  readonly k: Values
  readonly scale: number
  readonly causal: boolean
  readonly mask: { readonly values: Values; readonly strides: readonly number[]; readonly isBool: boolean } | undefined
  readonly dropout: { readonly key: Values; readonly p: number } | undefined
}

/** A problem from a node's inputs; `extra` others stand between scale and mask. */
function problemOf(node: Node<AttentionAttrs>, values: readonly Values[], extra: number): Problem {
  const { causal } = node.attrs
  const { q, k, mask } = inputsOf(node.inputs, node.attrs, extra)
  const [batch, heads, queries, size] = q.shape as [number, number, number, number]
  const keys = k.shape[2]!
  const valuesOf = (input: Node): Values => values[node.inputs.indexOf(input)]!
  const random = inputsOf(node.inputs, node.attrs, extra).dropout
  return {
    ...{ batch, heads, queries, keys, size, causal, q: values[0]!, k: values[1]! },
    group: k.shape[1] ? heads / k.shape[1] : 1,
    scale: valuesOf(inputsOf(node.inputs, node.attrs, extra).scale)[0]!,
    mask: mask && {
      values: valuesOf(mask),
      strides: broadcastStrides(mask.shape, [batch, heads, queries, keys]),
      isBool: mask.dtype === 'bool',
    },
    dropout: random && { key: valuesOf(random.key), p: valuesOf(random.p)[0]! },
  }
}

/** One block of queries of one head. */
interface Block {
  /** Number of the query head in [B, H] and of the key head in [B, K]. */
  readonly head: number
  readonly keyHead: number
  /** First query and number of queries. */
  readonly first: number
  readonly rows: number
  /** Masked scores [rows, S]. */
  readonly scores: Float64Array
}

function* blocks(problem: Problem): Iterable<Block> {
  const { batch, heads, group, queries, keys, size, q, k, scale } = problem
  const scores = new Float64Array(blockRows * keys)
  for (let head = 0; head < batch * heads; head++) {
    const keyHead = Math.floor(head / group)
    for (let first = 0; first < queries; first += blockRows) {
      const rows = Math.min(blockRows, queries - first)
      const from = (head * queries + first) * size
      multiplyFloats(q, from, k, keyHead * keys * size, scores, 0, rows, keys, size)
      for (let i = 0; i < rows * keys; i++) scores[i] = scores[i]! * scale
      const block = { head, keyHead, first, rows, scores }
      hideUnseen(problem, block)
      yield block
    }
  }
}

function hideUnseen({ heads, keys, causal, mask }: Problem, { head, first, rows, scores }: Block): void {
  const [b, h] = [Math.floor(head / heads), head % heads]
  for (let i = 0; i < rows; i++) {
    const at = i * keys
    if (causal) scores.fill(Number.NEGATIVE_INFINITY, at + Math.min(keys, first + i + 1), at + keys)
    if (!mask) continue
    const [sb, sh, sl, ss] = mask.strides as [number, number, number, number]
    const from = b * sb + h * sh + (first + i) * sl
    for (let j = 0; j < keys; j++) {
      const value = mask.values[from + j * ss]!
      if (!mask.isBool) scores[at + j] = scores[at + j]! + value
      else if (value === 0) scores[at + j] = Number.NEGATIVE_INFINITY
    }
  }
}

/** ln Σ exp of one row; +∞ where all are −∞. */
function logSumExp(scores: Float64Array, at: number, n: number): number {
  let highest = Number.NEGATIVE_INFINITY
  for (let j = at; j < at + n; j++) highest = Math.max(highest, scores[j]!)
  if (highest === Number.NEGATIVE_INFINITY) return Number.POSITIVE_INFINITY
  let sum = 0
  for (let j = at; j < at + n; j++) sum += Math.exp(scores[j]! - highest)
  return highest + Math.log(sum)
}

/** Turns the scores of a block into softmax weights, given the log-sum-exp of each row. */
function toWeights({ rows, scores }: Block, keys: number, sumOf: (row: number) => number): void {
  for (let i = 0; i < rows; i++) {
    const sum = sumOf(i)
    for (let j = i * keys; j < (i + 1) * keys; j++) scores[j] = Math.exp(scores[j]! - sum)
  }
}

/** What each weight of a block is multiplied with: 0 where it is dropped, 1 / (1 − p) elsewhere. Undefined: nothing is. */
function dropFactors({ dropout, queries, keys }: Problem, { head, first, rows }: Block): Float64Array | undefined {
  if (!dropout) return undefined
  const bits = randomBitsFrom(dropout.key, 0, (head * queries + first) * keys, new Int32Array(rows * keys))
  const kept = 1 / (1 - dropout.p)
  return Float64Array.from(bits, (word) => ((word >>> 8) * 2 ** -24 < dropout.p ? 0 : kept))
}

function multiplyBy(x: Float64Array, factors: Float64Array | undefined): Float64Array {
  return factors ? factors.map((factor, i) => (factor === 0 ? 0 : x[i]! * factor)) : x
}

/** Every [rows, columns] matrix of `x` from `at` on, transposed. */
function transposed(x: Values | Float64Array, at: number, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * columns)
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = x[at + i * columns + j]!
  return out
}

/** The transposed matrix of each key head, made when it is first asked for. */
function transposedHeads(x: Values, rows: number, columns: number): (keyHead: number) => Float64Array {
  let known = -1
  let matrix: Float64Array = new Float64Array(0)
  return (keyHead) => {
    if (keyHead !== known) matrix = transposed(x, keyHead * rows * columns, rows, columns)
    known = keyHead
    return matrix
  }
}

export function attendInBlocks(node: Node<AttentionAttrs>, values: readonly Values[]): Values {
  const problem = problemOf(node, values, 0)
  const { queries, keys } = problem
  const width = node.shape[3]!
  const valuesOf = transposedHeads(values[2]!, keys, width)
  const out = allocateValues(node.dtype, sizeOf(node.shape))
  for (const block of blocks(problem)) {
    const { head, keyHead, first, rows, scores } = block
    toWeights(block, keys, (i) => logSumExp(scores, i * keys, keys))
    const weights = multiplyBy(scores, dropFactors(problem, block))
    multiplyFloats(weights, 0, valuesOf(keyHead), 0, out, (head * queries + first) * width, rows, width, keys)
  }
  return out
}

export function logSumExpInBlocks(node: Node<Omit<AttentionAttrs, 'dropped'>>, values: readonly Values[]): Values {
  const [q, k, scale, ...mask] = node.inputs as [Node, Node, Node, ...Node[]]
  const like = { ...node, inputs: [q, k, k, scale, ...mask], attrs: { ...node.attrs, dropped: false } }
  const [qs, ks, ...others] = values as [Values, Values, ...Values[]]
  const problem = problemOf(like as Node<AttentionAttrs>, [qs, ks, ks, ...others], 0)
  const { queries, keys } = problem
  const out = allocateValues(node.dtype, sizeOf(node.shape))
  for (const { head, first, rows, scores } of blocks(problem)) {
    for (let i = 0; i < rows; i++) out[head * queries + first + i] = logSumExp(scores, i * keys, keys)
  }
  return out
}

export function gradientInBlocks(node: Node<AttentionGradient>, values: readonly Values[]): Values {
  const problem = problemOf(node, values, 3)
  const { queries, keys, size, scale, q } = problem
  const [sums, delta, dy] = values.slice(4, 7) as [Values, Values, Values]
  const { of } = node.attrs
  const width = node.inputs[6]!.shape[3]!
  const [v, k] = [values[2]!, transposedHeads(values[1]!, keys, size)]
  const out = new Float64Array(sizeOf(node.shape))
  const products = new Float64Array(blockRows * Math.max(keys, size))
  for (const block of blocks(problem)) {
    const { head, keyHead, first, rows, scores } = block
    const row = head * queries + first
    toWeights(block, keys, (i) => sums[row + i]!)
    const factors = dropFactors(problem, block)
    if (of === 'value') {
      const kept = multiplyBy(scores, factors)
      addProduct(kept, 0, dy, row * width, rows, keys, width, 1, out, keyHead * keys * width)
      continue
    }
    multiplyFloats(dy, row * width, v, keyHead * keys * width, products, 0, rows, keys, width)
    const slopes = multiplyBy(products, factors)
    for (let i = 0; i < rows; i++) {
      for (let j = i * keys; j < (i + 1) * keys; j++) scores[j] = scores[j]! * (slopes[j]! - delta[row + i]!)
    }
    if (of === 'mask') addToMask(problem, block, out, node.shape)
    else if (of === 'key') addProduct(scores, 0, q, row * size, rows, keys, size, scale, out, keyHead * keys * size)
    else {
      multiplyFloats(scores, 0, k(keyHead), 0, products, 0, rows, size, keys)
      for (let i = 0; i < rows * size; i++) out[row * size + i] = products[i]! * scale
    }
  }
  const result = allocateValues(node.dtype, out.length)
  result.set(out)
  return result
}

/** out[j, c] += factor · Σᵢ x[i, j] · y[i, c] */
function addProduct(
  x: Float64Array,
  xAt: number,
  y: Values,
  yAt: number,
  rows: number,
  keys: number,
  width: number,
  factor: number,
  out: Float64Array,
  outAt: number,
): void {
  const sums = new Float64Array(keys * width)
  const left = transposed(x, xAt, rows, keys)
  multiplyFloats(left, 0, transposed(y, yAt, rows, width), 0, sums, 0, keys, width, rows)
  for (let i = 0; i < sums.length; i++) out[outAt + i] = out[outAt + i]! + factor * sums[i]!
}

/** Adds the gradient of a block's scores to that of the mask, over the dimensions along which it was repeated. */
function addToMask(
  { heads, keys }: Problem,
  { head, first, rows, scores }: Block,
  out: Float64Array,
  shape: Shape,
): void {
  const strides = broadcastStrides(shape, [Number.MAX_SAFE_INTEGER, heads, Number.MAX_SAFE_INTEGER, keys])
  const [sb, sh, sl, ss] = strides as [number, number, number, number]
  const [b, h] = [Math.floor(head / heads), head % heads]
  for (let i = 0; i < rows; i++) {
    const to = b * sb + h * sh + (first + i) * sl
    for (let j = 0; j < keys; j++) out[to + j * ss] = out[to + j * ss]! + scores[i * keys + j]!
  }
}
