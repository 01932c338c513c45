import { isFloating } from '../core/dtype.ts'
import { Affine as LaneAffine } from '../lane/affine.ts'
import type { LaneBuilder } from '../lane/builder.ts'
import type { LaneRange, Register } from '../lane/program.ts'
import type { Node } from '../graph/node.ts'
import type { Affine, Condition } from '../schedule/affine.ts'
import type { Expression, IndexUse, Load } from '../schedule/expression.ts'
import { loadsIn, readsIn } from '../schedule/walk.ts'
import { type Arguments, Unsupported } from './bindings.ts'
import { Dependencies } from './axes.ts'
import { emitElementwise, emitGiven, emitNumber } from './elementwise.ts'
import { threefry } from './threefry.ts'

/** How far a tail of lanes reaches: lanes i with position + i < extent. */
export interface Place {
  /** Value of each loop axis; that of the vector axis is lane 0's. */
  readonly axes: readonly LaneAffine[]
  /** The axis that lanes run along; −1: all lanes compute the same. */
  readonly vector: number
  /** Lanes that exist; null: all. */
  readonly within: LaneRange | null
}

/** Numbers that stand for uses of indices in reports of bad ones. */
export interface IndexLabels {
  numberOf(use: IndexUse): number
}

/** Turns expressions into lane code at a place of a loop nest. Values are remembered as long as their block is open. */
export class ExpressionEmitter {
  readonly dependencies: Dependencies = new Dependencies()
  private readonly scopes: Map<Expression, Register>[] = [new Map()]
  readonly b: LaneBuilder
  private readonly args: Arguments
  private readonly labels: IndexLabels

  constructor(b: LaneBuilder, args: Arguments, labels: IndexLabels) {
    this.b = b
    this.args = args
    this.labels = labels
  }

  /** Runs `fn` in a block of its own: what is computed inside is forgotten afterwards. */
  scope(fn: () => void): void {
    this.scopes.push(new Map())
    fn()
    this.scopes.pop()
  }

  /** Loads of `made` results, at the place that is being computed, are the registers that hold them. */
  remember(root: Expression, made: ReadonlyMap<Node, Register>): void {
    const scope = this.scopes.at(-1)!
    for (const load of loadsIn(root)) {
      const register = made.get(load.node)
      if (register) scope.set(load, register)
    }
  }

  /** Computes ahead what depends on none but the axes in `fixed`: it need not be done again in the loops inside. */
  hoist(root: Expression, fixed: number, place: Place): void {
    const seen = new Set<Expression>()
    const visit = (e: Expression): void => {
      if (seen.has(e) || this.find(e)) return
      seen.add(e)
      if ((this.dependencies.of(e) & ~fixed) === 0) {
        if (e.kind !== 'number') this.value(e, place)
        return
      }
      if (e.kind === 'apply') e.args.forEach(visit)
    }
    visit(root)
  }

  value(e: Expression, place: Place): Register {
    const known = this.find(e)
    if (known) return known
    const made = this.compute(e, place)
    this.scopes.at(-1)!.set(e, made)
    return made
  }

  private find(e: Expression): Register | undefined {
    for (let i = this.scopes.length - 1; i >= 0; i--) {
      const known = this.scopes[i]!.get(e)
      if (known) return known
    }
    return undefined
  }

  /** The affine function at lane 0, and how it grows from lane to lane. */
  at(a: Affine, { axes, vector }: Place): { base: LaneAffine; stride: number } {
    let base = LaneAffine.of(a.offset)
    for (const [axis, term] of a.terms.entries()) if (term !== 0) base = base.plus(axes[axis]!.times(term))
    return { base, stride: vector < 0 ? 0 : a.terms[vector]! }
  }

  private compute(e: Expression, place: Place): Register {
    const { b } = this
    switch (e.kind) {
      case 'number':
        return emitNumber(b, e.value, e.dtype)
      case 'argument':
        return emitGiven(b, b.readScalar(this.args.scalar(e.node)), e.node.dtype)
      case 'position': {
        const { base, stride } = this.at(e.at, place)
        const lanes = b.indexLanes(base, stride)
        return isFloating(e.dtype) ? b.toF32(lanes) : lanes
      }
      case 'load': {
        return this.loaded(e.node, this.load(e, place))
      }
      case 'random': {
        const { base, stride } = this.at(e.at, place)
        return threefry(b, this.args.buffer(e.key), e.stream, b.indexLanes(base, stride))
      }
      case 'apply': {
        const args = e.args.map((arg) => this.value(arg, place))
        return emitElementwise(
          b,
          e.node,
          args,
          e.args.map((arg) => (arg.kind === 'number' ? arg.value : undefined)),
        )
      }
      case 'gather':
        return this.gather(e, place)
      case 'guard':
        return this.guard(e.conditions, e.value, e.otherwise, place)
    }
  }

  /** The elements that a load reads, as they are in memory. */
  load(e: Load, place: Place): Register {
    const { base, stride } = this.at(e.at, place)
    return this.b.load(this.args.buffer(e.node), base.plus(this.args.offset(e.node)), {
      laneStride: stride,
      within: stride === 0 ? null : place.within,
    })
  }

  /** Elements of a node as they were in memory, as values. */
  private loaded(node: Node, raw: Register): Register {
    const { b } = this
    return node.dtype === 'bool' ? b.mnot(b.ieq(raw, b.int(0))) : raw
  }

