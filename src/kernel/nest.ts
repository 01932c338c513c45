import { isFloating } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import type { ReduceKind } from '../graph/ops/reduce.ts'
import { Affine as LaneAffine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import { type BufferParameter, type LaneProgram, type LaneRange, type Register, valueTypeOf } from '../lane/program.ts'
import type { Expression, Load } from '../schedule/expression.ts'
import { withoutRows } from '../schedule/fusion.ts'
import type { Group, Nest } from '../schedule/kernels.ts'
import { mapReads, partsOf } from '../schedule/walk.ts'
import { joinAxes } from './axes.ts'
import { Arguments, type Binding, elementType, Unsupported } from './bindings.ts'
import { ExpressionEmitter, type IndexLabels, type Place } from './emitter.ts'
import { guardedPieces } from './guarded-pieces.ts'
import { orderLoops, resultStrides } from './loop-order.ts'
import { crossingLoads, fewest, turn } from './turned-tiles.ts'

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
  return passCode([nest], new Set(), lanes, labels)
}

/** Lane code of a group of nests: one pass over shared positions, or stages for one row after the other. */
export function groupCode(group: Group, lanes: number, labels: IndexLabels): KernelCode {
  const { members, rowAxes, local } = group
  const isPass = members.every(({ reduce, extents }) => !reduce && extents.length === rowAxes)
  return isPass ? passCode(members, local, lanes, labels) : rowsCode(group, lanes, labels)
}

/** One nest, or several maps over the same positions, whose results are passed on in registers. */
function passCode(nests: readonly Nest[], local: ReadonlySet<Node>, lanes: number, labels: IndexLabels): KernelCode {
  const { nests: ordered, strides } = orderLoops(joinAxes(nests))
  const [first] = ordered
  const vector = chooseVector(first!, 0)
  const crossing = crossingLoads(ordered, vector)
  const { extents } = first!
  const inner = sizeOf(extents.slice(1))
  // Vectors, and tiles that are turned, are not shared.
  const step = vector === 0 || (vector === 1 && crossing.length > 0) ? lanes : 1
  const share = Math.min(Math.max(1, Math.ceil(chunkElements / inner)), extents[0]!)
  const rows = Math.ceil(share / step) * step
  const b = new LaneBuilder({ name: nests.at(-1)!.node.op.name, lanes, chunks: Math.ceil(extents[0]! / rows) })
  const args = new Arguments(b)
  const emitter = new ExpressionEmitter(b, args, labels)
  new NestLoops(b, args, emitter, ordered, vector, local, 0, strides, crossing).run([], {
    begin: LaneAffine.of(b.chunk).times(rows),
    count: rows,
  })
  return { program: b.finish(), bindings: args.bindings }
}

/** Stages of all members for one row, then the next row; a chunk is a run of rows of the first axis. */
function rowsCode({ members, rowAxes, local }: Group, lanes: number, labels: IndexLabels): KernelCode {
  const shared = members[0]!.extents.slice(0, rowAxes)
  const work = members.reduce((sum, { extents }) => sum + sizeOf(extents), 0)
  const rows = Math.min(shared[0]!, Math.max(1, Math.ceil((chunkElements * shared[0]!) / work)))
  const b = new LaneBuilder({ name: members.at(-1)!.node.op.name, lanes, chunks: Math.ceil(shared[0]! / rows) })
  const args = new Arguments(b)
  const emitter = new ExpressionEmitter(b, args, labels)
  const rowSize = ({ extents, resultAxes }: Nest): number => sizeOf(extents.slice(rowAxes, resultAxes))
  // A row's single elements are passed on in registers, but for those that gathering reads from memory.
  const gathered = new Set(members.flatMap(({ body }) => gatheredIn(body)))
  const isSingle = (nest: Nest): boolean => rowSize(nest) === 1 && !gathered.has(nest.node)
  const single = new Set(members.filter(isSingle).map(({ node }) => node))
  for (const nest of members) if (local.has(nest.node) && !single.has(nest.node)) args.local(nest.node, rowSize(nest))
  const passed = new Set([...single].filter((node) => local.has(node)))
  const stages = members.map((nest) => {
    const [joined] = joinAxes([inRow(nest, rowAxes, local)], rowAxes)
    const depth = local.has(nest.node) ? rowAxes : 0
    return new NestLoops(b, args, emitter, [joined!], chooseVector(joined!, rowAxes), passed, depth)
  })
  const row = (axes: readonly LaneAffine[]): void => {
    const made = new Map<Node, Register>()
    for (const [i, { node }] of members.entries())
      emitter.scope(() => {
        const stage = stages[i]!
        stage.remember(made)
        if (single.has(node)) made.set(node, stage.one(axes))
        else stage.run(axes)
      })
  }
  const loop = (axes: readonly LaneAffine[]): void => {
    if (axes.length === rowAxes) {
      row(axes)
      return
    }
    const chunked = axes.length === 0
    const begin = chunked ? LaneAffine.of(b.chunk).times(rows) : LaneAffine.of(0)
    const extent = shared[axes.length]!
    b.loop({ begin, count: chunked ? rows : extent, limit: extent }, (i) =>
      emitter.scope(() => loop([...axes, LaneAffine.of(i)])),
    )
  }
  loop([])
  return { program: b.finish(), bindings: args.bindings }
}

