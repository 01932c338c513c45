import { isFloating } from '../../core/dtype.ts'
import { DTypeError } from '../../core/errors.ts'
import { type Node, noAttrs, type Op, record } from '../node.ts'
import { abs, add, div, maximum, minimum, mul, neg, sign, sub } from './arithmetic.ts'
import type { Unary } from './define.ts'
import { constant } from './leaves.ts'
import { cast, less, logicalAnd, or, where } from './logic.ts'
import { widened } from './precision.ts'
import { erf, exp, expm1, log1p, sigmoid, tanh } from './transcendental.ts'

/*
 * Activation functions: one node each. Settings that a user may change (a slope, a threshold) are scalar inputs after x,
 * which carry no derivative. Each decomposition is stable at both ends of the real line, and a derivative stands beside it
 * where following the decomposition would cost more or meet 0 · ∞.
 */

interface Definition {
  readonly decompose: (x: Node, ...settings: Node[]) => Node
  /** dx from x, y = f(x) and dy. */
  readonly derivative?: (x: Node, y: Node, dy: Node, ...settings: Node[]) => Node
}

/** A function that records an activation with its settings. */
export interface Activation {
  (x: Node, ...settings: Node[]): Node
  readonly op: Op
}

function activation(name: string, { decompose, derivative }: Definition): Activation {
  const op: Op = {
    name,
    kind: 'composite',
    infer([x]) {
      if (!isFloating(x!.dtype)) {
        throw new DTypeError(name, `expects a floating dtype, received ${x!.dtype}; convert with .to('float32')`)
      }
      return { shape: x!.shape, dtype: x!.dtype }
    },
    decompose(inputs, _attrs, node) {
      const [x, ...settings] = inputs.map(widened)
      return cast(decompose(x!, ...settings), node.dtype)
    },
    ...(derivative && {
      derivative(node: Node, dy: Node, i: number) {
        if (i > 0) return undefined
        const [x, ...settings] = node.inputs.map(widened)
        return cast(derivative(x!, widened(node), widened(dy), ...settings), node.dtype)
      },
    }),
  }
  return Object.assign((x: Node, ...settings: Node[]) => record(op, [x, ...settings], noAttrs), { op })
}

const zero = (x: Node): Node => constant(0, x.dtype)
const one = (x: Node): Node => constant(1, x.dtype)
const times = (x: Node, factor: number): Node => mul(x, constant(factor, x.dtype))
const square = (x: Node): Node => mul(x, x)
/** `inside` ? dy : 0 */
const passing = (inside: Node, dy: Node): Node => where(inside, dy, zero(dy))
const between = (low: Node, x: Node, high: Node): Node => logicalAnd(less(low, x), less(x, high))

/** max(x, 0), with derivative 0 at 0. The derivative reads the result, which is kept in any case; x need not be. */
export const relu: Unary = activation('relu', {
  decompose: (x) => maximum(x, zero(x)),
  derivative: (_x, y, dy) => passing(less(zero(y), y), dy),
})

/** x above `threshold`, `value` elsewhere. */
export const threshold: Activation = activation('threshold', {
  decompose: (x, limit, value) => where(less(limit!, x), x, value!),
  derivative: (x, _y, dy, limit) => passing(less(limit!, x), dy),
})

/** x, cut off below `low` and above `high`. */
export const hardTanh: Activation = activation('hardTanh', {
  decompose: (x, low, high) => minimum(maximum(x, low!), high!),
  derivative: (x, _y, dy, low, high) => passing(between(low!, x, high!), dy),
})

/** (x + 3) / 6, cut off to [0, 1] (Howard et al. 2019). */
export const hardSigmoid: Unary = activation('hardSigmoid', {
  decompose: (x) => times(minimum(maximum(add(x, constant(3, x.dtype)), zero(x)), constant(6, x.dtype)), 1 / 6),
  derivative: (x, _y, dy) => passing(between(constant(-3, x.dtype), x, constant(3, x.dtype)), times(dy, 1 / 6)),
})

/** x · hardSigmoid(x) (Howard et al. 2019). */
export const hardSwish: Unary = activation('hardSwish', {
  decompose: (x) => mul(x, hardSigmoid(x)),
  derivative(x, _y, dy) {
    const slope = add(times(x, 1 / 3), constant(0.5, x.dtype))
    const inner = where(less(constant(-3, x.dtype), x), mul(dy, slope), zero(dy))
    return where(less(x, constant(3, x.dtype)), inner, dy)
  },
})

/** x where positive, `slope` · x elsewhere (Maas et al. 2013). */
export const leakyRelu: Activation = activation('leakyRelu', {
  decompose: (x, slope) => where(less(zero(x), x), x, mul(x, slope!)),
  derivative: (x, _y, dy, slope) => where(less(zero(x), x), dy, mul(dy, slope!)),
})

