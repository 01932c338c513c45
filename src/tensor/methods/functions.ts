import { DTypeError, ValueError } from '../../core/errors.ts'
import { isFloating } from '../../core/dtype.ts'
import type { Node } from '../../graph/node.ts'
import * as ops from '../../graph/ops/arithmetic.ts'
import { hardShrink, prelu, relu } from '../../graph/ops/activation.ts'
import * as derived from '../../graph/ops/derived.ts'
import { constant, scalar } from '../../graph/ops/leaves.ts'
import * as functions from '../../graph/ops/transcendental.ts'
import { reshape } from '../../graph/ops/views.ts'
import { type TensorLike, wrap } from '../base.ts'
import type { Tensor } from '../tensor.ts'
import { both, real, realBoth, realNode } from './apply.ts'
import { Comparison } from './comparison.ts'

/** Exponential, logarithmic, trigonometric and special functions. Integers and bools are taken as float32. */
export abstract class Functions extends Comparison {
  exp(): Tensor {
    return real(functions.exp, this.self)
  }

  /** 2ˣ */
  exp2(): Tensor {
    return real(functions.exp2, this.self)
  }

  /** eˣ − 1, exact near 0. */
  expm1(): Tensor {
    return real(functions.expm1, this.self)
  }

  /** Natural logarithm. */
  log(): Tensor {
    return real(functions.log, this.self)
  }

  /** ln(1 + x), exact near 0. */
  log1p(): Tensor {
    return real(functions.log1p, this.self)
  }

  log2(): Tensor {
    return real(functions.log2, this.self)
  }

  log10(): Tensor {
    return real(functions.log10, this.self)
  }

  /** ln(eᵃ + eᵇ) without overflow. */
  logaddexp(other: Tensor): Tensor {
    return realBoth(functions.logAddExp, this.self, other)
  }

  /** log₂(2ᵃ + 2ᵇ) without overflow. */
  logaddexp2(other: Tensor): Tensor {
    return realBoth(derived.logAddExp2, this.self, other)
  }

  /** this · ln(other), and 0 where this is 0. */
  xlogy(other: TensorLike): Tensor {
    return realBoth(derived.xlogy, this.self, other)
  }

  sin(): Tensor {
    return real(functions.sin, this.self)
  }

  cos(): Tensor {
    return real(functions.cos, this.self)
  }

  tan(): Tensor {
    return real(functions.tan, this.self)
  }

  asin(): Tensor {
    return real(functions.asin, this.self)
  }

  acos(): Tensor {
    return real(functions.acos, this.self)
  }

  atan(): Tensor {
    return real(functions.atan, this.self)
  }

  /** Angle of the point (other, this), in (−π, π]. */
  atan2(other: TensorLike): Tensor {
    return realBoth(ops.atan2, this.self, other)
  }

  sinh(): Tensor {
    return real(functions.sinh, this.self)
  }

  cosh(): Tensor {
    return real(functions.cosh, this.self)
  }

  tanh(): Tensor {
    return real(functions.tanh, this.self)
  }

  asinh(): Tensor {
    return real(functions.asinh, this.self)
  }

  acosh(): Tensor {
    return real(functions.acosh, this.self)
  }

  atanh(): Tensor {
    return real(functions.atanh, this.self)
  }

  /** sin(πx) / (πx), and 1 at 0. */
  sinc(): Tensor {
    return real(derived.sinc, this.self)
  }

  /** Logistic function 1 / (1 + e⁻ˣ). */
  sigmoid(): Tensor {
    return real(functions.sigmoid, this.self)
  }

  /** Inverse of the sigmoid, ln(x / (1 − x)); with `eps` x is limited to [eps, 1 − eps] first. */
  logit({ eps }: { readonly eps?: number } = {}): Tensor {
    const x = realNode(this.self)
    const limit = (value: number): Node => scalar(value, x.dtype)
    const p = eps === undefined ? x : derived.clamp(x, limit(eps), limit(1 - eps))
    return wrap(derived.logit(p))
  }

  /** Error function. */
  erf(): Tensor {
    return real(functions.erf, this.self)
  }

  /** 1 − erf(x), without cancellation. */
  erfc(): Tensor {
    return real(functions.erfc, this.self)
  }

  /** Inverse of the error function. */
  erfinv(): Tensor {
    return real(functions.erfinv, this.self)
  }

  /** ln |Γ(x)| */
  lgamma(): Tensor {
    return real(functions.lgamma, this.self)
  }

  /** ψ(x), the derivative of {@link lgamma}. */
  digamma(): Tensor {
    return real(functions.digamma, this.self)
  }

  /** The derivative of {@link digamma} of order n ≥ 0. */
  polygamma(n: number): Tensor {
    if (!Number.isInteger(n) || n < 0) throw new ValueError('polygamma', `expects a whole order ≥ 0, received ${n}`)
    return real((x) => functions.polygamma(x, n), this.self)
  }

  /** Modified Bessel function of the first kind and order 0. */
  i0(): Tensor {
    return real((x) => functions.besselI(x, 0), this.self)
  }

  /** max(x, 0) */
  relu(): Tensor {
    if (isFloating(this.dtype)) return wrap(relu(this.node))
    if (this.dtype === 'bool') throw new DTypeError('relu', 'expects numbers, received bool')
    return wrap(ops.maximum(this.node, constant(0, this.dtype)))
  }

  /** x where |x| > lambd, 0 elsewhere. */
  hardShrink({ lambd = 0.5 }: { readonly lambd?: number } = {}): Tensor {
    return real((x) => hardShrink(x, scalar(lambd, x.dtype)), this.self)
  }

  /** x where x > 0, weight · x elsewhere. `weight` has one element, or one for each channel (dimension 1). */
  prelu(weight: Tensor): Tensor {
    const channels = this.rank > 1 ? this.shape.map((_, d) => (d === 1 ? weight.size : 1)) : [weight.size]
    return both((x, w) => prelu(x, reshape(w, channels)), this.self, weight)
  }
}