/** What is read at positions that depend on data, and where those positions are loaded from. */
function gatheredIn(body: Expression): Node[] {
  return [...partsOf(body)].flatMap((e) => {
    if (e.kind === 'random') return [e.key]
    if (e.kind !== 'gather') return []
    return e.index.kind === 'load' ? [e.node, e.index.node] : [e.node]
  })
}

/** Reads of row-local results lose their row: they are read from working memory that holds one row. */
function inRow(nest: Nest, rows: number, local: ReadonlySet<Node>): Nest {
  return { ...nest, body: mapReads(nest.body, (node, at) => (local.has(node) ? withoutRows(at, rows) : at)) }
}

/** A load across the lines of its array, and working memory for a tile of it that has been turned. */
interface Tile {
  readonly load: Load
  readonly tile: BufferParameter
}

/** The loops of nests over the same axes, below axes that are entered already. */
export class NestLoops {
  private readonly b: LaneBuilder
  private readonly args: Arguments
  private readonly emitter: ExpressionEmitter
  private readonly nests: readonly Nest[]
  private readonly extents: readonly number[]
  private readonly resultAxes: number
  /** The axis that lanes run along; −1: results are single elements. */
  private readonly vector: number
  /** Results that are not stored at all. */
  private readonly passed: ReadonlySet<Node>
  /** Leading axes that the result's place in memory does not depend on. */
  private readonly rowAxes: number
  /** Elements between neighbours of a result along each axis. */
  private readonly strides: readonly number[]
  private readonly tiles: readonly Tile[]

  constructor(
    b: LaneBuilder,
    args: Arguments,
    emitter: ExpressionEmitter,
    nests: readonly Nest[],
    vector: number,
    passed: ReadonlySet<Node>,
    rowAxes = 0,
    strides: readonly number[] = resultStrides(nests[0]!),
    crossing: readonly Load[] = [],
  ) {
    this.b = b
    this.args = args
    this.emitter = emitter
    this.nests = nests
    this.extents = nests[0]!.extents
    this.resultAxes = nests[0]!.resultAxes
    this.vector = vector
    this.passed = passed
    this.rowAxes = rowAxes
    this.strides = strides
    for (const { node } of nests) if (!elementType(node.dtype)) throw new Unsupported(`${node.dtype} results`)
    this.tiles = crossing.map((load, i) => {
      const type = valueTypeOf(args.buffer(load.node).type)
      return { load, tile: args.scratch(`tile${i}`, type, b.lanes * b.lanes) }
    })
  }

  /** Loops over the result's axes that `axes` has not entered; the next one may be a share of its extent. */
  run(axes: readonly LaneAffine[], share?: { readonly begin: LaneAffine; readonly count: number }): void {
    const axis = axes.length
    const fixed = (1 << axis) - 1
    this.hoist(fixed, this.place(axes, -1, null))
    if (axis === this.resultAxes) {
      this.element(this.place(axes, -1, null))
      return
    }
    const extent = this.extents[axis]!
    const { begin, count } = share ?? { begin: LaneAffine.of(0), count: extent }
    if (axis === this.vector - 1 && this.tiles.length > 0) {
      this.tileLoops(axes, begin, count)
      return
    }
    if (axis === this.vector) {
      this.vectorLoop(begin, count, extent, (at, within) => {
        this.emitter.scope(() => this.element(this.place([...axes, at], axis, within)))
      })
      return
    }
    this.b.loop({ begin, count, limit: extent }, (i) => {
      this.emitter.scope(() => this.run([...axes, LaneAffine.of(i)]))
    })
  }

