import { type Shape, sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add, maximum, minimum, mul } from '../../graph/ops/arithmetic.ts'
import type { Counted } from '../../graph/ops/index-range.ts'
import { gather, scatter, type ScatterKind } from '../../graph/ops/indexing.ts'
import { constant, iota } from '../../graph/ops/leaves.ts'
import { cast, equal, where } from '../../graph/ops/logic.ts'
import { broadcastTo, reshape } from '../../graph/ops/views.ts'

/** The indices themselves, read from 0, 1, 2 ...: so that each is checked where it is used. */
function checked(index: Node, size: number, label: string, counted: Counted): Node {
  const flat = reshape(cast(index, 'int32'), [sizeOf(index.shape)])
  return reshape(gather(iota(size), flat, 0, label, counted), index.shape)
}

export function labelsAsGather(node: Node): Node | undefined {
  const { classes, ignoreIndex, label } = node.attrs as { classes: number; ignoreIndex?: number; label: string }
  const target = cast(node.inputs[0]!, 'int32')
  const zero = constant(0, 'int32')
  const counted =
    ignoreIndex === undefined ? target : where(equal(target, constant(ignoreIndex, 'int32')), zero, target)
  return checked(counted, classes, label, 'classes')
}

const joins: Readonly<Record<ScatterKind, (base: Node, source: Node) => Node>> = {
  add: (base, source) => add(base, source),
  prod: (base, source) => mul(base, source),
  max: (base, source) => maximum(base, source),
  min: (base, source) => minimum(base, source),
  set: (_, source) => source,
}

/** A single index along the dimension, as in the gradient of cross-entropy: every element asks whether it is meant. */
export function scatterOfOne(node: Node): Node | undefined {
  const { dim, kind, label } = node.attrs as { dim: number; kind: ScatterKind; label: string }
  const [base, index, source] = node.inputs as [Node, Node, Node]
  if (index.shape[dim] !== 1 || base.dtype === 'float64') return undefined
  const size = base.shape[dim]!
  const along = base.shape.map((extent, d) => (d === dim ? extent : 1))
  const meant = equal(reshape(iota(size), along), checked(index, size, label, dim))
  // Joined in float32: narrow results are rounded once, when they are stored.
  return where(meant, joins[kind](base, source), base)
}

/**
 * Scatters as their kernel takes them: int32 indices that broadcast wholly or not at all before the dimension, and behind it;
 * half precision joined in float32.
 */
export function scatterPrepared(node: Node): Node | undefined {
  const { dim, kind, label } = node.attrs as { dim: number; kind: ScatterKind; label: string }
  const [base, index, source] = node.inputs as [Node, Node, Node]
  if (node.dtype === 'float16' || node.dtype === 'bfloat16') {
    const joined = scatter(cast(base, 'float32'), index, cast(source, 'float32'), dim, kind, label)
    return cast(joined, node.dtype)
  }
  const whole = [
    ...fullOrOnes(index.shape.slice(0, dim), source.shape.slice(0, dim)),
    index.shape[dim]!,
    ...fullOrOnes(index.shape.slice(dim + 1), source.shape.slice(dim + 1)),
  ]
  const prepared = broadcastTo(cast(index, 'int32'), whole)
  return prepared === index ? undefined : scatter(base, prepared, source, dim, kind, label)
}

function fullOrOnes(shape: Shape, full: Shape): Shape {
  return sizeOf(shape) === 1 ? shape : full
}
