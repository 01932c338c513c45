import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { hardShrink, hardSigmoid, hardSwish, hardTanh, softshrink } from '../functional/activations.ts'
import { Module } from '../module.ts'

/** x, cut off to [`minVal`, `maxVal`]; −1 and 1 by default. */
export class HardTanh extends Module {
  readonly minVal: number
  readonly maxVal: number

  constructor({ minVal = -1, maxVal = 1 }: { minVal?: number; maxVal?: number } = {}) {
    super()
    this.minVal = minVal
    this.maxVal = maxVal
  }

  forward(x: Tensor): Tensor {
    return hardTanh(x, this)
  }

  override extraRepr(): string {
    const { minVal, maxVal } = this
    return describe({ minVal, maxVal })
  }
}

/** min(max(x + 3, 0), 6) / 6. */
export class HardSigmoid extends Module {
  forward(x: Tensor): Tensor {
    return hardSigmoid(x)
  }
}

/** x · min(max(x + 3, 0), 6) / 6 (Howard et al., MobileNetV3, 2019). */
export class HardSwish extends Module {
  forward(x: Tensor): Tensor {
    return hardSwish(x)
  }
}

/** x where |x| > `lambda`, 0 elsewhere; lambda 0.5 by default. */
export class HardShrink extends Module {
  readonly lambda: number

  constructor({ lambda = 0.5 }: { lambda?: number } = {}) {
    super()
    this.lambda = lambda
  }

  forward(x: Tensor): Tensor {
    return hardShrink(x, this)
  }

  override extraRepr(): string {
    const { lambda } = this
    return describe({ lambda })
  }
}

/** x moved towards 0 by `lambda`, 0 within it; lambda 0.5 by default. */
export class Softshrink extends Module {
  readonly lambda: number

  constructor({ lambda = 0.5 }: { lambda?: number } = {}) {
    super()
    this.lambda = lambda
  }

  forward(x: Tensor): Tensor {
    return softshrink(x, this)
  }

  override extraRepr(): string {
    const { lambda } = this
    return describe({ lambda })
  }
}
