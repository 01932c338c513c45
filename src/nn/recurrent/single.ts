import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sameShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { constant } from '../../graph/ops/leaves.ts'
import { broadcastTo, reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { uniform } from '../init.ts'
import { checkWhole, type ParameterizedOptions } from '../layers/arguments.ts'
import { Module } from '../module.ts'
import { snakeCase } from '../names.ts'
import { Parameter } from '../parameter.ts'
import { type Cell, gruCell, inputProduct, lstmCell, recurrentWeights, reluCell, tanhCell } from './cells.ts'

export interface CellOptions extends ParameterizedOptions {
  /** Whether to add learned biases. Default true. */
  readonly bias?: boolean
}

export interface RNNCellOptions extends CellOptions {
  /** Default `'tanh'`. */
  readonly nonlinearity?: 'tanh' | 'relu'
}

/** What the cells have in common: weights [gates · H, I] and [gates · H, H], biases [gates · H], uniform on ±1 / √H. */
abstract class SingleCell extends Module {
  readonly inputSize: number
  readonly hiddenSize: number
  weightIh: Parameter
  weightHh: Parameter
  biasIh: Parameter | undefined
  biasHh: Parameter | undefined
  readonly #cell: Cell

  constructor(cell: Cell, inputSize: number, hiddenSize: number, { bias = true, dtype = 'float32' }: CellOptions) {
    super()
    this.inputSize = checkWhole(new.target.name, 'inputSize', inputSize)
    this.hiddenSize = checkWhole(new.target.name, 'hiddenSize', hiddenSize)
    this.#cell = cell
    const rows = cell.gates * hiddenSize
    this.weightIh = new Parameter(zeros([rows, inputSize], { dtype }))
    this.weightHh = new Parameter(zeros([rows, hiddenSize], { dtype }))
    this.biasIh = bias ? new Parameter(zeros([rows], { dtype })) : undefined
    this.biasHh = bias ? new Parameter(zeros([rows], { dtype })) : undefined
    this.resetParameters()
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  resetParameters(): void {
    const bound = 1 / Math.sqrt(this.hiddenSize)
    for (const parameter of this.parameters()) uniform(parameter, { a: -bound, b: bound })
  }

  /** The next state from x [N, I] or [I] and states of [N, H] or [H], zeros where there is none. */
  protected next(x: Tensor, states: readonly (Tensor | undefined)[]): Tensor[] {
    const { inputSize, hiddenSize } = this
    if ((x.rank !== 1 && x.rank !== 2) || x.shape.at(-1) !== inputSize) {
      throw new ShapeError(
        this.constructor.name,
        `expects an input [N, I] or [I] with I = ${inputSize}, received ${formatShape(x.shape)}`,
      )
    }
    const batched = x.rank === 2
    const rows = (y: Node): Node => (batched ? y : reshape(y, [1, ...y.shape]))
    const expected = [...x.shape.slice(0, -1), hiddenSize]
    const given = states.map((state) => {
      if (!state) return rows(broadcastTo(constant(0, x.dtype), expected))
      if (sameShape(state.shape, expected)) return rows(state.node)
      throw new ShapeError(
        this.constructor.name,
        `expects a state of ${formatShape(expected)}, received ${formatShape(state.shape)}`,
      )
    })
    const weights = {
      input: this.weightIh.node,
      hidden: this.weightHh.node,
      inputBias: this.biasIh?.node,
      hiddenBias: this.biasHh?.node,
      ...{ bias: undefined, projection: undefined },
    }
    const cell = this.#cell
    const next = cell.step(given, inputProduct(cell, rows(x.node), weights), recurrentWeights(cell, weights))
    return next.map((y) => wrap(batched ? y : reshape(y, expected)))
  }

  override extraRepr(): string {
    const { inputSize, hiddenSize, biasIh } = this
    return `${inputSize}, ${hiddenSize}, ${describe({ bias: biasIh !== undefined })}`
  }
}

/** One step of `RNN`: x [N, inputSize] and h [N, hiddenSize] (default zeros) → the next h; N may be left out. */
export class RNNCell extends SingleCell {
  constructor(inputSize: number, hiddenSize: number, { nonlinearity = 'tanh', ...options }: RNNCellOptions = {}) {
    if (nonlinearity !== 'tanh' && nonlinearity !== 'relu') {
      throw new ValueError('RNNCell', `nonlinearity must be 'tanh' or 'relu', received '${String(nonlinearity)}'`)
    }
    super(nonlinearity === 'tanh' ? tanhCell : reluCell, inputSize, hiddenSize, options)
  }

  forward(x: Tensor, h?: Tensor): Tensor {
    return this.next(x, [h])[0]!
  }
}

/** One step of `LSTM`: x [N, inputSize] and [h, c], each [N, hiddenSize] (default zeros) → the next [h, c]. */
export class LSTMCell extends SingleCell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(lstmCell, inputSize, hiddenSize, options)
  }

  forward(x: Tensor, state?: readonly [h: Tensor, c: Tensor]): [h: Tensor, c: Tensor] {
    return this.next(x, state ?? [undefined, undefined]) as [Tensor, Tensor]
  }
}

/** One step of `GRU`: x [N, inputSize] and h [N, hiddenSize] (default zeros) → the next h. */
export class GRUCell extends SingleCell {
  constructor(inputSize: number, hiddenSize: number, options: CellOptions = {}) {
    super(gruCell, inputSize, hiddenSize, options)
  }

  forward(x: Tensor, h?: Tensor): Tensor {
    return this.next(x, [h])[0]!
  }
}
