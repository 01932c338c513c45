import { stack } from '../../../tensor/joining.ts'
import { zeros } from '../../../tensor/creation.ts'
import { scan } from '../../../tensor/scan.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { numbersOf } from '../../graphs/known.ts'
import type { Attributes } from '../attributes.ts'
import type { Operation, Operations } from './operation.ts'

/** The weights of one direction. */
interface Weights {
  /** [gates · H, H] */
  readonly recurrent: Tensor
  /** Added to the recurrent product [gates · H]. */
  readonly bias: Tensor
  /** From the cell to its gates [3 · H]. */
  readonly peephole: Tensor | undefined
  readonly attributes: Attributes
}

/** From the state and the input's share of the gates [B, gates · H] to the next state, of which the first is the output. */
type Step = (state: readonly Tensor[], gates: Tensor, weights: Weights) => readonly Tensor[]

interface Cell {
  readonly gates: number
  /** How many tensors [B, H] the state has. */
  readonly states: number
  readonly activations: readonly string[]
  readonly step: Step
}

const rnn: Cell = {
  gates: 1,
  states: 1,
  activations: ['Tanh'],
  step: ([h], x, { recurrent, bias }) => [x.add(h!.matmul(recurrent.t())).add(bias).tanh()],
}

/** Gates i, o, f, c; peepholes i, o, f. */
const lstm: Cell = {
  gates: 4,
  states: 2,
  activations: ['Sigmoid', 'Tanh', 'Tanh'],
  step([h, c], x, { recurrent, bias, peephole }) {
    const [input, output, forget, fresh] = x.add(h!.matmul(recurrent.t())).add(bias).chunk(4, 1) as Tensor[]
    const [ofInput, ofOutput, ofForget] = peephole?.chunk(3) ?? []
    const seen = (gate: Tensor, weight: Tensor | undefined, cell: Tensor): Tensor =>
      (weight ? gate.add(cell.mul(weight)) : gate).sigmoid()
    const kept = seen(forget!, ofForget, c!).mul(c!)
    const next = kept.add(seen(input!, ofInput, c!).mul(fresh!.tanh()))
    return [seen(output!, ofOutput, next).mul(next.tanh()), next]
  },
}

/** Gates z, r, h. */
const gru: Cell = {
  gates: 3,
  states: 1,
  activations: ['Sigmoid', 'Tanh'],
  step([h], x, { recurrent, bias, attributes }) {
    const [xUpdate, xReset, xFresh] = x.chunk(3, 1) as Tensor[]
    const [wUpdate, wReset, wFresh] = recurrent.chunk(3) as Tensor[]
    const [bUpdate, bReset, bFresh] = bias.chunk(3) as Tensor[]
    const update = xUpdate!.add(h!.matmul(wUpdate!.t())).add(bUpdate!).sigmoid()
    const reset = xReset!.add(h!.matmul(wReset!.t())).add(bReset!).sigmoid()
    const before = attributes.flag('linear_before_reset')
    const seen = before
      ? reset.mul(h!.matmul(wFresh!.t()).add(bFresh!))
      : reset.mul(h!).matmul(wFresh!.t()).add(bFresh!)
    const fresh = xFresh!.add(seen).tanh()
    return [fresh.add(update.mul(h!.sub(fresh)))]
  },
}

/** x [T, B, I] through one or two directions. Outputs: all hidden states [T, D, B, H], then the last of each state [D, B, H]. */
function layer(cell: Cell): Operation {
  return (inputs, attributes) => {
    const [given, w, r, b, lengths, ...rest] = inputs
    const batchFirst = attributes.flag('layout')
    const x = batchFirst ? given!.transpose(0, 1) : given!
    const [steps, batch] = x.shape as [number, number]
    const directions = w!.shape[0]!
    const size = r!.shape[2]!
    refuseOthers(cell, attributes, directions)
    if (lengths && numbersOf(lengths).some((length) => length !== steps))
      throw attributes.fail('sequences of different lengths in a batch is not supported')
    const initial = Array.from({ length: cell.states }, (_, i) => {
      const start = rest[i] ?? zeros([directions, batch, size], { dtype: x.dtype })
      return batchFirst && rest[i] ? start.transpose(0, 1) : start
    })
    const peepholes = rest[2]
    const turned = attributes.text('direction', 'forward') === 'reverse'
    const runs = Array.from({ length: directions }, (_, d) => {
      const half = cell.gates * size
      const bias = b?.select(0, d) ?? zeros([2 * half], { dtype: x.dtype })
      const gates = x.matmul(w!.select(0, d).t()).add(bias.narrow(0, 0, half))
      const weights: Weights = {
        ...{ recurrent: r!.select(0, d), bias: bias.narrow(0, half, half), attributes },
        peephole: peepholes?.select(0, d),
      }
      const state: readonly Tensor[] = initial.map((all) => all.select(0, d))
      return scan(
        (before: readonly Tensor[], now: Tensor) => {
          const next = cell.step(before, now, weights)
          return [next, next[0]!] as const
        },
        state,
        gates,
        { reverse: turned || d === 1 },
      )
    })
    const all = stack(
      runs.map(([, ys]) => ys),
      1,
    )
    const last = initial.map((_, i) => stack(runs.map(([state]) => state[i]!)))
    return batchFirst ? [all.permute(2, 0, 1, 3), ...last.map((y) => y.transpose(0, 1))] : [all, ...last]
  }
}

function refuseOthers({ activations }: Cell, attributes: Attributes, directions: number): void {
  const wanted = attributes.texts('activations') ?? []
  if (wanted.some((name, i) => name.toLowerCase() !== activations[i % activations.length]!.toLowerCase()))
    throw attributes.fail(`activations other than the usual ones is not supported`)
  if (attributes.has('clip')) throw attributes.fail('clip is not supported')
  if (attributes.flag('input_forget')) throw attributes.fail('input_forget is not supported')
  if (directions > 2) throw attributes.fail(`${directions} directions is not supported`)
}

/** Recurrent layers. */
export const recurrent: Operations = { GRU: layer(gru), LSTM: layer(lstm), RNN: layer(rnn) }
