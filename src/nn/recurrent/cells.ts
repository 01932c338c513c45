import type { DType } from '../../core/dtype.ts'
import type { Shape } from '../../core/shape.ts'
import { isGradEnabled, type Node } from '../../graph/node.ts'
import { add, mul, sub } from '../../graph/ops/arithmetic.ts'
import { relu } from '../../graph/ops/activation.ts'
import { contract } from '../../graph/ops/contract.ts'
import { linear } from '../../graph/ops/composite.ts'
import { where } from '../../graph/ops/logic.ts'
import { scan, type ScanResult } from '../../graph/ops/scan.ts'
import { sigmoid, tanh } from '../../graph/ops/transcendental.ts'
import { sliceDim } from '../../graph/ops/views.ts'
import { type Body, trace } from '../../graph/scan/body.ts'

/*
 * One step of each recurrent network over x · W_ihᵀ + b, which a layer computes for all steps at once. Gates lie side by side in
 * the order of PyTorch.
 */

/** What a kind of cell is. The state comes first, the hidden state first of it. */
export interface Cell {
  readonly name: string
  /** Rows of the weights, in hidden sizes. */
  readonly gates: number
  /** How many tensors the state has. */
  readonly states: number
  /**
   * Whether the bias of the recurrent product is added to the input's product, as it may be where nothing stands between the
   * two.
   */
  readonly joinsBiases: boolean
  /** The next state from the state, the input's product [B, gates · H] and the recurrent weights. */
  step(state: readonly Node[], input: Node, weights: RecurrentWeights): Node[]
}

export interface RecurrentWeights {
  /** [gates · H, P], P the size of the hidden state. */
  readonly hidden: Node
  /** [gates · H], where the cell does not join biases. */
  readonly bias: Node | undefined
  /** [P, H]: makes the hidden state of the output gate's, where P is not H. */
  readonly projection: Node | undefined
}

/** x · wᵀ */
function product(x: Node, w: Node): Node {
  return contract(x, w, { batch: [[], []], reduce: [[x.shape.length - 1], [1]] })
}

function gate(x: Node, i: number, of: number): Node {
  const last = x.shape.length - 1
  const size = x.shape[last]! / of
  return sliceDim(x, last, i * size, (i + 1) * size)
}

function elman(name: string, activation: (x: Node) => Node): Cell {
  return {
    name,
    gates: 1,
    states: 1,
    joinsBiases: true,
    step: ([h], input, { hidden }) => [activation(add(input, product(h!, hidden)))],
  }
}

/** h′ = tanh(x · W_ihᵀ + b_ih + h · W_hhᵀ + b_hh) (Elman 1990). */
export const tanhCell: Cell = elman('tanh', tanh)

/** The same with relu. */
export const reluCell: Cell = elman('relu', relu)

/**
 * Long short-term memory (Hochreiter & Schmidhuber 1997; forget gate: Gers et al. 2000): gates i, f, g, o;
 * c′ = σ(f) ∘ c + σ(i) ∘ tanh(g), h′ = σ(o) ∘ tanh(c′), projected where there is a projection (Sak et al. 2014).
 */
export const lstmCell: Cell = {
  name: 'lstm',
  gates: 4,
  states: 2,
  joinsBiases: true,
  step([h, c], input, { hidden, projection }) {
    const gates = add(input, product(h!, hidden))
    const [i, f, g, o] = [0, 1, 2, 3].map((n) => gate(gates, n, 4)) as [Node, Node, Node, Node]
    const cell = add(mul(sigmoid(f), c!), mul(sigmoid(i), tanh(g)))
    const out = mul(sigmoid(o), tanh(cell))
    return [projection ? product(out, projection) : out, cell]
  },
}

/**
 * Gated recurrent unit (Cho et al. 2014), as in PyTorch: gates r, z, n; n = tanh(xₙ + σ(r) ∘ (h · W_hnᵀ + b_hn)),
 * h′ = n + σ(z) ∘ (h − n).
 */
