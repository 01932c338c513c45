import { F, nn, optim, randint, randn, type Tensor } from 'gradus'
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
  /**
   * Learning rate of the steps after which losses are compared, instead of the optimizer's own. With one so large that rounding decides
   * the course of training, no two programs agree.
   */
  readonly compareLr?: number
}

export type Optimizer =
  | { readonly name: 'Adam'; readonly lr: number }
  | { readonly name: 'SGD'; readonly lr: number; readonly momentum: number }

/** What names of parameters begin with among the inputs. */
const prefix = 'model.'

export const train: Kind<TrainWork> = {
  checkAfter: 20,

  inputs({ model, batch, classes }) {
    const state = Object.entries(build(model).stateDict())
    return new Map<string, Tensor>([
      ...state.map(([name, value]) => [prefix + name, value] as const),
      ['x', randn(batch)],
      ['y', randint(0, classes, [batch[0]!])],
    ])
  },

  prepare(work, inputs) {
    const [x, y] = [input(inputs, 'x'), input(inputs, 'y')]
    const model = build(work.model)
    model.loadStateDict(stateIn(inputs))
    const optimizer = optimizerFor(work.optimizer, model.parameters())
    const [group] = optimizer.paramGroups
    group!.lr = work.compareLr ?? work.optimizer.lr
    let last = Number.NaN
    return {
      async run() {
        optimizer.zeroGrad()
        const loss = F.crossEntropy(model.forward(x), y)
        loss.backward()
        optimizer.step()
        last = await loss.item()
      },
      async evidence() {
        group!.lr = work.optimizer.lr
        return [last]
      },
    }
  },

  /** Each layer's forward product, and one as large for each gradient that is needed. */
  flops({ model: description, batch }) {
    const model = build(description)
    let sum = 0
    for (const layer of model.modules()) {
      if (!(layer instanceof nn.Linear || layer instanceof nn.Conv2d)) continue
      const perOutput = layer.weight.size / layer.weight.shape[0]!
      layer.registerForwardHook<[Tensor], Tensor>((_, [x], y) => {
        sum += 2 * y.size * perOutput * (x.requiresGrad ? 3 : 2)
        return undefined
      })
    }
    model.forward(randn(batch))
    return sum
  },
}

function stateIn(inputs: Inputs): Map<string, Tensor> {
  const state = [...inputs].filter(([name]) => name.startsWith(prefix))
  return new Map(state.map(([name, value]) => [name.slice(prefix.length), value]))
}

function optimizerFor(optimizer: Optimizer, parameters: nn.Parameter[]): optim.Optimizer {
  const { name, ...options } = optimizer
  return name === 'Adam' ? new optim.Adam(parameters, options) : new optim.SGD(parameters, options)
}
