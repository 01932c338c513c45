import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { Affine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import { exp } from '../lane/math/exp.ts'
import { log1p } from '../lane/math/log1p.ts'
import type { LaneRange, Register } from '../lane/program.ts'
import { Arguments, Unsupported } from './bindings.ts'
import { maximum, minimum } from './elementwise.ts'
import type { IndexLabels } from './emitter.ts'
import type { KernelCode } from './nest.ts'

type Kind = 'sum' | 'prod' | 'max' | 'min' | 'logSumExp'

/** About so many elements go through one chunk. */
const chunkElements = 16384

/**
 * Running totals along one dimension. Lanes are independent lines: neighbours along the trailing axis where there are
 * enough of them, else rows, which lie apart.
 */
export function cumulativeCode(node: Node, lanes: number, _labels: IndexLabels): KernelCode {
  const { kind, dim, reverse } = node.attrs as { kind: Kind; dim: number; reverse: boolean }
  const outer = sizeOf(node.shape.slice(0, dim))
  const inner = sizeOf(node.shape.slice(dim + 1))
  const n = node.shape[dim]!
  const alongInner = inner >= lanes / 2 || inner >= outer
  const lines = alongInner ? inner : outer
  const vectors = Math.ceil(lines / lanes)
  const groups = vectors * (alongInner ? outer : inner)
  const share = Math.min(groups, Math.ceil(chunkElements / (n * lanes)))
  const b = new LaneBuilder({ name: 'cumulative', lanes, chunks: Math.ceil(groups / share) })
  const args = new Arguments(b)
  const [from, to] = [args.buffer(node.inputs[0]!), args.buffer(node)]
  const laneStride = alongInner ? 1 : n * inner
  b.loop({ begin: Affine.of(b.chunk).times(share), count: share, limit: groups }, (group) => {
    const [other, vector] = b.divide(group, vectors)
    const line = Affine.of(vector).times(lanes)
    const within: LaneRange | null = b.range(line, 0, lines)
    const start = alongInner
      ? Affine.of(other)
          .times(n * inner)
          .plus(line)
      : line.times(n * inner).plus(other)
    const at = (k: Affine): Affine => start.plus(reverse ? k.times(-inner).plus((n - 1) * inner) : k.times(inner))
    const read = (k: Affine): Register => b.load(from, at(k), { laneStride, within })
    const write = (k: Affine, value: Register): void => b.store(to, at(k), value, { laneStride, within })
    const total = runningTotal(b, node, kind, b.variable(read(Affine.of(0))))
    write(Affine.of(0), total.value())
    b.loop({ begin: 1, count: n - 1 }, (k) => {
      total.add(read(Affine.of(k)))
      write(Affine.of(k), total.value())
    })
  })
  return { program: b.finish(), bindings: args.bindings }
}

interface RunningTotal {
  add(x: Register): void
  value(): Register
}

function runningTotal(b: LaneBuilder, { dtype }: Node, kind: Kind, total: Register): RunningTotal {
  if (total.type === 'f32' && kind === 'sum') return compensatedSum(b, total)
  const join = total.type === 'f32' ? floatJoins(b)[kind] : wholeJoins(b)[kind]
  if (!join) throw new Unsupported(`running ${kind} of ${dtype}`)
  return { add: (x) => b.set(total, join(total, x)), value: () => total }
}

/** What each addition rounds off is collected and added at the end (Neumaier, 1974). */
function compensatedSum(b: LaneBuilder, total: Register): RunningTotal {
  const lost = b.variable(0)
  return {
    add(x) {
      const next = b.add(total, x)
      const moved = b.sub(next, total)
      const error = b.add(b.sub(total, b.sub(next, moved)), b.sub(x, moved))
      b.set(lost, b.add(lost, error))
      b.set(total, b.variable(next))
    },
    // An infinite total has lost infinity minus infinity.
    value: () => b.select(b.eq(b.sub(total, total), 0), b.add(total, lost), total),
  }
}

type Joins = Readonly<Partial<Record<Kind, (total: Register, x: Register) => Register>>>

function floatJoins(b: LaneBuilder): Joins {
  return {
    prod: b.mul,
    max: (total, x) => maximum(b, total, x),
    min: (total, x) => minimum(b, total, x),
    logSumExp(total, x) {
      const larger = maximum(b, total, x)
      const apart = b.neg(b.abs(b.sub(total, x)))
      const finite = b.eq(b.sub(larger, larger), 0)
      return b.select(finite, b.add(larger, log1p(b, exp(b, apart))), larger)
    },
  }
}

/** Totals are int32; stores keep the low byte of narrow results. */
function wholeJoins(b: LaneBuilder): Joins {
  return { sum: b.iadd, prod: b.imul, max: b.imax, min: b.imin }
}