  /** Says what a load reads at the place that is being computed: `raw`, as it is in memory. */
  rememberLoad(e: Load, raw: Register): void {
    this.scopes.at(-1)!.set(e, this.loaded(e.node, raw))
  }

  private gather(e: Extract<Expression, { kind: 'gather' }>, place: Place): Register {
    const { b } = this
    const buffer = this.args.buffer(e.node)
    this.args.errorCell()
    const use = this.labels.numberOf(e.use)
    const position = this.at(e.position, place)
    const { base, stride } = this.at(e.base, place)
    const lanesDiffer = place.vector >= 0 && (this.dependencies.of(e.index) & (1 << place.vector)) !== 0
    if (!lanesDiffer && e.index.kind === 'load' && e.index.node.dtype === 'int32') {
      const { base: at } = this.at(e.index.at, place)
      const index = b.readIndex(this.args.buffer(e.index.node), at, e.size, use, position.base)
      const raw = b.load(buffer, base.plus(LaneAffine.of(index).times(e.stride)), {
        laneStride: stride,
        within: stride === 0 ? null : place.within,
      })
      return this.loaded(e.node, raw)
    }
    if (buffer.type !== 'f32' && buffer.type !== 'i32') throw new Unsupported(`gather of ${e.node.dtype}`)
    const where = { at: position.base, laneStride: position.stride }
    const checked = b.checkIndices(this.value(e.index, place), e.size, use, where, place.within)
    if (stride === 0) return b.gather(buffer, base, checked, e.stride, place.within)
    const flat = b.iadd(b.imul(checked, b.int(e.stride)), b.indexLanes(base, stride))
    return b.gather(buffer, 0, b.checkIndices(flat, buffer.length, use, where, place.within), 1, place.within)
  }

  private guard(conditions: readonly Condition[], value: Expression, otherwise: Expression, place: Place): Register {
    const { b } = this
    const [condition, ...rest] = conditions
    if (!condition) return this.value(value, place)
    const inside = (at: Place): Register => this.guard(rest, value, otherwise, at)
    const stride = place.vector < 0 ? 0 : condition.value.terms[place.vector]!
    if (stride === 0) return this.uniformGuard(condition, inside, otherwise, place)
    if (this.isNowhere(condition, stride, place)) return this.value(otherwise, place)
    const bounds = this.lanesWhere(condition, stride, place) ?? this.instead(condition, stride, place, value)
    const range = b.range(bounds.at, bounds.low, bounds.high)
    if (!range) return inside(place)
    const outer = this.value(otherwise, place)
    if (range.low >= range.high) return outer
    let inner: Register | undefined
    this.scope(() => {
      inner = inside({ ...place, within: range })
    })
    return this.choose(b.mask(range), inner!, outer)
  }

  /** Whether a condition never holds for any lane, whatever the loops come to. */
  private isNowhere(condition: Condition, stride: number, place: Place): boolean {
    const { at, low, high } = this.lanesOf(condition, stride, place)
    const [min, max] = at.range()
    return max + this.b.lanes <= low || min >= high
  }

  /**
   * The lanes that a condition selects, where others are left out already and both cannot be said as one range. What is read
   * under it alone may be out of bounds for those others: the program is checked at the end. What they come to is not used.
   */
  private instead(condition: Condition, stride: number, place: Place, value: Expression): LaneRange {
    if (readsIn(value).some(({ at }) => at === undefined)) throw new Unsupported('an index on lanes of two conditions')
    this.b.mustVerify()
    return this.lanesOf(condition, stride, place)
  }

  /** The lanes of a place that a condition with unit step selects; undefined where that is no single range. */
  private lanesWhere(condition: Condition, stride: number, place: Place): LaneRange | undefined {
    const range = this.lanesOf(condition, stride, place)
    const { within } = place
    if (!within) return range
    const apart = range.at.minus(within.at)
    if (apart.terms.length > 0) return undefined
    return {
      at: within.at,
      low: Math.max(within.low, range.low - apart.constant),
      high: Math.min(within.high, range.high - apart.constant),
    }
  }

  private lanesOf({ value, low, high }: Condition, stride: number, place: Place): LaneRange {
    if (stride !== 1 && stride !== -1) throw new Unsupported('a condition on lanes that lie apart')
    const { base } = this.at(value, place)
    return stride === 1 ? { at: base, low, high } : { at: base.times(-1), low: 1 - high, high: 1 - low }
  }

  /** A condition that all lanes share is a branch; inside, the axis is known to be where it holds. */
  private uniformGuard(
    condition: Condition,
    inside: (at: Place) => Register,
    otherwise: Expression,
    place: Place,
  ): Register {
    const { b } = this
    const axis = condition.value.terms.findIndex((term, i) => i !== place.vector && (term === 1 || term === -1))
    if (axis < 0) throw new Unsupported('a condition without an axis of unit step')
    const { base } = this.at(condition.value, place)
    const fallback = this.value(otherwise, place)
    const result = b.variable(fallback)
    b.when(base, condition.low, condition.high, (variable) => {
      this.scope(() => {
        const term = condition.value.terms[axis]!
        const others = base.minus(place.axes[axis]!.times(term))
        const known = LaneAffine.of(variable).minus(others).times(term)
        b.set(result, b.variable(inside({ ...place, axes: place.axes.with(axis, known) })))
      })
    })
    return result
  }

  private choose(mask: Register, a: Register, c: Register): Register {
    const { b } = this
    if (a.type !== 'mask') return b.select(mask, a, c)
    return b.mor(b.mand(mask, a), b.mand(b.mnot(mask), c))
  }
}
