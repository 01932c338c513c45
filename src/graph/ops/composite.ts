import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { type Attrs, type Node, noAttrs, type Op, record } from '../node.ts'
import { add, div, mul, sub } from './arithmetic.ts'
import { contract } from './contract.ts'
import { detach } from './logic.ts'
import { keepDims, reduce } from './reduce.ts'
import { exp, log } from './transcendental.ts'
import { reshape } from './views.ts'

/*
 * Composites: single nodes for what networks say often. The decomposition is the meaning; a derivative stands beside it
 * only where the formula is better than what follows from the decomposition.
 */

interface Along {
  readonly dim: number
}

/** Σ over one dimension, kept as size 1. */
const sumKept = (x: Node, dim: number): Node => reshape(reduce(x, 'sum', [dim]), keepDims(x.shape, [dim]))

/** x minus its maximum along `dim`, which no derivative looks at. */
function centred(x: Node, dim: number): Node {
  if (x.shape.includes(0)) return x
  return sub(x, detach(reshape(reduce(x, 'max', [dim]), keepDims(x.shape, [dim]))))
}

export const softmaxOp: Op<Along> = {
  name: 'softmax',
  kind: 'composite',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  decompose([x], { dim }) {
    const e = exp(centred(x!, dim))
    return div(e, sumKept(e, dim))
  },
  derivative(node, dy) {
    const { dim } = node.attrs
    return mul(node, sub(dy, sumKept(mul(dy, node), dim)))
  },
}

/** exp(x) / Σ exp(x) along `dim`. */
export function softmax(x: Node, dim: number): Node {
  return record(softmaxOp, [x], { dim })
}

export const logSoftmaxOp: Op<Along> = {
  name: 'logSoftmax',
  kind: 'composite',
  infer: ([x]) => ({ shape: x!.shape, dtype: x!.dtype }),
  decompose([x], { dim }) {
    const shifted = centred(x!, dim)
    return sub(shifted, log(sumKept(exp(shifted), dim)))
  },
  derivative(node, dy) {
    return sub(dy, mul(exp(node), sumKept(dy, node.attrs.dim)))
  },
}

/** ln softmax(x) along `dim`, without overflow. */
export function logSoftmax(x: Node, dim: number): Node {
  return record(logSoftmaxOp, [x], { dim })
}

export const linearOp: Op<Attrs> = {
  name: 'linear',
  kind: 'composite',
  infer([x, w, b]) {
    const [out, inner] = w!.shape
    if (w!.shape.length !== 2 || x!.shape.at(-1) !== inner) {
      throw new ShapeError(
        'linear',
        `input ${formatShape(x!.shape)} does not fit weight [out, in] ${formatShape(w!.shape)}: the last sizes must be equal`,
      )
    }
    if (b && (b.shape.length !== 1 || b.shape[0] !== out)) {
      throw new ShapeError(
        'linear',
        `bias ${formatShape(b.shape)} does not fit weight [out, in] ${formatShape(w!.shape)}: expected [${out}]`,
      )
    }
    for (const other of [w!, ...(b ? [b] : [])]) {
      if (other.dtype !== x!.dtype)
        throw new DTypeError('linear', `input is ${x!.dtype}, parameters are ${other.dtype}`)
    }
    return { shape: [...x!.shape.slice(0, -1), out!], dtype: x!.dtype }
  },
  decompose([x, w, b]) {
    const product = contract(x!, w!, { batch: [[], []], reduce: [[x!.shape.length - 1], [1]] })
    return b ? add(product, b) : product
  },
}

/** x · wᵀ + b: x [.., in], w [out, in], b [out]. */
export function linear(x: Node, w: Node, b?: Node): Node {
  return record(linearOp, b ? [x, w, b] : [x, w], noAttrs)
}
