import { isFloating } from '../../core/dtype.ts'
import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sameShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add, mul } from '../../graph/ops/arithmetic.ts'
import { attention, attentionWeights, weightedValues } from '../../graph/ops/attention.ts'
import { linear } from '../../graph/ops/composite.ts'
import { constant, scalar } from '../../graph/ops/leaves.ts'
import { cast, logicalAnd, logicalNot, where } from '../../graph/ops/logic.ts'
import { computingType } from '../../graph/ops/precision.ts'
import { reduce } from '../../graph/ops/reduce.ts'
import { broadcastTo, concat, permute, reshape, sliceDim, zeros as zerosLike } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { zeros } from '../../tensor/creation.ts'
import { drawKey } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { xavierNormal, xavierUniform, zeros as setZeros } from '../init.ts'
import type { KeyValueCache } from '../key-value-cache.ts'
import { Module } from '../module.ts'
import { snakeCase } from '../names.ts'
import { Parameter } from '../parameter.ts'
import { checkWhole, type ParameterizedOptions } from './arguments.ts'
import { Linear } from './linear.ts'

export interface MultiheadAttentionOptions extends ParameterizedOptions {
  /** Probability of dropping an attention weight in training. Default 0. */
  readonly dropout?: number
  /** Whether the projections have biases. Default true. */
  readonly bias?: boolean
  /** Add a learned key and value at the end. Default false. */
  readonly addBiasKv?: boolean
  /** Add a key and value of zeros at the end. Default false. */
  readonly addZeroAttn?: boolean
  /** Size of the keys' rows. Default `embedDim`. */
  readonly kdim?: number
  /** Size of the values' rows. Default `embedDim`. */
  readonly vdim?: number
  /** Tensors are [N, L, E] instead of [L, N, E]. Default false. */
  readonly batchFirst?: boolean
}

/** As in PyTorch's modules, and unlike `F.scaledDotProductAttention`: a bool mask is true where something must not be seen. */
export interface AttentionMasks {
  /** [L, S] or [N · heads, L, S]: bool (true: hidden) or floating (added to the scores). */
  readonly attnMask?: Tensor | null | undefined
  /** [N, S] ([S] without a batch): bool (true: a key to ignore) or floating (added to the scores). */
  readonly keyPaddingMask?: Tensor | null | undefined
  /** Query i sees keys 0 ... i only; not looked at where there is an `attnMask`. Default false. */
  readonly isCausal?: boolean
}

export interface MultiheadOptions extends AttentionMasks {
  /** Whether to return the weights, too; without them no [L, S] matrix is kept. Default true. */
  readonly needWeights?: boolean
  /** Return the mean of the heads' weights instead of those of each head. Default true. */
  readonly averageAttnWeights?: boolean
  /** Where keys and values of earlier positions are kept, and the number of this layer in it. Causal by itself. */
  readonly cache?: { readonly store: KeyValueCache; readonly layer: number } | undefined
}

/**
 * Attention of `numHeads` heads over projections of query, key and value (Vaswani et al. 2017): query [L, N, embedDim], key
 * [S, N, kdim], value [S, N, vdim] → [[L, N, embedDim], weights [N, L, S]]; with `batchFirst` N comes first, and without a batch
 * it is left out. The projections start Xavier-uniform, biases as zeros. A query that may see no key gives the output's bias.
 */
export class MultiheadAttention extends Module {
  readonly embedDim: number
  readonly kdim: number
  readonly vdim: number
  readonly numHeads: number
  readonly headDim: number
  readonly dropout: number
  readonly batchFirst: boolean
  readonly addZeroAttn: boolean
  /** Query, key and value projections below each other [3 · embedDim, embedDim], where all sizes are equal. */
  inProjWeight: Parameter | undefined
  qProjWeight: Parameter | undefined
  kProjWeight: Parameter | undefined
  vProjWeight: Parameter | undefined
  inProjBias: Parameter | undefined
  biasK: Parameter | undefined
  biasV: Parameter | undefined
  readonly outProj: Linear

