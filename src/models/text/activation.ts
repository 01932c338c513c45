import { gelu, relu, silu, tanh } from '../../nn/functional/activations.ts'
import type { Settings } from '../../io/settings.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export type Activation = (x: Tensor) => Tensor

const byName: Readonly<Record<string, Activation>> = {
  gelu: (x) => gelu(x),
  gelu_new: (x) => gelu(x, { approximate: 'tanh' }),
  gelu_pytorch_tanh: (x) => gelu(x, { approximate: 'tanh' }),
  relu,
  silu,
  swish: silu,
  tanh,
}

/** The activation that `config.json` names. */
export function activationOf(config: Settings, key: string, absent: string): Activation {
  const name = config.text(key, absent)
  const found = Object.hasOwn(byName, name) ? byName[name] : undefined
  if (found) return found
  throw config.fail(`${key} '${name}' is not supported; expected one of ${Object.keys(byName).join(', ')}`)
}
