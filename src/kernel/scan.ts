import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { sectionsOf, type ScanAttrs } from '../graph/ops/scan.ts'
import { Affine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import type { BufferParameter } from '../lane/program.ts'
import type { Group, Kernel, Nest } from '../schedule/kernels.ts'
import { resultsOf } from '../schedule/phases.ts'
import type { ScanRows, ScanStep } from '../schedule/scan-rows.ts'
import { joinAxes } from './axes.ts'
import { Arguments, elementType, Unsupported } from './bindings.ts'
import { ExpressionEmitter, type IndexLabels } from './emitter.ts'
import { chooseVector, type KernelCode, NestLoops } from './nest.ts'
import { writeProductRows } from './product.ts'

/** About so many rows go through all steps together: enough for the tiles of products, few enough to stay near. */
const blockRows = 16

/**
 * Lane code of a scan: a chunk is a block of rows of the state, which goes through all steps. Values that only one step needs
 * live in working memory; states and what is kept of each step are written where the scan's sections have them.
 */
export function scanCode(node: Node, lanes: number, labels: IndexLabels): KernelCode {
  return new ScanWriter(node as Node<ScanRows>, lanes, labels).write()
}

class ScanWriter {
  private readonly node: Node<ScanRows>
  private readonly scan: ScanAttrs
  private readonly step: ScanStep
  /** Rows of a block. */
  private readonly rows: number
  private readonly b: LaneBuilder
  private readonly args: Arguments
  private readonly emitter: ExpressionEmitter
  private readonly out: BufferParameter
  /** First row of the block. */
  private readonly begin: Affine

  constructor(node: Node<ScanRows>, lanes: number, labels: IndexLabels) {
    this.node = node
    this.scan = node.attrs.scan
    this.step = node.attrs.step
    this.rows = divisorNear(this.step.rows, blockRows)
    this.b = new LaneBuilder({ name: 'scan', lanes, chunks: this.step.rows / this.rows })
    this.args = new Arguments(this.b)
    this.emitter = new ExpressionEmitter(this.b, this.args, labels)
    this.out = this.args.buffer(node)
    this.begin = Affine.of(this.b.chunk).times(this.rows)
  }

  write(): KernelCode {
    const { b, scan } = this
    this.placeFixed()
    const states = this.placeStates()
    b.loop({ count: scan.length }, (i) => {
      const number = Affine.of(i)
      const time = scan.reverse ? number.times(-1).plus(scan.length - 1) : number
      const copies = this.placeStep(time)
      for (const kernel of this.step.kernels) this.emitter.scope(() => this.writeKernel(kernel))
      for (const [from, to] of copies) this.copyRows(from, to)
      for (const move of states) move(number)
    })
    return { program: b.finish(), bindings: this.args.bindings }
  }

  /** Elements of a node in one row. */
  private rowSize(node: Node): number {
    return sizeOf(node.shape) / this.step.rows
  }

  /** Working memory for the block's rows of a node. */
  private block(name: string, node: Node): Slot {
    const type = elementType(node.dtype)
    if (!type) throw new Unsupported(`${node.dtype} elements`)
    const size = this.rowSize(node)
    return { buffer: this.args.scratch(name, type, size * this.rows), offset: this.begin.times(-size), size }
  }

  private place(node: Node, { buffer, offset }: Slot): void {
    this.args.place(node, buffer, offset)
  }

  /** What lies where it is at all steps: captured values, and intermediate results in working memory. */
  private placeFixed(): void {
    const { step, node, scan } = this
    const given = node.inputs.slice(scan.body.parameters.length)
    for (const [i, capture] of step.captures.entries())
      this.args.place(capture, this.args.buffer(given[i]!), Affine.of(0))
    const results = new Set(step.results)
    for (const kernel of step.kernels) {
      for (const inner of resultsOf(kernel)) if (!results.has(inner)) this.place(inner, this.block('step', inner))
    }
  }

  /** Puts the initial states where the first step reads them; gives what is to be done at the end of each step. */
  private placeStates(): ((number: Affine) => void)[] {
    const { scan, step, node } = this
    const sections = sectionsOf(scan)
    const moves: ((number: Affine) => void)[] = []
    for (let k = 0; k < scan.carries; k++) {
      const initial = node.inputs[k]!
      const size = this.rowSize(initial)
      const source: Slot = { buffer: this.args.buffer(initial), offset: Affine.of(0), size }
      const section = sections[k]
      if (scan.keepsStates && section) {
        const at = section.offset + (scan.reverse ? scan.length * sizeOf(initial.shape) : 0)
        this.copyRows(source, { buffer: this.out, offset: Affine.of(at), size })
        continue
      }
      const now = this.block('state', initial)
      const next = this.block('next', initial)
      this.copyRows(source, now)
      const parameter = step.parameters[k]
      if (parameter) this.place(parameter, now)
      this.nexts.set(k, next)
      moves.push((number) => {
        this.copyRows(next, now)
        if (section)
          this.b.when(number, scan.length - 1, scan.length, () =>
            this.copyRows(next, { buffer: this.out, offset: Affine.of(section.offset), size }),
          )
      })
    }
    return moves
  }

  private readonly nexts = new Map<number, Slot>()

  /** Where this step reads and writes; gives the copies of results that stand in two places. */
  private placeStep(time: Affine): [from: Slot, to: Slot][] {
    const { scan, step, node } = this
    const sections = sectionsOf(scan)
    const [before, after] = scan.reverse ? [1, 0] : [0, 1]
    const inputs = step.parameters.slice(0, scan.carries + scan.xs)
    for (const [i, parameter] of inputs.entries()) {
      if (!parameter) continue
      const size = sizeOf(parameter.shape)
      if (i >= scan.carries) this.args.place(parameter, this.args.buffer(node.inputs[i]!), time.times(size))
      else if (!this.nexts.has(i))
        this.args.place(parameter, this.out, time.plus(before).times(size).plus(sections[i]!.offset))
    }
    const copies: [Slot, Slot][] = []
    const placed = new Map<Node, Slot>()
    for (const [i, result] of step.results.entries()) {
      const size = this.rowSize(result)
      const section = sections[i]
      const whole = sizeOf(result.shape)
      const row = i < scan.carries ? time.plus(after) : time
      const slot: Slot =
        this.nexts.get(i) ??
        (section
          ? { buffer: this.out, offset: row.times(whole).plus(section.offset), size }
          : this.block('result', result))
      const first = placed.get(result)
      if (first) copies.push([first, slot])
      else {
        placed.set(result, slot)
        this.place(result, slot)
      }
    }
    return copies
  }

  private writeKernel(kernel: Kernel): void {
    const { b, args, emitter, begin, rows } = this
    if (kernel.kind === 'product') {
      if (this.step.rows === 1) throw new Unsupported('products of a scan of one row')
      writeProductRows(kernel, { begin, count: rows }, b, args, emitter)
    } else if (kernel.kind === 'nest') this.writeMaps([kernel], new Set())
    else if (kernel.kind === 'group') this.writeGroup(kernel)
    else throw new Unsupported(`op ${kernel.node.op.name} in a scan`)
  }

  private writeGroup({ members, local, rowAxes }: Group): void {
    const isPass = members.every(({ reduce, extents }) => !reduce && extents.length === rowAxes)
    if (isPass) this.writeMaps(members, local)
    else for (const member of members) this.writeMaps([member], new Set())
  }

  /** Loops of nests over the same axes, for the rows of the block. */
  private writeMaps(nests: readonly Nest[], passed: ReadonlySet<Node>): void {
    const { b, args, emitter, begin, rows } = this
    const shared = this.step.rows === 1 ? 0 : 1
    const joined = joinAxes(nests, shared)
    const loops = new NestLoops(b, args, emitter, joined, chooseVector(joined[0]!, shared), passed)
    if (shared === 0) emitter.scope(() => loops.run([]))
    else b.loop({ count: rows }, (r) => emitter.scope(() => loops.run([begin.plus(r)])))
  }

  /** Copies the block's rows. */
  private copyRows(from: Slot, to: Slot): void {
    const { b, rows, begin } = this
    const { size } = from
    b.loop({ count: rows }, (r) => {
      const row = begin.plus(r).times(size)
      const move = (at: Affine, within = b.range(at, 0, size)): void => {
        const value = b.load(from.buffer, row.plus(at).plus(from.offset), { within })
        b.store(to.buffer, row.plus(at).plus(to.offset), value, { within })
      }
      const whole = size - (size % b.lanes)
      if (whole > 0) b.loop({ count: whole / b.lanes, step: b.lanes }, (i) => move(Affine.of(i), null))
      if (whole < size) move(Affine.of(whole))
    })
  }
}

/** Where the rows of a value lie: row r from element offset + r · size on. */
interface Slot {
  readonly buffer: BufferParameter
  readonly offset: Affine
  readonly size: number
}

/** The divisor of n that is nearest to the wanted number from above, or n itself. */
function divisorNear(n: number, wanted: number): number {
  for (let size = Math.min(n, wanted); size > wanted / 2; size--) if (n % size === 0) return size
  for (let size = wanted; size < n; size++) if (n % size === 0) return size
  return n
}
