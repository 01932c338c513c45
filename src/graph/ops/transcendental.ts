import {
  besselI as besselIOf,
  digamma as digammaOf,
  erf as erfOf,
  erfc as erfcOf,
  erfinv as erfinvOf,
  lgamma as lgammaOf,
  polygamma as polygammaOf,
} from '../../core/special.ts'
import { allocateValues } from '../../core/dtype.ts'
import { type Node, type Op, record } from '../node.ts'
import { abs, add, div, maximum, mul, neg, reciprocal, rsqrt, sqrt, sub } from './arithmetic.ts'
import { composite, type Unary, unary } from './define.ts'
import { constant } from './leaves.ts'
import { equal, where } from './logic.ts'

/* Exponentials, logarithms, trigonometric, hyperbolic and error functions of floating tensors, with their derivatives. */

const one = (x: Node): Node => constant(1, x.dtype)
const square = (x: Node): Node => mul(x, x)

export const exp: Unary = unary('exp', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.exp(x[i]!)
  },
  derivative: (_x, y, dy) => mul(dy, y),
})

/** 2ˣ */
export const exp2: Unary = unary('exp2', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = 2 ** x[i]!
  },
  derivative: (_x, y, dy) => mul(dy, mul(y, constant(Math.LN2, y.dtype))),
})

/** eˣ − 1, exact near 0. */
export const expm1: Unary = unary('expm1', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.expm1(x[i]!)
  },
  derivative: (_x, y, dy) => mul(dy, add(y, one(y))),
})

export const log: Unary = unary('log', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.log(x[i]!)
  },
  derivative: (x, _y, dy) => div(dy, x),
})

/** ln(1 + x), exact near 0. */
export const log1p: Unary = unary('log1p', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.log1p(x[i]!)
  },
  derivative: (x, _y, dy) => div(dy, add(x, one(x))),
})

export const log2: Unary = unary('log2', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.log2(x[i]!)
  },
  derivative: (x, _y, dy) => div(dy, mul(x, constant(Math.LN2, x.dtype))),
})

export const log10: Unary = unary('log10', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.log10(x[i]!)
  },
  derivative: (x, _y, dy) => div(dy, mul(x, constant(Math.LN10, x.dtype))),
})

export const sin: Unary = unary('sin', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.sin(x[i]!)
  },
  derivative: (x, _y, dy) => mul(dy, cos(x)),
})

export const cos: Unary = unary('cos', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.cos(x[i]!)
  },
  derivative: (x, _y, dy) => neg(mul(dy, sin(x))),
})

export const tan: Unary = unary('tan', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.tan(x[i]!)
  },
  derivative: (_x, y, dy) => mul(dy, add(square(y), one(y))),
})

export const asin: Unary = unary('asin', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.asin(x[i]!)
  },
  derivative: (x, _y, dy) => mul(dy, rsqrt(sub(one(x), square(x)))),
})

export const acos: Unary = unary('acos', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.acos(x[i]!)
  },
  derivative: (x, _y, dy) => neg(mul(dy, rsqrt(sub(one(x), square(x))))),
})

export const atan: Unary = unary('atan', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.atan(x[i]!)
  },
  derivative: (x, _y, dy) => div(dy, add(square(x), one(x))),
})

export const sinh: Unary = unary('sinh', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.sinh(x[i]!)
  },
  derivative: (x, _y, dy) => mul(dy, cosh(x)),
})

export const cosh: Unary = unary('cosh', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.cosh(x[i]!)
  },
  derivative: (x, _y, dy) => mul(dy, sinh(x)),
})

export const tanh: Unary = unary('tanh', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.tanh(x[i]!)
  },
  derivative: (_x, y, dy) => mul(dy, sub(one(y), square(y))),
})

export const asinh: Unary = unary('asinh', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.asinh(x[i]!)
  },
  derivative: (x, _y, dy) => mul(dy, rsqrt(add(square(x), one(x)))),
})

export const acosh: Unary = unary('acosh', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.acosh(x[i]!)
  },
  derivative: (x, _y, dy) => div(dy, sqrt(sub(square(x), one(x)))),
})

