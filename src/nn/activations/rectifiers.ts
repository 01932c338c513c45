import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { celu, elu, leakyRelu, relu, relu6, selu, threshold } from '../functional/activations.ts'
import { Module } from '../module.ts'

/** max(x, 0), element by element. */
export class ReLU extends Module {
  forward(x: Tensor): Tensor {
    return relu(x)
  }
}

/** min(max(x, 0), 6) (Krizhevsky 2010). */
export class ReLU6 extends Module {
  forward(x: Tensor): Tensor {
    return relu6(x)
  }
}

/** x where positive, `negativeSlope` · x elsewhere; slope 0.01 by default (Maas et al. 2013). */
export class LeakyReLU extends Module {
  readonly negativeSlope: number

  constructor({ negativeSlope = 0.01 }: { negativeSlope?: number } = {}) {
    super()
    this.negativeSlope = negativeSlope
  }

  forward(x: Tensor): Tensor {
    return leakyRelu(x, this)
  }

  override extraRepr(): string {
    const { negativeSlope } = this
    return describe({ negativeSlope })
  }
}

/** x where positive, `alpha` · (eˣ − 1) elsewhere; alpha 1 by default (Clevert et al. 2015). */
export class ELU extends Module {
  readonly alpha: number

  constructor({ alpha = 1 }: { alpha?: number } = {}) {
    super()
    this.alpha = alpha
  }

  forward(x: Tensor): Tensor {
    return elu(x, this)
  }

  override extraRepr(): string {
    const { alpha } = this
    return describe({ alpha })
  }
}

/** max(0, x) + min(0, `alpha` · (e^{x / alpha} − 1)); alpha 1 by default (Barron 2017). */
export class CELU extends Module {
  readonly alpha: number

  constructor({ alpha = 1 }: { alpha?: number } = {}) {
    super()
    this.alpha = alpha
  }

  forward(x: Tensor): Tensor {
    return celu(x, this)
  }

  override extraRepr(): string {
    const { alpha } = this
    return describe({ alpha })
  }
}

/** Self-normalising ELU: 1.0507 · elu(x) with alpha 1.6733 (Klambauer et al. 2017). */
export class SELU extends Module {
  forward(x: Tensor): Tensor {
    return selu(x)
  }
}

/** x where x > `threshold`, `value` elsewhere. */
export class Threshold extends Module {
  readonly threshold: number
  readonly value: number

  constructor(threshold: number, value: number) {
    super()
    this.threshold = threshold
    this.value = value
  }

  forward(x: Tensor): Tensor {
    return threshold(x, this.threshold, this.value)
  }

  override extraRepr(): string {
    const { threshold, value } = this
    return describe({ threshold, value })
  }
}
