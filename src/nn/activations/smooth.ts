import { ValueError } from '../../core/errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import {
  gelu,
  glu,
  logSigmoid,
  mish,
  sigmoid,
  silu,
  softplus,
  softsign,
  tanh,
  tanhshrink,
} from '../functional/activations.ts'
import { Module } from '../module.ts'

/** 1 / (1 + e⁻ˣ). */
export class Sigmoid extends Module {
  forward(x: Tensor): Tensor {
    return sigmoid(x)
  }
}

/** Hyperbolic tangent. */
export class Tanh extends Module {
  forward(x: Tensor): Tensor {
    return tanh(x)
  }
}

/** x · σ(x), also called swish (Elfwing et al. 2017). */
export class SiLU extends Module {
  forward(x: Tensor): Tensor {
    return silu(x)
  }
}

/** x · Φ(x) (Hendrycks & Gimpel 2016); with `approximate: 'tanh'` the formula of BERT and GPT-2. */
export class GELU extends Module {
  readonly approximate: 'none' | 'tanh'

  constructor({ approximate = 'none' }: { approximate?: 'none' | 'tanh' } = {}) {
    super()
    if (approximate !== 'none' && approximate !== 'tanh') {
      throw new ValueError('GELU', `approximate must be 'none' or 'tanh', received '${String(approximate)}'`)
    }
    this.approximate = approximate
  }

  forward(x: Tensor): Tensor {
    return gelu(x, this)
  }

  override extraRepr(): string {
    const { approximate } = this
    return describe({ approximate })
  }
}

/** x · tanh(ln(1 + eˣ)) (Misra 2019). */
export class Mish extends Module {
  forward(x: Tensor): Tensor {
    return mish(x)
  }
}

/** ln(1 + e^{beta · x}) / beta, x itself where beta · x > `threshold`; beta 1 and threshold 20 by default. */
export class Softplus extends Module {
  readonly beta: number
  readonly threshold: number

  constructor({ beta = 1, threshold = 20 }: { beta?: number; threshold?: number } = {}) {
    super()
    this.beta = beta
    this.threshold = threshold
  }

  forward(x: Tensor): Tensor {
    return softplus(x, this)
  }

  override extraRepr(): string {
    const { beta, threshold } = this
    return describe({ beta, threshold })
  }
}

/** ln σ(x), without overflow. */
export class LogSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return logSigmoid(x)
  }
}

/** x / (1 + |x|). */
export class Softsign extends Module {
  forward(x: Tensor): Tensor {
    return softsign(x)
  }
}

/** x − tanh x. */
export class Tanhshrink extends Module {
  forward(x: Tensor): Tensor {
    return tanhshrink(x)
  }
}

/** The first half of x along `dim` (default −1) times σ of the second half (Dauphin et al. 2016). */
export class GLU extends Module {
  readonly dim: number

  constructor(dim = -1) {
    super()
    this.dim = dim
  }

  forward(x: Tensor): Tensor {
    return glu(x, this.dim)
  }

  override extraRepr(): string {
    const { dim } = this
    return describe({ dim })
  }
}