export const atanh: Unary = unary('atanh', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = Math.atanh(x[i]!)
  },
  derivative: (x, _y, dy) => div(dy, sub(one(x), square(x))),
})

/** Logistic function σ(x) = 1 / (1 + e⁻ˣ). */
export const sigmoid: Unary = unary('sigmoid', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = 1 / (1 + Math.exp(-x[i]!))
  },
  derivative: (_x, y, dy) => mul(dy, mul(y, sub(one(y), y))),
})

const gaussian = (x: Node): Node => mul(constant(2 / Math.sqrt(Math.PI), x.dtype), exp(neg(square(x))))

/** Error function 2/√π ∫₀ˣ exp(−t²) dt. */
export const erf: Unary = unary('erf', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = erfOf(x[i]!)
  },
  derivative: (x, _y, dy) => mul(dy, gaussian(x)),
})

/** 1 − erf(x), without cancellation. */
export const erfc: Unary = unary('erfc', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = erfcOf(x[i]!)
  },
  derivative: (x, _y, dy) => neg(mul(dy, gaussian(x))),
})

/** Inverse of the error function. */
export const erfinv: Unary = unary('erfinv', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = erfinvOf(x[i]!)
  },
  derivative: (_x, y, dy) => mul(dy, reciprocal(gaussian(y))),
})

/** ln |Γ(x)|. */
export const lgamma: Unary = unary('lgamma', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = lgammaOf(x[i]!)
  },
  derivative: (x, _y, dy) => mul(dy, digamma(x)),
})

/** ψ(x), the derivative of {@link lgamma}. */
export const digamma: Unary = unary('digamma', {
  evaluate: (x, y) => {
    for (let i = 0; i < y.length; i++) y[i] = digammaOf(x[i]!)
  },
  derivative: (x, _y, dy) => mul(dy, polygamma(x, 1)),
})

interface Order {
  readonly order: number
}

/** The derivative of {@link digamma} of the given order ≥ 1. */
export const polygammaOp: Op<Order> = {
  name: 'polygamma',
  kind: 'elementwise',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate(node, [x]) {
    const y = allocateValues(node.dtype, x!.length)
    for (let i = 0; i < y.length; i++) y[i] = polygammaOf(node.attrs.order, x![i]!)
    return y
  },
  derivative: (node, dy) => mul(dy, polygamma(node.inputs[0]!, node.attrs.order + 1)),
}

export function polygamma(x: Node, order: number): Node {
  return order === 0 ? digamma(x) : record(polygammaOp, [x], { order })
}

/** Modified Bessel function of the first kind Iₙ(x); 2 Iₙ' = Iₙ₋₁ + Iₙ₊₁, with I₋₁ = I₁. */
export const besselIOp: Op<Order> = {
  name: 'besselI',
  kind: 'elementwise',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  evaluate(node, [x]) {
    const y = allocateValues(node.dtype, x!.length)
    for (let i = 0; i < y.length; i++) y[i] = besselIOf(node.attrs.order, x![i]!)
    return y
  },
  derivative(node, dy) {
    const [x] = node.inputs as [Node]
    const { order } = node.attrs
    if (order === 0) return mul(dy, besselI(x, 1))
    const twice = add(besselI(x, order - 1), besselI(x, order + 1))
    return mul(dy, mul(constant(0.5, x.dtype), twice))
  },
}

export function besselI(x: Node, order: number): Node {
  return record(besselIOp, [x], { order })
}

/** ln(eᵃ + eᵇ) without overflow. */
export const logAddExp: ((...inputs: Node[]) => Node) & { readonly op: Op } = composite('logAddExp', {
  decompose(a, b) {
    const distance = where(equal(a!, b!), constant(0, a!.dtype), abs(sub(a!, b!)))
    return add(maximum(a!, b!), log1p(exp(neg(distance))))
  },
  derivative: [([a, b], dy) => mul(dy, sigmoid(sub(a!, b!))), ([a, b], dy) => mul(dy, sigmoid(sub(b!, a!)))],
})
