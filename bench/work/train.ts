import { compile, F, type nn, optim, randint, randn, type Tensor } from 'gradus'
import { countStep } from './flops.ts'
import { build, type Model } from './models.ts'
import { input, type Inputs, type Kind } from './work.ts'

/** A training step: zeroGrad, forward, cross-entropy, backward, step, and reading the loss. */
export interface TrainWork {
  readonly kind: 'train'
  readonly model: Model
  /** Shape of the batch. */
  readonly batch: readonly number[]
  readonly classes: number
  readonly optimizer: Optimizer
  /** Whether the step goes through `compile(fn)`. Peers have nothing like it and run their plain loop. Default false. */
  readonly compiled?: boolean
  /**
   * Learning rate of the steps after which losses are compared, instead of the optimizer's own. With one so large that rounding decides
   * the course of training, no two programs agree.
   */
  readonly compareLr?: number
}

export type Optimizer =
  | { readonly name: 'Adam' | 'AdamW'; readonly lr: number }
  | { readonly name: 'SGD'; readonly lr: number; readonly momentum: number }

/** What names of parameters begin with among the inputs. */
const prefix = 'model.'

export const train: Kind<TrainWork> = {
  checkAfter: 20,

  inputs(work) {
    const state = Object.entries(build(work.model).stateDict())
    return new Map([
      ...state.map(([name, value]): [string, Tensor] => [prefix + name, value]),
      ...Object.entries(batchFor(work)),
    ])
  },

  prepare(work, inputs) {
    const [x, y] = [input(inputs, 'x'), input(inputs, 'y')]
    const model = build(work.model)
    model.loadStateDict(stateIn(inputs))
    const optimizer = optimizerFor(work.optimizer, model.parameters())
    const [group] = optimizer.paramGroups
    group!.lr = work.compareLr ?? work.optimizer.lr
    const plain = (x: Tensor, y: Tensor): Tensor => {
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), y)
      loss.backward()
      optimizer.step()
      return loss
    }
    const step = work.compiled ? compile(plain) : plain
    let last = Number.NaN
    return {
      async run() {
        last = await step(x, y).item()
      },
      async evidence() {
        group!.lr = work.optimizer.lr
        return [last]
      },
    }
  },

  flops: (work) => countStep(build(work.model), batchFor(work).x),
}

/** Noise and random labels; for language models tokens, each of which is its own label, too. */
function batchFor({ model, batch, classes }: TrainWork): { x: Tensor; y: Tensor } {
  if (model.name !== 'gpt') return { x: randn(batch), y: randint(0, classes, [batch[0]!]) }
  const x = randint(0, classes, batch)
  return { x, y: x.reshape([-1]) }
}

function stateIn(inputs: Inputs): Map<string, Tensor> {
  const state = [...inputs].filter(([name]) => name.startsWith(prefix))
  return new Map(state.map(([name, value]) => [name.slice(prefix.length), value]))
}

function optimizerFor(optimizer: Optimizer, parameters: nn.Parameter[]): optim.Optimizer {
  if (optimizer.name === 'SGD') return new optim.SGD(parameters, optimizer)
  return new optim[optimizer.name](parameters, { lr: optimizer.lr })
}
