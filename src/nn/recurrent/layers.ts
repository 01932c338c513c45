import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sameShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { constant } from '../../graph/ops/leaves.ts'
import { broadcastTo, concat, permute, reshape, sliceDim } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { dropout } from '../functional/dropout.ts'
import { uniform } from '../init.ts'
import { checkWhole, type ParameterizedOptions } from '../layers/arguments.ts'
import { Module } from '../module.ts'
import { snakeCase } from '../names.ts'
import { Parameter } from '../parameter.ts'
import {
  type Cell,
  gruCell,
  inputProduct,
  type LayerWeights,
  lstmCell,
  recurrentWeights,
  reluCell,
  runLayer,
  tanhCell,
} from './cells.ts'
import { PackedSequence, packed, padded, reordered } from './packed-sequence.ts'

export interface RecurrentOptions extends ParameterizedOptions {
  /** Layers on top of each other. Default 1. */
  readonly numLayers?: number
  /** Whether to add learned biases. Default true. */
  readonly bias?: boolean
  /** Tensors are [N, T, ...] instead of [T, N, ...]; states are not affected. Default false. */
  readonly batchFirst?: boolean
  /** Probability of zeroing outputs between layers in training. Default 0. */
  readonly dropout?: number
  /** A second half of each layer reads the sequence backwards; outputs lie side by side. Default false. */
  readonly bidirectional?: boolean
}

export interface RNNOptions extends RecurrentOptions {
  /** Default `'tanh'`. */
  readonly nonlinearity?: 'tanh' | 'relu'
}

export interface LSTMOptions extends RecurrentOptions {
  /** Size to which the hidden state is projected; 0 for none. Default 0. */
  readonly projSize?: number
}

/** A sequence as a layer sees it: [T, B, ...], the longest first where lengths differ. */
interface Sequence {
  readonly rows: Node
  readonly mask: Node | undefined
}

/**
 * What RNN, LSTM and GRU have in common. Parameters have PyTorch's names, such as `weight_ih_l0_reverse`: weight_ih [gates · H, I],
 * weight_hh [gates · H, H], bias_ih and bias_hh [gates · H]. All start uniform on ±1 / √H.
 */
abstract class Recurrent extends Module {
  readonly inputSize: number
  readonly hiddenSize: number
  readonly numLayers: number
  readonly batchFirst: boolean
  readonly dropout: number
  readonly bidirectional: boolean
  readonly projSize: number
  readonly #cell: Cell

  constructor(cell: Cell, inputSize: number, hiddenSize: number, options: RecurrentOptions & LSTMOptions) {
    super()
    const owner = new.target.name
    const {
      numLayers = 1,
      bias = true,
      batchFirst = false,
      dropout = 0,
      bidirectional = false,
      projSize = 0,
      dtype = 'float32',
    } = options
    this.inputSize = checkWhole(owner, 'inputSize', inputSize)
    this.hiddenSize = checkWhole(owner, 'hiddenSize', hiddenSize)
    this.numLayers = checkWhole(owner, 'numLayers', numLayers)
    this.projSize = checkWhole(owner, 'projSize', projSize, 0)
    if (projSize >= hiddenSize) {
      throw new ValueError(owner, `projSize = ${projSize} must be less than hiddenSize = ${hiddenSize}`)
    }
    if (!(dropout >= 0 && dropout <= 1)) {
      throw new ValueError(owner, `dropout is a probability from 0 to 1, received ${dropout}`)
    }
    this.batchFirst = batchFirst
    this.dropout = dropout
    this.bidirectional = bidirectional
    this.#cell = cell
    const rows = cell.gates * hiddenSize
    for (const [layer, direction] of this.halves()) {
      const columns = layer === 0 ? inputSize : this.outSize * this.directions
      const make = (name: string, shape: number[]): void => {
        this.registerParameter(propertyName(name, layer, direction), zeros(shape, { dtype }))
      }
      make('weightIh', [rows, columns])
      make('weightHh', [rows, this.outSize])
      if (bias) make('biasIh', [rows])
      if (bias) make('biasHh', [rows])
      if (projSize > 0) make('weightHr', [projSize, hiddenSize])
    }
    this.resetParameters()
  }

  /** Size of a direction's output at each time. */
  private get outSize(): number {
    return this.projSize || this.hiddenSize
  }

  private get directions(): number {
    return this.bidirectional ? 2 : 1
  }

