import { allocateValues, convertValues, toValues, toStorage, type TypedArray, type Values } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import { interpret } from '../graph/interpret.ts'
import { type Node, record } from '../graph/node.ts'
import { buffer, randomBits } from '../graph/ops/leaves.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { type Affine, type Condition, evaluate } from './affine.ts'
import type { Expression } from './expression.ts'
import type { Kernel, Nest, Whole } from './kernels.ts'
import type { ProductKernel } from './product.ts'

/**
 * Runs kernels as their descriptions say, all positions of a nest at a time. Slow; the oracle of what later stages make of
 * the descriptions, and the proof that the descriptions mean what the graph means.
 */
export function runKernels(kernels: readonly Kernel[]): Map<Node, Values> {
  const results = new Map<Node, Values>()
  const read = (node: Node): Values => {
    const known = results.get(node)
    if (known) return known
    if (!node.value) throw new Error(`${node.op.name} #${node.id} is read before it is stored`)
    return toValues(node.value, node.dtype)
  }
  for (const kernel of kernels) {
    for (const part of kernel.kind === 'group' ? kernel.members : [kernel])
      results.set(part.node, runKernel(part, read))
  }
  return results
}

const recordedNumber = (scalar: Node): number => (scalar.attrs as { value: number }).value

/** The values of one kernel's result, given those it reads and the numbers of this run. */
export function runKernel(
  kernel: Nest | Whole | ProductKernel,
  read: (node: Node) => Values,
  number: (scalar: Node) => number = recordedNumber,
): Values {
  const { node } = kernel
  if (kernel.kind === 'nest') return runNest(kernel, read, number)
  if (kernel.kind === 'whole') return node.op.evaluate!(node, node.inputs.map(read))
  return runProduct(kernel, read, number)
}

function runProduct(
  { node, source, product, epilogue }: ProductKernel,
  read: (node: Node) => Values,
  number: (scalar: Node) => number,
): Values {
  const sums = source.op.evaluate!(source, source.inputs.map(read))
  if (!epilogue) return sums
  const extents = product.extents.slice(0, product.resultAxes)
  const map: Nest = { kind: 'nest', node, extents, resultAxes: extents.length, reduce: undefined, body: epilogue }
  return runNest(map, (input) => (input === source ? sums : read(input)), number)
}

function leafOf(values: Values, like: Node): Node {
  return buffer(toStorage(values, like.dtype), [values.length], like.dtype)
}

function valuesOf(node: Node): Values {
  return toValues(interpret([node])[0] as TypedArray, node.dtype)
}

function runNest(
  { node, extents, resultAxes, reduce: kind, body }: Nest,
  read: (node: Node) => Values,
  number: (scalar: Node) => number,
): Values {
  const count = sizeOf(extents)
  const memo = new Map<Expression, Values>()
  const at = (position: Affine): Int32Array => positions(position, extents, count)
  const holds = (conditions: readonly Condition[]): Uint8Array => {
    const out = new Uint8Array(count).fill(1)
    for (const { value, low, high } of conditions)
      at(value).forEach((v, i) => {
        if (v < low || v >= high) out[i] = 0
      })
    return out
  }
  const values = (e: Expression): Values => {
    let known = memo.get(e)
    if (!known) {
      known = compute(e)
      memo.set(e, known)
    }
    return known
  }
  const load = (source: Node, index: Int32Array, valid: readonly Condition[]): Values => {
    const stored = read(source)
    const mask = holds(valid)
    const out = allocateValues(source.dtype, count)
    for (let i = 0; i < count; i++) {
      if (mask[i] === 0) continue
      if (index[i]! < 0 || index[i]! >= stored.length)
        throw new RangeError(`${source.op.name}: element ${index[i]} of ${stored.length}`)
      out[i] = stored[index[i]!]!
    }
    return out
  }
  const compute = (e: Expression): Values => {
    switch (e.kind) {
      case 'number':
        return convertValues(new Float64Array(count).fill(e.value), e.dtype)
      case 'argument':
        return convertValues(new Float64Array(count).fill(number(e.node)), e.node.dtype)
      case 'position':
        return convertValues(at(e.at), e.dtype)
      case 'load':
        return load(e.node, at(e.at), e.valid)
      case 'gather': {
        const base = at(e.base)
        const index = values(e.index)
        return load(
          e.node,
          base.map((b, i) => b + e.stride * index[i]!),
          e.valid,
        )
      }
      case 'random': {
        const where = at(e.at)
        const bits = valuesOf(
          randomBits(leafOf(read(e.key), e.key), [where.reduce((m, w) => Math.max(m, w), 0) + 1], e.stream),
        )
        return Int32Array.from(where, (w) => bits[w]!)
      }
      case 'guard': {
        const mask = holds(e.conditions)
        const [yes, no] = [values(e.value), values(e.otherwise)]
        return yes.map((v, i) => (mask[i] ? v : no[i]!)) as Values
      }
      case 'apply': {
        const inputs = e.args.map((arg, i) => leafOf(values(arg), e.node.inputs[i]!))
        return valuesOf(record(e.node.op, inputs, e.node.attrs))
      }
    }
  }
  if (!kind) return values(body)
  const kept = sizeOf(extents.slice(0, resultAxes))
  const all = buffer(toStorage(values(body), node.dtype), [kept, count / Math.max(kept, 1)], node.dtype)
  return valuesOf(reduce(all, kind, [1]))
}

/** The position at every point of the loop axes, row-major. */
function positions(position: Affine, extents: readonly number[], count: number): Int32Array {
  const out = new Int32Array(count)
  const index = new Int32Array(extents.length)
  for (let i = 0; i < count; i++) {
    out[i] = evaluate(position, index)
    for (let d = extents.length - 1; d >= 0; d--) {
      if (++index[d]! < extents[d]!) break
      index[d] = 0
    }
  }
  return out
}
