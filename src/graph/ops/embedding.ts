import { DTypeError, ShapeError } from '../../core/errors.ts'
import { formatShape, sizeOf } from '../../core/shape.ts'
import { type Node, type Op, record } from '../node.ts'
import { mul, reciprocal } from './arithmetic.ts'
import { gather, scatter } from './indexing.ts'
import { constant } from './leaves.ts'
import { cast, notEqual } from './logic.ts'
import { broadcastTo, reshape, zeros } from './views.ts'

interface Embedding {
  /** Rows with this index receive no gradient; −1 for none. */
  readonly paddingIdx: number
  /** Divide each row's gradient by how often its index occurs. */
  readonly scaleGradByFreq: boolean
}

/** Rows of weight [V, D] by index [..] → [.., D]. The derivative adds rows of dy in the order of the indices. */
export const embeddingOp: Op<Embedding> = {
  name: 'embedding',
  kind: 'composite',
  infer([index, weight]) {
    if (index!.dtype !== 'int32' && index!.dtype !== 'uint8') {
      throw new DTypeError('embedding', `indices must be int32 or uint8, received ${index!.dtype}`)
    }
    if (weight!.shape.length !== 2) {
      throw new ShapeError('embedding', `weight must be [rows, columns], received ${formatShape(weight!.shape)}`)
    }
    return { shape: [...index!.shape, weight!.shape[1]!], dtype: weight!.dtype }
  },
  decompose: ([index, weight], _attrs, { shape }) => reshape(gather(weight!, column(index!), 0, 'embedding'), shape),
  derivative(node, dy, i) {
    if (i === 0) return undefined
    const [index, weight] = node.inputs as [Node, Node]
    const { paddingIdx, scaleGradByFreq } = node.attrs
    const each = column(index)
    let source = reshape(dy, [each.shape[0]!, weight.shape[1]!])
    if (scaleGradByFreq) source = mul(source, reciprocal(cast(occurrences(each, weight), dy.dtype)))
    if (paddingIdx >= 0) source = mul(source, cast(notEqual(each, constant(paddingIdx, index.dtype)), dy.dtype))
    return scatter(zeros(weight), each, source, 0, 'add', 'embedding')
  },
}

/** The indices as a column [count, 1], which names whole rows. */
function column(index: Node): Node {
  return reshape(index, [sizeOf(index.shape), 1])
}

/** How often each index occurs, [count, 1]. */
function occurrences(index: Node, weight: Node): Node {
  const ones = broadcastTo(constant(1), index.shape)
  const none = broadcastTo(constant(0), [weight.shape[0]!, 1])
  return gather(scatter(none, index, ones, 0, 'add', 'embedding'), index, 0, 'embedding')
}

export function embedding(index: Node, weight: Node, attrs: Embedding): Node {
  return record(embeddingOp, [index, weight], attrs)
}