  constructor(
    embedDim: number,
    numHeads: number,
    {
      dropout = 0,
      bias = true,
      addBiasKv = false,
      addZeroAttn = false,
      kdim = embedDim,
      vdim = embedDim,
      batchFirst = false,
      dtype = 'float32',
    }: MultiheadAttentionOptions = {},
  ) {
    super()
    const owner = 'MultiheadAttention'
    this.embedDim = checkWhole(owner, 'embedDim', embedDim)
    this.numHeads = checkWhole(owner, 'numHeads', numHeads)
    this.kdim = checkWhole(owner, 'kdim', kdim)
    this.vdim = checkWhole(owner, 'vdim', vdim)
    if (embedDim % numHeads !== 0) {
      throw new ValueError(owner, `numHeads = ${numHeads} must divide embedDim = ${embedDim}`)
    }
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new ValueError(owner, `dropout is a probability from 0 to 1, received ${dropout}`)
    }
    this.headDim = embedDim / numHeads
    this.dropout = dropout
    this.batchFirst = batchFirst
    this.addZeroAttn = addZeroAttn
    const matrix = (columns: number, rows = embedDim): Parameter => new Parameter(zeros([rows, columns], { dtype }))
    const joint = kdim === embedDim && vdim === embedDim
    this.qProjWeight = joint ? undefined : matrix(embedDim)
    this.kProjWeight = joint ? undefined : matrix(kdim)
    this.vProjWeight = joint ? undefined : matrix(vdim)
    this.inProjWeight = joint ? matrix(embedDim, 3 * embedDim) : undefined
    this.inProjBias = bias ? new Parameter(zeros([3 * embedDim], { dtype })) : undefined
    this.biasK = addBiasKv ? new Parameter(zeros([1, 1, embedDim], { dtype })) : undefined
    this.biasV = addBiasKv ? new Parameter(zeros([1, 1, embedDim], { dtype })) : undefined
    this.outProj = new Linear(embedDim, embedDim, { bias, dtype })
    this.resetParameters()
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  resetParameters(): void {
    for (const weight of [this.inProjWeight, this.qProjWeight, this.kProjWeight, this.vProjWeight]) {
      if (weight) xavierUniform(weight)
    }
    for (const bias of [this.inProjBias, this.outProj.bias]) if (bias) setZeros(bias)
    for (const extra of [this.biasK, this.biasV]) if (extra) xavierNormal(extra)
  }

  forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    { needWeights = true, averageAttnWeights = true, cache, ...masks }: MultiheadOptions = {},
  ): [output: Tensor, weights: Tensor | undefined] {
    const batched = query.rank === 3
    this.checkInputs(query, key, value)
    let [q, k, v] = this.projected(query, key, value)
    let seen = this.maskOf(masks, q.shape[0]!, q.shape[2]!, k.shape[2]!)
    if (cache) {
      if (seen || this.biasK || this.addZeroAttn) {
        throw new ValueError('MultiheadAttention', 'a cache takes no masks, no addBiasKv and no addZeroAttn')
      }
      const all = cache.store.update(cache.layer, wrap(k), wrap(v))
      ;[k, v, seen] = [all.keys.node, all.values.node, all.mask.node]
    }
    ;[k, v, seen] = this.extended(k, v, seen)
    const causal = !cache && masks.isCausal === true && !masks.attnMask
    const drops = this.training && this.dropout > 0
    const parts = {
      ...{ q, k, v, mask: seen },
      scale: scalar(1 / Math.sqrt(this.headDim), computingType(q.dtype)),
      dropout: drops ? { key: drawKey(), p: scalar(this.dropout, 'float32') } : undefined,
    }
    const weights = needWeights ? attentionWeights(parts, causal) : undefined
    const heads = weights ? weightedValues(weights, v, q.dtype) : attention(parts, causal)
    const output = this.outProj.forward(wrap(this.joined(heads, batched)))
    if (!weights) return [output, undefined]
    return [output, wrap(this.shown(weights, averageAttnWeights, batched, q))]
  }

  /** The weights as users see them: [N, L, S] or, of each head, [N, heads, L, S]. */
  private shown(weights: Node, average: boolean, batched: boolean, { dtype }: Node): Node {
    const mean = (x: Node): Node => mul(reduce(x, 'sum', [1]), constant(1 / this.numHeads, x.dtype))
    const shown = cast(average ? mean(weights) : weights, dtype)
    return batched ? shown : reshape(shown, shown.shape.slice(1))
  }

  private checkInputs(query: Tensor, key: Tensor, value: Tensor): void {
    const { embedDim, kdim, vdim, batchFirst } = this
    const n = batchFirst ? 0 : 1
    const fits =
      (query.rank === 2 || query.rank === 3) &&
      key.rank === query.rank &&
      sameShape(key.shape.slice(0, -1), value.shape.slice(0, -1)) &&
      (query.rank === 2 || query.shape[n] === key.shape[n]) &&
      [query, key, value].every((x, i) => x.shape.at(-1) === [embedDim, kdim, vdim][i])
    if (fits) return
    const layout = batchFirst ? ['N, L', 'N, S'] : ['L, N', 'S, N']
    const shapes = [query, key, value].map(({ shape }) => formatShape(shape))
    throw new ShapeError(
      'MultiheadAttention',
      `expects query [${layout[0]}, ${embedDim}], key [${layout[1]}, ${kdim}] and value [${layout[1]}, ${vdim}], received ${shapes.join(', ')}`,
    )
  }

  /** The three projections as [N, heads, length, headDim]: one product where the inputs are the same. */
  private projected(query: Tensor, key: Tensor, value: Tensor): [Node, Node, Node] {
    const { embedDim: e, inProjWeight, inProjBias } = this
    const rows = (x: Tensor | undefined, first: number, count: number): Node | undefined =>
      x && sliceDim(x.node, 0, first * e, (first + count) * e)
    const columns = (x: Node, i: number): Node => this.split(sliceDim(x, x.shape.length - 1, i * e, (i + 1) * e))
    if (inProjWeight && key === value) {
      const first = query === key ? 0 : 1
      const joint = linear(key.node, rows(inProjWeight, first, 3 - first)!, rows(inProjBias, first, 3 - first))
      const [k, v] = [columns(joint, 1 - first), columns(joint, 2 - first)]
      if (first === 0) return [columns(joint, 0), k, v]
      return [this.split(linear(query.node, rows(inProjWeight, 0, 1)!, rows(inProjBias, 0, 1))), k, v]
    }
    const separate = [this.qProjWeight, this.kProjWeight, this.vProjWeight]
    return [query, key, value].map((x, i) => {
      const weight = separate[i]?.node ?? rows(inProjWeight, i, 1)!
      return this.split(linear(x.node, weight, rows(inProjBias, i, 1)))
    }) as [Node, Node, Node]
  }

  /** [L, N, E], [N, L, E] or [L, E] as [N, heads, L, headDim]. */
  private split(x: Node): Node {
    const heads = reshape(x, [...x.shape.slice(0, -1), this.numHeads, this.headDim])
    if (heads.shape.length === 3)
      return reshape(permute(heads, [1, 0, 2]), [1, this.numHeads, x.shape[0]!, this.headDim])
    return permute(heads, this.batchFirst ? [0, 2, 1, 3] : [1, 2, 0, 3])
  }

  /** The opposite of {@link split}. */
  private joined(heads: Node, batched: boolean): Node {
    const order = !batched || this.batchFirst ? [0, 2, 1, 3] : [2, 0, 1, 3]
    const rows = permute(heads, order)
    const shape = [...rows.shape.slice(0, 2), this.embedDim]
    return reshape(rows, batched ? shape : shape.slice(1))
  }

  /** What of PyTorch's two masks a score sees: bool (true: visible) or a summand, broadcast to [N, heads, L, S]. */
  private maskOf({ attnMask, keyPaddingMask }: AttentionMasks, n: number, l: number, s: number): Node | undefined {
    const parts: Node[] = []
    if (keyPaddingMask) {
      const fits = sameShape(keyPaddingMask.shape, [n, s]) || (n === 1 && sameShape(keyPaddingMask.shape, [s]))
      if (!fits) throw misshaped('keyPaddingMask', `[N, S] = [${n}, ${s}]`, keyPaddingMask)
      parts.push(reshape(keyPaddingMask.node, [n, 1, 1, s]))
    }
    if (attnMask) {
      const perHead = sameShape(attnMask.shape, [n * this.numHeads, l, s])
      if (!perHead && !sameShape(attnMask.shape, [l, s])) {
        throw misshaped('attnMask', `[L, S] = [${l}, ${s}] or [${n * this.numHeads}, ${l}, ${s}]`, attnMask)
      }
      parts.push(reshape(attnMask.node, perHead ? [n, this.numHeads, l, s] : [1, 1, l, s]))
    }
    for (const { dtype } of parts) {
      if (dtype !== 'bool' && !isFloating(dtype)) {
        throw new DTypeError('MultiheadAttention', `a mask is bool or floating, received ${dtype}`)
      }
    }
    const [first, second] = parts
    if (!first) return undefined
    if (parts.every(({ dtype }) => dtype === 'bool')) {
      return second ? logicalAnd(logicalNot(first), logicalNot(second)) : logicalNot(first)
    }
    const summand = parts.find(({ dtype }) => dtype !== 'bool')!
    const summands = parts.map((part) => (part.dtype === 'bool' ? hiding(part, summand) : cast(part, summand.dtype)))
    return summands.length === 1 ? summands[0] : add(summands[0]!, summands[1]!)
  }

  /** Keys, values and mask with the learned row and the row of zeros at their end. */
  private extended(k: Node, v: Node, mask: Node | undefined): [Node, Node, Node | undefined] {
    const { biasK, biasV, numHeads, headDim } = this
    const row = (x: Tensor): Node =>
      broadcastTo(reshape(x.node, [1, numHeads, 1, headDim]), [k.shape[0]!, numHeads, 1, headDim])
    const none = zerosLike(sliceDim(k, 2, 0, Math.min(1, k.shape[2]!)))
    const extras: [Node, Node][] = []
    if (biasK && biasV) extras.push([row(biasK), row(biasV)])
    if (this.addZeroAttn) extras.push([none, none])
    if (extras.length === 0) return [k, v, mask]
    const visible =
      mask && broadcastTo(constant(mask.dtype === 'bool' ? 1 : 0, mask.dtype), mask.shape.with(3, extras.length))
    return [
      concat([k, ...extras.map(([extra]) => extra)], 2),
      concat([v, ...extras.map(([, extra]) => extra)], 2),
      mask && concat([mask, visible!], 3),
    ]
  }

  override extraRepr(): string {
    const { embedDim, numHeads, dropout, batchFirst } = this
    return `${embedDim}, ${numHeads}, ${describe({ dropout, batchFirst })}`
  }
}

function misshaped(name: string, expected: string, { shape }: Tensor): ShapeError {
  return new ShapeError('MultiheadAttention', `${name} must be ${expected}, received ${formatShape(shape)}`)
}

/** −∞ where a bool mask hides, 0 elsewhere. */
function hiding(mask: Node, { dtype }: Node): Node {
  return where(mask, constant(Number.NEGATIVE_INFINITY, dtype), constant(0, dtype))
}
