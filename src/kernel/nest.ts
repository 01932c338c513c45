import { isFloating } from '../core/dtype.ts'
import { stridesOf } from '../core/shape.ts'
import type { ReduceKind } from '../graph/ops/reduce.ts'
import { Affine as LaneAffine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import type { LaneProgram, LaneRange, Register } from '../lane/program.ts'
import type { Expression } from '../schedule/expression.ts'
import type { Nest } from '../schedule/kernels.ts'
import { joinAxes, mapAffines } from './axes.ts'
import { Arguments, type Binding, elementType, Unsupported } from './bindings.ts'
import { ExpressionEmitter, type IndexLabels, type Place } from './emitter.ts'

/** A kernel as lane code, and what its argument block holds. */
export interface KernelCode {
  readonly program: LaneProgram
  readonly bindings: readonly Binding[]
}

/** About so many elements are computed by one chunk, so that threads share a kernel only where it pays. */
const chunkElements = 16384

/** Sums run in so many interleaved chains and are joined in a fixed tree, whatever the width of vectors. */
const chains = 64

/** Long sums are cut into blocks of so many elements a chain; block sums are added in order. */
const blockLength = 256

/** Lane code of a loop nest. Throws {@link Unsupported} where lane code has no way to say it. */
export function nestCode(nest: Nest, lanes: number, labels: IndexLabels): KernelCode {
  const type = elementType(nest.node.dtype)
  if (!type) throw new Unsupported(`${nest.node.dtype} results`)
  return new NestWriter(joinAxes(nest), lanes, labels).write()
}

class NestWriter {
  private readonly nest: Nest
  private readonly b: LaneBuilder
  private readonly args: Arguments
  private readonly emitter: ExpressionEmitter
  /** The axis that lanes run along. */
  private readonly vector: number
  private readonly rowsPerChunk: number

  constructor(nest: Nest, lanes: number, labels: IndexLabels) {
    // A scalar result still needs an axis to walk.
    this.nest = nest.resultAxes > 0 ? nest : withUnitAxis(nest)
    this.vector = chooseVector(this.nest)
    const { extents } = this.nest
    const outer = extents[0]!
    const inner = extents.slice(1).reduce((product, n) => product * n, 1)
    let rows = Math.max(1, Math.ceil(chunkElements / inner))
    const step = this.vector === 0 ? lanes : 1
    rows = Math.ceil(Math.min(rows, outer) / step) * step
    this.rowsPerChunk = rows
    this.b = new LaneBuilder({ name: nest.node.op.name, lanes, chunks: Math.ceil(outer / this.rowsPerChunk) })
    this.args = new Arguments(this.b)
    this.emitter = new ExpressionEmitter(this.b, this.args, labels)
  }

  write(): KernelCode {
    this.resultLoop(0, [], 0)
    return { program: this.b.finish(), bindings: this.args.bindings }
  }

  /** Loops over the result's axes from `axis` inwards; the first one covers this chunk's share. */
  private resultLoop(axis: number, axes: readonly LaneAffine[], fixed: number): void {
    const { extents, resultAxes, body } = this.nest
    if (axis === resultAxes) {
      this.element(this.place(axes, -1, null))
      return
    }
    const extent = extents[axis]!
    const chunked = axis === 0
    const begin = chunked ? LaneAffine.of(this.b.chunk).times(this.rowsPerChunk) : LaneAffine.of(0)
    const count = chunked ? this.rowsPerChunk : extent
    if (axis === this.vector) {
      this.vectorLoop(begin, count, extent, (at, within) => {
        this.emitter.scope(() => this.element(this.place([...axes, at], axis, within)))
      })
      return
    }
    const inner = fixed | (1 << axis)
    this.b.loop({ begin, count, limit: extent }, (i) => {
      this.emitter.scope(() => {
        const known = [...axes, LaneAffine.of(i)]
        this.emitter.hoist(body, inner, this.place(known, -1, null))
        this.resultLoop(axis + 1, known, inner)
      })
    })
  }

  /** Axes not entered yet stand at 0. */
  private place(axes: readonly LaneAffine[], vector: number, within: LaneRange | null): Place {
    const rest = this.nest.extents.slice(axes.length).map(() => LaneAffine.of(0))
    return { axes: [...axes, ...rest], vector, within }
  }

  /** Whole vectors first, then the tail. */
  private vectorLoop(
    begin: LaneAffine,
    count: number,
    extent: number,
    body: (at: LaneAffine, within: LaneRange | null) => void,
  ): void {
    const { b } = this
    const { lanes } = b
    const whole = extent - (extent % lanes)
    if (whole > 0) {
      b.loop({ begin, count: Math.ceil(count / lanes), step: lanes, limit: whole }, (i) => body(LaneAffine.of(i), null))
    }
    if (whole === extent) return
    const [first] = begin.range()
    const tail = (): void => body(LaneAffine.of(whole), { at: LaneAffine.of(whole), low: 0, high: extent })
    // Only the last chunk holds the tail.
    if (first === 0 && count >= extent) tail()
    else b.when(b.chunk, b.chunks - 1, b.chunks, tail)
  }

  /** One element of the result, or one vector of them. */
  private element(place: Place): void {
    const { reduce, body } = this.nest
    this.store(reduce ? this.reduced(reduce, place) : this.emitter.value(body, place), place)
  }

  private store(value: Register, { axes, vector, within }: Place): void {
    const { b } = this
    const { node, extents, resultAxes } = this.nest
    const strides = stridesOf(extents.slice(0, resultAxes))
    const at = strides.reduce((sum, stride, axis) => sum.plus(axes[axis]!.times(stride)), LaneAffine.of(0))
    const stored = value.type === 'mask' ? b.select(value, b.int(1), b.int(0)) : value
    const range = vector >= 0 ? within : { at: LaneAffine.of(0), low: 0, high: 1 }
    b.store(this.args.buffer(node), at, stored, { laneStride: vector >= 0 ? strides[vector]! : 1, within: range })
  }

  private reduced(kind: ReduceKind, place: Place): Register {
    const { resultAxes, body } = this.nest
    this.emitter.hoist(body, (1 << resultAxes) - 1, place)
    return this.vector < resultAxes ? this.reducedInLanes(kind, place) : this.reducedAcross(kind, place)
  }

  /** Lanes are results; each walks through the reduced axes in order. */
  private reducedInLanes(kind: ReduceKind, place: Place): Register {
    const { b } = this
    const { extents, resultAxes } = this.nest
    const fold = folds(b, this.nest.node.dtype)[kind]
    const total = b.variable(fold.start())
    const axes = extents.length - resultAxes
    if (axes === 0) {
      b.set(total, b.variable(fold.join(total, this.emitter.value(this.nest.body, place))))
      return total
    }
    const last = extents.length - 1
    this.reduceLoops(resultAxes, last, place, (outer) => {
      const blocks = Math.ceil(extents[last]! / blockLength)
      this.b.loop({ count: blocks, step: blockLength, limit: extents[last]! }, (start) => {
        const part = b.variable(fold.start())
        b.loop({ begin: start, count: blockLength, limit: extents[last]! }, (i) => {
          this.emitter.scope(() => {
            const here = { ...outer, axes: outer.axes.with(last, LaneAffine.of(i)) }
            b.set(part, fold.join(part, this.emitter.value(this.nest.body, here)))
          })
        })
        b.set(total, fold.join(total, part))
      })
    })
    return total
  }

  /** Lanes run along the last reduced axis and are joined at the end. */
  private reducedAcross(kind: ReduceKind, place: Place): Register {
    const { b } = this
    const { extents, resultAxes, body } = this.nest
    const fold = folds(b, this.nest.node.dtype)[kind]
    const last = extents.length - 1
    const extent = extents[last]!
    const parts = Array.from({ length: chains / b.lanes }, () => b.variable(fold.start()))
    const add = (part: Register, outer: Place, at: LaneAffine, within: LaneRange | null): void => {
      this.emitter.scope(() => {
        const here = { axes: outer.axes.with(last, at), vector: last, within }
        const value = this.emitter.value(body, here)
        const joined = fold.join(part, value)
        b.set(part, within ? b.select(b.mask(within), joined, part) : joined)
      })
    }
    this.reduceLoops(resultAxes, last, place, (outer) => {
      const whole = extent - (extent % chains)
      b.loop({ count: whole / chains, step: chains }, (i) => {
        for (const [k, part] of parts.entries()) add(part, outer, LaneAffine.of(i).plus(k * b.lanes), null)
      })
      for (const [k, part] of parts.entries()) {
        const at = whole + k * b.lanes
        if (at >= extent) break
        const within = at + b.lanes > extent ? { at: LaneAffine.of(at), low: 0, high: extent } : null
        add(part, outer, LaneAffine.of(at), within)
      }
    })
    return fold.across(joinParts(parts, fold.join))
  }

  /** Loops over reduced axes but the last one, hoisting what stays. */
  private reduceLoops(axis: number, last: number, place: Place, body: (outer: Place) => void): void {
    if (axis === last) {
      body(place)
      return
    }
    this.b.loop({ count: this.nest.extents[axis]! }, (i) => {
      this.emitter.scope(() => {
        const here = { ...place, axes: place.axes.with(axis, LaneAffine.of(i)) }
        this.reduceLoops(axis + 1, last, here, body)
      })
    })
  }
}

/** Joins chains in a tree that is the same for every width: the upper half onto the lower one. */
function joinParts(parts: readonly Register[], join: (a: Register, b: Register) => Register): Register {
  let list = [...parts]
  while (list.length > 1) {
    const half = list.length / 2
    list = list.slice(0, half).map((part, i) => join(part, list[i + half]!))
  }
  return list[0]!
}

interface Fold {
  start(): Register
  join(a: Register, b: Register): Register
  /** All lanes joined. */
  across(a: Register): Register
}

function folds(b: LaneBuilder, dtype: string): Record<ReduceKind, Fold> {
  if (dtype !== 'float32' && dtype !== 'int32') throw new Unsupported(`reduction of ${dtype}`)
  const float = isFloating(dtype)
  const constant = (value: number, whole: number): Register => b.variable(float ? b.float(value) : b.int(whole))
  const nanWins = (choose: (x: Register, y: Register) => Register) => (x: Register, y: Register) =>
    float ? b.select(b.ne(x, x), x, choose(x, y)) : choose(x, y)
  const max = nanWins((x, y) => (float ? b.max(x, y) : b.imax(x, y)))
  const min = nanWins((x, y) => (float ? b.min(x, y) : b.imin(x, y)))
  const add = (x: Register, y: Register): Register => (float ? b.add(x, y) : b.iadd(x, y))
  const mul = (x: Register, y: Register): Register => (float ? b.mul(x, y) : b.imul(x, y))
  const across = (join: Fold['join']) => (x: Register) => foldLanes(b, x, join)
  return {
    sum: { start: () => constant(0, 0), join: add, across: across(add) },
    prod: { start: () => constant(1, 1), join: mul, across: across(mul) },
    max: { start: () => constant(Number.NEGATIVE_INFINITY, -(2 ** 31)), join: max, across: across(max) },
    min: { start: () => constant(Number.POSITIVE_INFINITY, 2 ** 31 - 1), join: min, across: across(min) },
  }
}

/** Folds the upper half of the lanes onto the lower one until one is left; its value is in every lane. */
function foldLanes(b: LaneBuilder, value: Register, join: Fold['join']): Register {
  let folded = value
  for (let half = b.lanes / 2; half >= 1; half /= 2) {
    const pattern = Array.from({ length: b.lanes }, (_, i) => (i + half) % b.lanes)
    folded = join(folded, b.permute(folded, pattern))
  }
  return folded
}

function withUnitAxis(nest: Nest): Nest {
  const body = mapAffines(nest.body, ({ terms, offset }) => ({ terms: [0, ...terms], offset }))
  return { ...nest, extents: [1, ...nest.extents], resultAxes: 1, body }
}

/** Lanes run along the last reduced axis when the loads there are contiguous, else along the last axis of the result. */
function chooseVector(nest: Nest): number {
  const { extents, resultAxes, reduce, body } = nest
  if (!reduce || resultAxes === extents.length) return resultAxes - 1
  const last = extents.length - 1
  return contiguity(body, last) >= contiguity(body, resultAxes - 1) ? last : resultAxes - 1
}

/** How many loads have unit steps along an axis, less those with other steps. */
function contiguity(root: Expression, axis: number): number {
  let score = 0
  const seen = new Set<Expression>()
  const visit = (e: Expression): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.kind === 'load') {
      const step = e.at.terms[axis]!
      if (step === 1) score++
      else if (step !== 0) score--
    }
    if (e.kind === 'apply') e.args.forEach(visit)
    if (e.kind === 'guard') {
      visit(e.value)
      visit(e.otherwise)
    }
  }
  visit(root)
  return score
}
