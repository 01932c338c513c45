import { nn, type Tensor } from 'gradus'
import { GptLayer } from './gpt.ts'
import { Recurrent } from './recurrent.ts'

/** Operations of a training step in one layer, from its input and its output. */
type Count = (x: Tensor, y: Tensor) => number

/**
 * Floating-point operations in the products and convolutions of a training step, 2 a multiply-add. Taps that fall on padding count, as is
 * customary.
 */
export function countStep(model: nn.Layer, x: Tensor): number {
  let sum = 0
  for (const layer of model.modules()) {
    const count = countFor(layer)
    if (!count) continue
    // All that are counted take a tensor and give one.
    const hooked = layer as nn.Layer
    hooked.registerForwardHook<[Tensor], Tensor>((_, [x], y) => {
      sum += count(x, y)
      return undefined
    })
  }
  model.forward(x)
  return sum
}

function countFor(layer: nn.Module): Count | undefined {
  if (layer instanceof nn.Linear || layer instanceof nn.Conv2d) {
    const perOutput = layer.weight.size / layer.weight.shape[0]!
    return (x, y) => 2 * y.size * perOutput * passes(x)
  }
  if (layer instanceof Recurrent) {
    const { inputSize, hiddenSize } = layer.r
    const gates = layer.r instanceof nn.LSTM ? 4 : 3
    // At every time step a product with the weights of the input, and one with those of the state.
    return (x) => {
      const [n, t] = x.shape as [number, number]
      return 2 * n * t * gates * hiddenSize * (inputSize * passes(x) + hiddenSize * 3)
    }
  }
  if (layer instanceof GptLayer) {
    // Scores and their product with the values, for the pairs of positions that see each other.
    return (x) => {
      const [n, t, width] = x.shape as [number, number, number]
      return 2 * 2 * n * ((t * (t + 1)) / 2) * width * passes(x)
    }
  }
  return undefined
}

/** A product for the result, one as large for the gradient of the weights and, unless x is data, one for that of x. */
function passes(x: Tensor): number {
  return x.requiresGrad ? 3 : 2
}