  /** Loops over the axis before the vectors' in tiles of as many positions as vectors have lanes: those are the innermost loop. */
  private tileLoops(axes: readonly LaneAffine[], begin: LaneAffine, count: number): void {
    const { b, emitter, extents, vector } = this
    const { lanes } = b
    const along = vector - 1
    const outside = ((1 << along) - 1) | (1 << vector)
    const extent = extents[along]!
    b.loop({ begin, count: Math.ceil(count / lanes), step: lanes, limit: extent }, (tile) => {
      const first = LaneAffine.of(tile)
      this.vectorLoop(LaneAffine.of(0), extents[vector]!, extents[vector]!, (at, within) => {
        emitter.scope(() => {
          const corner = this.place([...axes, first, at], vector, within)
          this.hoist(outside, corner)
          const turned = this.turnTiles(corner)
          b.loop({ begin: first, count: Math.min(lanes, extent), limit: extent }, (i) => {
            const row = LaneAffine.of(i)
            emitter.scope(() => {
              for (const { load, tile } of turned)
                emitter.rememberLoad(load, b.load(tile, row.minus(first).expand().times(lanes)))
              this.element(this.place([...axes, row, at], vector, within))
            })
          })
        })
      })
    })
  }

  /** Reads a tile for each load that crosses lines, and leaves it turned in working memory; not where it is only a few columns wide. */
  private turnTiles({ axes, vector, within }: Place): readonly Tile[] {
    const { b, emitter, extents } = this
    const along = vector - 1
    const at = axes[vector]!
    const columns = within ? within.high - at.constant : b.lanes
    if (columns < fewest) return []
    const lines = this.place(axes, along, b.range(axes[along]!, 0, extents[along]!))
    for (const { load, tile } of this.tiles) {
      const columnOf = (i: number): Place => ({ ...lines, axes: axes.with(vector, at.plus(i)) })
      const read = Array.from({ length: columns }, (_, i) => emitter.load(load, columnOf(i)))
      // Lanes beyond the last column are not used.
      const rows = turn(b, [...read, ...Array.from({ length: b.lanes - columns }, () => read[0]!)])
      for (const [i, row] of rows.slice(0, extents[along]!).entries()) b.store(tile, i * b.lanes, row)
    }
    return this.tiles
  }

  /** Reads of `made` results, at the place that is being computed, are the registers that hold them. */
  remember(made: ReadonlyMap<Node, Register>): void {
    for (const { body } of this.nests) this.emitter.remember(body, made)
  }

  /** Computes the one element below axes that are all entered; it is in every lane. */
  one(axes: readonly LaneAffine[]): Register {
    const place = this.place(axes, -1, null)
    this.hoist((1 << this.resultAxes) - 1, place)
    const [nest] = this.nests
    const value = this.result(nest!, place)
    if (!this.passed.has(nest!.node)) this.store(nest!.node, value, place)
    return value
  }

  private hoist(fixed: number, place: Place): void {
    for (const { body } of this.nests) this.emitter.hoist(body, fixed, place)
  }

  /** Axes not entered yet stand at 0. */
  private place(axes: readonly LaneAffine[], vector: number, within: LaneRange | null): Place {
    const rest = this.extents.slice(axes.length).map(() => LaneAffine.of(0))
    return { axes: [...axes, ...rest], vector, within }
  }

  /** Pieces in which guards do not change, if all of the axis is walked through; of each whole vectors first, then the tail. */
  private vectorLoop(
    begin: LaneAffine,
    count: number,
    extent: number,
    body: (at: LaneAffine, within: LaneRange | null) => void,
  ): void {
    const { b } = this
    const { lanes } = b
    if (begin.terms.length === 0 && count >= extent) {
      const bodies = this.nests.map((nest) => nest.body)
      const pieces = guardedPieces(bodies, this.vector, extent, lanes)
      for (const [i, end] of pieces.slice(1).entries()) this.vectorPiece(pieces[i]!, end, body)
      return
    }
    const whole = extent - (extent % lanes)
    if (whole > 0) {
      b.loop({ begin, count: Math.ceil(count / lanes), step: lanes, limit: whole }, (i) => body(LaneAffine.of(i), null))
    }
    if (whole === extent) return
    const tail = (): void => body(LaneAffine.of(whole), { at: LaneAffine.of(whole), low: 0, high: extent })
    // Only the last chunk holds the tail.
    if (b.chunks === 1) tail()
    else b.when(b.chunk, b.chunks - 1, b.chunks, tail)
  }

  private vectorPiece(begin: number, end: number, body: (at: LaneAffine, within: LaneRange | null) => void): void {
    const { b } = this
    const { lanes } = b
    const count = Math.floor((end - begin) / lanes)
    b.loop({ begin, count, step: lanes }, (i) => body(LaneAffine.of(i), null))
    const rest = LaneAffine.of(begin + count * lanes)
    if (rest.constant < end) body(rest, { at: rest, low: 0, high: end })
  }