export const gruCell: Cell = {
  name: 'gru',
  gates: 3,
  states: 1,
  joinsBiases: false,
  step([h], input, { hidden, bias }) {
    const recurrent = linear(h!, hidden, bias)
    const r = sigmoid(add(gate(input, 0, 3), gate(recurrent, 0, 3)))
    const z = sigmoid(add(gate(input, 1, 3), gate(recurrent, 1, 3)))
    const n = tanh(add(gate(input, 2, 3), mul(r, gate(recurrent, 2, 3))))
    return [add(n, mul(z, sub(h!, n)))]
  },
}

/** All parameters of one layer in one direction. */
export interface LayerWeights extends RecurrentWeights {
  /** [gates · H, I] */
  readonly input: Node
  /** [gates · H] */
  readonly inputBias: Node | undefined
  /** [gates · H] */
  readonly hiddenBias: Node | undefined
}

/** x · W_ihᵀ with all the biases that can be added at once: [.., I] → [.., gates · H]. */
export function inputProduct(cell: Cell, x: Node, { input, inputBias, hiddenBias }: LayerWeights): Node {
  const joint = inputBias && hiddenBias && cell.joinsBiases ? add(inputBias, hiddenBias) : inputBias
  return linear(x, input, joint)
}

/** The recurrent part of a layer's weights. */
export function recurrentWeights(cell: Cell, { hidden, projection, hiddenBias }: LayerWeights): RecurrentWeights {
  return { hidden, projection, bias: cell.joinsBiases ? undefined : hiddenBias }
}

export interface LayerRun {
  /** [T, B, gates · H] */
  readonly input: Node
  /** Each [B, ..]. */
  readonly state: readonly Node[]
  readonly weights: RecurrentWeights
  /** bool [T, B, 1]: false where a sequence has ended, or not yet begun, and the state stays. */
  readonly mask: Node | undefined
  readonly reverse: boolean
}

/** Bodies by what they depend on: a training step records one node for a layer, not one for each operation of its cell. */
const bodies = new Map<string, Body>()

/** One direction of a layer over all steps. */
export function runLayer(cell: Cell, { input, state, weights, mask, reverse }: LayerRun): ScanResult {
  const { hidden, bias, projection } = weights
  const rowOf = ({ shape, dtype }: Node): { shape: Shape; dtype: DType } => ({ shape: shape.slice(1), dtype })
  const rows = [input, ...(mask ? [mask] : [])].map(rowOf)
  const invariants = [hidden, bias, projection].filter((node) => node !== undefined)
  const types = [...state, ...rows, ...invariants]
  const [masked, biased, projected] = [mask, bias, projection].map((node) => node !== undefined) as [
    boolean,
    boolean,
    boolean,
  ]
  const differentiable = isGradEnabled()
  const key = `${cell.name} ${masked} ${biased} ${projected} ${differentiable} ${types.map(({ shape, dtype }) => `${dtype}[${shape.join()}]`).join()}`
  let body = bodies.get(key)
  if (!body) {
    const traced = trace(
      types,
      ({ dtype }) => differentiable && dtype !== 'bool',
      (parameters) => {
        const own = parameters.slice(0, state.length)
        const [x, ...rest] = parameters.slice(state.length) as [Node, ...Node[]]
        const active = masked ? rest.shift() : undefined
        const next = cell.step(own, x, {
          hidden: rest.shift()!,
          bias: biased ? rest.shift() : undefined,
          projection: projected ? rest.shift() : undefined,
        })
        return active ? next.map((y, i) => where(active, y, own[i]!)) : next
      },
    )
    body = traced.body
    bodies.set(key, body)
    if (bodies.size > keptBodies) bodies.delete(bodies.keys().next().value!)
  }
  const xs = [input, ...(mask ? [mask] : [])]
  return scan(body, { state, xs, invariants }, { length: input.shape[0]!, reverse, keepsStates: true })
}

const keptBodies = 256