  private *halves(): Iterable<readonly [layer: number, direction: number]> {
    for (let layer = 0; layer < this.numLayers; layer++)
      for (let direction = 0; direction < this.directions; direction++) yield [layer, direction]
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize)
    for (const parameter of this.parameters()) uniform(parameter, { a: -bound, b: bound })
  }

  private weightsOf(layer: number, direction: number): LayerWeights {
    const find = (name: string): Node | undefined => {
      const found = this[propertyName(name, layer, direction) as keyof this] as unknown
      return found instanceof Parameter ? found.node : undefined
    }
    const [hiddenBias, inputBias] = [find('biasHh'), find('biasIh')]
    return {
      input: find('weightIh')!,
      hidden: find('weightHh')!,
      projection: find('weightHr'),
      inputBias,
      hiddenBias,
      bias: undefined,
    }
  }

  /** Outputs of all steps and the last states, each [numLayers · directions, B, ..]. */
  protected run<X extends Tensor | PackedSequence>(x: X, states: readonly (Tensor | undefined)[]): [X, Tensor[]] {
    if (x instanceof PackedSequence) {
      const { rows, mask } = padded(x)
      const given = states.map((state) => state && this.inOrder(state, x.sortedIndices))
      const [output, last] = this.runLayers({ rows, mask }, this.initial(given, rows))
      const result = x.with(wrap(packed(output, x.batchSizes))) as X
      return [result, last.map((state) => this.inOrder(wrap(state), x.unsortedIndices))]
    }
    const tensor = x as Tensor
    const batched = tensor.rank === 3
    if (!(batched || tensor.rank === 2) || tensor.shape.at(-1) !== this.inputSize) {
      const layout = this.batchFirst ? '[N, T, I]' : '[T, N, I]'
      throw new ShapeError(
        this.constructor.name,
        `expects an input ${layout} or [T, I] with I = ${this.inputSize}, received ${formatShape(tensor.shape)}`,
      )
    }
    const swap = (y: Node): Node => (this.batchFirst ? permute(y, [1, 0, 2]) : y)
    const rows = batched ? swap(tensor.node) : reshape(tensor.node, [tensor.shape[0]!, 1, this.inputSize])
    const given = states.map((state) => state && (batched ? state : state.unsqueeze(1)))
    const [output, last] = this.runLayers({ rows, mask: undefined }, this.initial(given, rows))
    if (batched) return [wrap(swap(output)) as X, last.map(wrap)]
    return [wrap(output).squeeze(1) as X, last.map((state) => wrap(state).squeeze(1))]
  }

  private inOrder(state: Tensor, order: readonly number[] | undefined): Tensor {
    return order ? wrap(reordered(state.node, 1, order)) : state
  }

  /** The given states, or zeros. */
  private initial(given: readonly (Tensor | undefined)[], { shape, dtype }: Node): Node[] {
    return given.map((state, k) => {
      const expected = [this.numLayers * this.directions, shape[1]!, k === 0 ? this.outSize : this.hiddenSize]
      if (!state) return broadcastTo(constant(0, dtype), expected)
      if (sameShape(state.shape, expected)) return state.node
      throw new ShapeError(
        this.constructor.name,
        `expects an initial state [layers · directions, N, H] of ${formatShape(expected)}, received ${formatShape(state.shape)}`,
      )
    })
  }

  private runLayers({ rows, mask }: Sequence, initial: readonly Node[]): [output: Node, last: Node[]] {
    const cell = this.#cell
    const last = initial.map((): Node[] => [])
    let x = rows
    for (let layer = 0; layer < this.numLayers; layer++) {
      if (layer > 0 && this.dropout > 0) x = dropout(wrap(x), { p: this.dropout, training: this.training }).node
      const outputs: Node[] = []
      for (let direction = 0; direction < this.directions; direction++) {
        const weights = this.weightsOf(layer, direction)
        const at = layer * this.directions + direction
        const { final, states } = runLayer(cell, {
          input: inputProduct(cell, x, weights),
          state: initial.map((state) => reshape(sliceDim(state, 0, at, at + 1), state.shape.slice(1))),
          weights: recurrentWeights(cell, weights),
          mask,
          reverse: direction === 1,
        })
        outputs.push(states(0))
        for (const [k, state] of final.entries()) last[k]!.push(reshape(state, [1, ...state.shape]))
      }
      x = concat(outputs, 2)
    }
    return [x, last.map((states) => concat(states, 0))]
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, numLayers, bidirectional, dropout: p } = this
    return `${inputSize}, ${hiddenSize}, ${describe({ numLayers, bidirectional, dropout: p })}`
  }
}

/** `weightIhL0Reverse`, which state dicts call `weight_ih_l0_reverse`. */
function propertyName(name: string, layer: number, direction: number): string {
  return `${name}L${layer}${direction === 1 ? 'Reverse' : ''}`
}

/**
 * Elman network: h′ = tanh(W_ih · x + b_ih + W_hh · h + b_hh), or relu: x [T, N, inputSize] ([T, inputSize] without a batch), or a
 * {@link PackedSequence}, and h0 [numLayers · directions, N, hiddenSize] (default zeros) → [output [T, N, directions · hiddenSize],
 * last state, shaped like h0].
 */
export class RNN extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, { nonlinearity = 'tanh', ...options }: RNNOptions = {}) {
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu') {
      throw new ValueError('RNN', `nonlinearity must be 'tanh' or 'relu', received '${String(nonlinearity)}'`)
    }
    super(nonlinearity === 'tanh' ? tanhCell : reluCell, inputSize, hiddenSize, options)
  }

  forward<X extends Tensor | PackedSequence>(x: X, h0?: Tensor): [output: X, hn: Tensor] {
    const [output, [hn]] = this.run(x, [h0]) as [X, [Tensor]]
    return [output, hn]
  }
}

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997), gates in the order i, f, g, o: x as for {@link RNN} and state [h0, c0]
 * (default zeros) → [output, [hn, cn]]. With `projSize` the hidden states have that size.
 */
export class LSTM extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: LSTMOptions = {}) {
    super(lstmCell, inputSize, hiddenSize, options)
  }

  forward<X extends Tensor | PackedSequence>(
    x: X,
    state?: readonly [h0: Tensor, c0: Tensor],
  ): [output: X, state: [hn: Tensor, cn: Tensor]] {
    return this.run(x, state ?? [undefined, undefined]) as [X, [Tensor, Tensor]]
  }
}

/**
 * Gated recurrent units (Cho et al. 2014), gates in the order r, z, n, the reset gate after the product as in PyTorch: x and h0 as
 * for {@link RNN} → [output, hn].
 */
export class GRU extends Recurrent {
  constructor(inputSize: number, hiddenSize: number, options: RecurrentOptions = {}) {
    super(gruCell, inputSize, hiddenSize, options)
  }

  forward<X extends Tensor | PackedSequence>(x: X, h0?: Tensor): [output: X, hn: Tensor] {
    const [output, [hn]] = this.run(x, [h0]) as [X, [Tensor]]
    return [output, hn]
  }
}
