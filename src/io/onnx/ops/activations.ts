import * as F from '../../../nn/functional/activations.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import type { Attributes } from '../attributes.ts'

/** Activation functions of one tensor, by ONNX's names and with ONNX's defaults. */
export const activations: Readonly<Record<string, (x: Tensor, attributes: Attributes) => Tensor>> = {
  Celu: (x, own) => F.celu(x, { alpha: own.number('alpha', 1) }),
  Elu: (x, own) => F.elu(x, { alpha: own.number('alpha', 1) }),
  Gelu: (x, own) => F.gelu(x, { approximate: own.text('approximate', 'none') === 'tanh' ? 'tanh' : 'none' }),
  HardSigmoid: (x, own) => x.mul(own.number('alpha', 0.2)).add(own.number('beta', 0.5)).maximum(0).minimum(1),
  HardSwish: (x) => F.hardSwish(x),
  LeakyRelu: (x, own) => F.leakyRelu(x, { negativeSlope: own.number('alpha', 0.01) }),
  Mish: (x) => F.mish(x),
  Selu(x, own) {
    const alpha = own.number('alpha', 1.67326319217681884765625)
    return F.elu(x, { alpha }).mul(own.number('gamma', 1.05070102214813232421875))
  },
  Shrink(x, own) {
    const [lambda, bias] = [own.number('lambd', 0.5), own.number('bias', 0)]
    const upper = x.sub(bias).where(x.gt(lambda), 0)
    return x.add(bias).where(x.lt(-lambda), upper).to(x.dtype)
  },
  Softsign: (x) => F.softsign(x),
  Swish: (x, own) => x.mul(x.mul(own.number('alpha', 1)).sigmoid()),
  ThresholdedRelu: (x, own) => F.threshold(x, own.number('alpha', 1), 0),
}