/** x where positive, `alpha` · (eˣ − 1) elsewhere (Clevert et al. 2015). */
export const elu: Activation = activation('elu', {
  decompose: (x, alpha) => where(less(zero(x), x), x, mul(alpha!, expm1(minimum(x, zero(x))))),
  derivative: (x, _y, dy, alpha) => where(less(zero(x), x), dy, mul(dy, mul(alpha!, exp(minimum(x, zero(x)))))),
})

/** max(0, x) + min(0, alpha · (e^{x / alpha} − 1)) (Barron 2017). */
export const celu: Activation = activation('celu', {
  decompose: (x, alpha) => where(less(zero(x), x), x, mul(alpha!, expm1(div(minimum(x, zero(x)), alpha!)))),
  derivative: (x, _y, dy, alpha) => where(less(zero(x), x), dy, mul(dy, exp(div(minimum(x, zero(x)), alpha!)))),
})

const seluScale = 1.0507009873554804934193349852946
const seluAlpha = 1.6732632423543772848170429916717

/** Self-normalising elu: 1.0507 · elu(x, 1.6733) (Klambauer et al. 2017). */
export const selu: Unary = activation('selu', {
  decompose: (x) => times(elu(x, constant(seluAlpha, x.dtype)), seluScale),
})

/** x · σ(x) (Elfwing et al. 2017), also called swish. */
export const silu: Unary = activation('silu', { decompose: (x) => mul(x, sigmoid(x)) })

/** x · Φ(x) (Hendrycks & Gimpel 2016), with the exact normal distribution function. */
export const gelu: Unary = activation('gelu', {
  decompose: (x) => mul(times(x, 0.5), add(erf(times(x, Math.SQRT1_2)), one(x))),
})

/** The tanh approximation of {@link gelu}. */
export const geluTanh: Unary = activation('geluTanh', {
  decompose(x) {
    const inner = times(add(x, times(mul(x, square(x)), 0.044715)), Math.sqrt(2 / Math.PI))
    return mul(times(x, 0.5), add(tanh(inner), one(x)))
  },
})

/** ln(1 + eˣ) without overflow: max(x, 0) + ln(1 + e^{−|x|}). */
function logOnePlusExp(x: Node): Node {
  return add(maximum(x, zero(x)), log1p(exp(neg(abs(x)))))
}

/** ln(1 + e^{beta · x}) / beta, and x itself where beta · x exceeds `limit`. */
export const softplus: Activation = activation('softplus', {
  decompose(x, beta, limit) {
    const scaled = mul(x, beta!)
    return where(less(limit!, scaled), x, div(logOnePlusExp(scaled), beta!))
  },
  derivative(x, _y, dy, beta, limit) {
    const scaled = mul(x, beta!)
    return where(less(limit!, scaled), dy, mul(dy, sigmoid(scaled)))
  },
})

/** ln σ(x) = −ln(1 + e⁻ˣ). */
export const logSigmoid: Unary = activation('logSigmoid', {
  decompose: (x) => neg(logOnePlusExp(neg(x))),
  derivative: (x, _y, dy) => mul(dy, sigmoid(neg(x))),
})

/** x · tanh(ln(1 + eˣ)) (Misra 2019). */
export const mish: Unary = activation('mish', {
  decompose: (x) => mul(x, tanh(logOnePlusExp(x))),
  derivative(x, _y, dy) {
    const t = tanh(logOnePlusExp(x))
    return mul(dy, add(t, mul(mul(x, sigmoid(x)), sub(one(x), square(t)))))
  },
})

/** x / (1 + |x|). */
export const softsign: Unary = activation('softsign', {
  decompose: (x) => div(x, add(one(x), abs(x))),
  derivative: (x, _y, dy) => div(dy, square(add(one(x), abs(x)))),
})

/** x − tanh x. */
export const tanhshrink: Unary = activation('tanhshrink', {
  decompose: (x) => sub(x, tanh(x)),
  derivative: (x, _y, dy) => mul(dy, square(tanh(x))),
})

/** x where |x| > lambda, 0 elsewhere. */
export const hardShrink: Activation = activation('hardShrink', {
  decompose: (x, lambda) => where(outside(x, lambda!), x, zero(x)),
  derivative: (x, _y, dy, lambda) => passing(outside(x, lambda!), dy),
})

/** x moved towards 0 by lambda, 0 within it. */
export const softshrink: Activation = activation('softshrink', {
  decompose: (x, lambda) => where(outside(x, lambda!), sub(x, mul(sign(x), lambda!)), zero(x)),
  derivative: (x, _y, dy, lambda) => passing(outside(x, lambda!), dy),
})

function outside(x: Node, lambda: Node): Node {
  return or(less(lambda, x), less(x, neg(lambda)))
}

/** x where positive, `slopes` · x elsewhere; slopes broadcast and are learned (He et al. 2015). */
export const prelu: (x: Node, slopes: Node) => Node = (x, slopes) => where(less(zero(x), x), x, mul(x, slopes))