  /** One element of each result, or one vector of them. */
  private element(place: Place): void {
    const made = new Map<Node, Register>()
    for (const nest of this.nests) {
      const { node, body } = nest
      this.emitter.remember(body, made)
      const value = this.result(nest, place)
      made.set(node, value)
      if (!this.passed.has(node)) this.store(node, value, place)
    }
  }

  private result({ reduce, body }: Nest, place: Place): Register {
    return reduce ? this.reduced(reduce, body, place) : this.emitter.value(body, place)
  }

  private store(node: Node, value: Register, { axes, vector, within }: Place): void {
    const { b, rowAxes, strides } = this
    const at = strides.reduce(
      (sum, stride, axis) => (axis < rowAxes ? sum : sum.plus(axes[axis]!.times(stride))),
      LaneAffine.of(0),
    )
    const stored = value.type === 'mask' ? b.select(value, b.int(1), b.int(0)) : value
    const range = vector >= 0 ? within : { at: LaneAffine.of(0), low: 0, high: 1 }
    b.store(this.args.buffer(node), at.plus(this.args.offset(node)), stored, {
      laneStride: vector >= 0 ? strides[vector]! : 1,
      within: range,
    })
  }

  private reduced(kind: ReduceKind, body: Expression, place: Place): Register {
    this.hoist((1 << this.resultAxes) - 1, place)
    const fold = folds(this.b, this.nests[0]!.node.dtype)[kind]
    return this.vector < this.resultAxes
      ? this.reducedInLanes(fold, body, place)
      : this.reducedAcross(fold, body, place)
  }

  /** Lanes are results; each walks through the reduced axes in order. */
  private reducedInLanes(fold: Fold, body: Expression, place: Place): Register {
    const { b, extents } = this
    const total = b.variable(fold.start())
    const last = extents.length - 1
    if (last < this.resultAxes) {
      b.set(total, b.variable(fold.join(total, this.emitter.value(body, place))))
      return total
    }
    this.reduceLoops(this.resultAxes, last, place, (outer) => {
      const blocks = Math.ceil(extents[last]! / blockLength)
      b.loop({ count: blocks, step: blockLength, limit: extents[last]! }, (start) => {
        const part = b.variable(fold.start())
        b.loop({ begin: start, count: blockLength, limit: extents[last]! }, (i) => {
          this.emitter.scope(() => {
            const here = { ...outer, axes: outer.axes.with(last, LaneAffine.of(i)) }
            b.set(part, fold.join(part, this.emitter.value(body, here)))
          })
        })
        b.set(total, fold.join(total, part))
      })
    })
    return total
  }

  /** Lanes run along the last reduced axis and are joined at the end. */
  private reducedAcross(fold: Fold, body: Expression, place: Place): Register {
    const { b, extents } = this
    const last = extents.length - 1
    const extent = extents[last]!
    const parts = Array.from({ length: chains / b.lanes }, () => b.variable(fold.start()))
    const add = (part: Register, outer: Place, at: LaneAffine, within: LaneRange | null): void => {
      this.emitter.scope(() => {
        const here = { axes: outer.axes.with(last, at), vector: last, within }
        const joined = fold.join(part, this.emitter.value(body, here))
        b.set(part, within ? b.select(b.mask(within), joined, part) : joined)
      })
    }
    this.reduceLoops(this.resultAxes, last, place, (outer) => {
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

  /** Loops over reduced axes but the last one. */
  private reduceLoops(axis: number, last: number, place: Place, body: (outer: Place) => void): void {
    if (axis === last) {
      body(place)
      return
    }
    this.b.loop({ count: this.extents[axis]! }, (i) => {
      this.emitter.scope(() => {
        this.reduceLoops(axis + 1, last, { ...place, axes: place.axes.with(axis, LaneAffine.of(i)) }, body)
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

/**
 * Lanes run along the last reduced axis when the loads there are contiguous, else along the last axis of the result; −1
 * where nothing is left below the shared axes.
 */
export function chooseVector({ extents, resultAxes, reduce, body }: Nest, sharedAxes: number): number {
  const axis = resultAxes > sharedAxes ? resultAxes - 1 : -1
  if (!reduce || resultAxes === extents.length) return axis
  const last = extents.length - 1
  return axis < 0 || contiguity(body, last) >= contiguity(body, axis) ? last : axis
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
