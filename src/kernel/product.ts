import { sizeOf, stridesOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { type IndexVariable, Affine as LaneAffine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import type { BufferParameter, Constant, LaneRange, Register } from '../lane/program.ts'
import type { Affine, Condition } from '../schedule/affine.ts'
import type { Product, ProductKernel } from '../schedule/product.ts'
import { loadsIn } from '../schedule/walk.ts'
import { Arguments, elementType, Unsupported } from './bindings.ts'
import { ExpressionEmitter, type IndexLabels } from './emitter.ts'
import type { KernelCode } from './nest.ts'
import {
  joinProductAxes,
  type Parts,
  type ProductSchedule,
  scheduleProduct,
  type TileLimits,
  tileLimits,
} from './product-schedule.ts'
import { type BlockLoops, cutSummedAxes, type Enter, type SummedBlocks, type Turn } from './summed-blocks.ts'

/**
 * Lane code of a product: tiles of the result stay in registers while the summed axes run. Sums are cut into blocks by
 * the shape alone; each block is one chain of fused multiply-adds from zero, and block sums are added in order. `threads`
 * will share the work.
 */
export function productCode(
  kernel: ProductKernel,
  lanes: number,
  labels: IndexLabels,
  limits: TileLimits = tileLimits(lanes),
  threads = 2,
): KernelCode {
  const joined = joinProductAxes(kernel)
  const schedule = scheduleProduct(joined.product, lanes, limits, threads)
  const b = new LaneBuilder({ name: kernel.node.op.name, lanes, chunks: chunkCount(joined.product, schedule) })
  const args = new Arguments(b)
  new ProductWriter(joined, schedule, b, args, new ExpressionEmitter(b, args, labels)).writeChunk()
  return { program: b.finish(), bindings: args.bindings }
}

/** Rows of a product, as part of another kernel: `count` positions of the first axis, from `begin` on. */
export interface ProductRows {
  readonly begin: LaneAffine
  readonly count: number
}

/** Writes the code of a product's rows into a kernel. */
export function writeProductRows(
  kernel: ProductKernel,
  { begin, count }: ProductRows,
  b: LaneBuilder,
  args: Arguments,
  emitter: ExpressionEmitter,
): void {
  const { extents } = kernel.product
  const share = { ...kernel, product: { ...kernel.product, extents: extents.with(0, count) } }
  const joined = joinProductAxes(share, 1)
  const schedule = scheduleProduct(joined.product, b.lanes, tileLimits(b.lanes), 1)
  new ProductWriter(joined, schedule, b, args, emitter, begin).writeWhole()
}

function chunkCount({ extents }: Product, schedule: ProductSchedule): number {
  const { outerAxes, partAxis, chunkPart, tiles, chunkTiles, chunkStrips, strips } = schedule
  const outer = outerAxes.reduce((count, axis) => count * extents[axis]!, 1)
  const parts = partAxis < 0 ? 1 : Math.ceil(extents[partAxis]! / chunkPart)
  return outer * parts * Math.ceil(countOf(tiles) / chunkTiles) * Math.ceil(strips / chunkStrips)
}

/** Leaving out fewer steps than this does not pay for asking. */
const leastLeftOut = 16

const countOf = ({ large, small }: Parts): number => large + small

/** One vector of a tile's columns. */
interface Column {
  /** Elements from the first column of the strip. */
  readonly offset: number
  readonly within: LaneRange | null
}

/** A run of numbers: those of a chunk's strips, of its tiles, or of its positions on an axis. */
interface Run {
  readonly begin: LaneAffine
  readonly count: number
  readonly limit: number
}

/** How many numbers of a run come before one of them. */
function ordinal(number: IndexVariable, { begin }: Run): LaneAffine {
  // In basic variables, so that the range that is proven is that of the run.
  return LaneAffine.of(number).minus(begin).expand()
}

/** What is computed together: rows and columns whose sums lie in working memory at the same time. */
interface Region {
  readonly strips: Run
  readonly tiles: Run
  /** Positions on the axes beside the tiles'; those that vary inside, and within which bounds. */
  readonly axes: readonly LaneAffine[]
  readonly inside: readonly { readonly axis: number; readonly run: Run }[]
}

/** A tile: so many rows from one on, on the axes given, by the columns of a strip; and where its sums lie. */
interface Tile {
  readonly axes: readonly LaneAffine[]
  readonly row: LaneAffine
  readonly rows: number
  readonly strip: LaneAffine
  readonly columns: readonly Column[]
  readonly sums: LaneAffine
}

class ProductWriter {
  private readonly kernel: ProductKernel
  private readonly product: Product
  private readonly schedule: ProductSchedule
  private readonly blocks: SummedBlocks
  private readonly b: LaneBuilder
  private readonly args: Arguments
  private readonly emitter: ExpressionEmitter
  private readonly inputs: readonly [BufferParameter, BufferParameter]
  private readonly whole: boolean
  /** The axis of the lanes. */
  private readonly lane: number
  /** Elements between neighbours of a result along each axis, and between rows of a tile. */
  private readonly strides: readonly number[]
  private readonly rowStep: number
  /** Position on the first axis at which the rows of the product begin; null: at 0. */
  private readonly begin: LaneAffine | null
  /** Conditions on terms, by the summed axis on whose position the last word is. */
  private readonly conditions: readonly (readonly Condition[])[]

  constructor(
    kernel: ProductKernel,
    schedule: ProductSchedule,
    b: LaneBuilder,
    args: Arguments,
    emitter: ExpressionEmitter,
    begin: LaneAffine | null = null,
  ) {
    this.kernel = kernel
    const { product, source, node } = kernel
    this.product = product
    this.lane = product.resultAxes - 1
    if (product.b.terms[this.lane] !== 1 || product.a.terms[this.lane] !== 0)
      throw new Unsupported('a product whose lanes are apart')
    this.schedule = schedule
    this.strides = stridesOf(product.extents.slice(0, product.resultAxes))
    this.rowStep = schedule.tileAxis < 0 ? 0 : this.strides[schedule.tileAxis]!
    this.blocks = cutSummedAxes(product.extents.slice(product.resultAxes))
    this.b = b
    this.args = args
    this.emitter = emitter
    this.begin = begin
    this.conditions = this.conditionsByAxis()
    this.whole = source.dtype === 'int32'
    const [left, right] = source.inputs
    this.inputs = [this.args.buffer(left!), this.args.buffer(right!)]
    if (!elementType(node.dtype)) throw new Unsupported(`${node.dtype} results`)
  }

  /** Those that are one for all of a tile, and worth asking. */
  private conditionsByAxis(): Condition[][] {
    const { product, schedule, lane } = this
    const byAxis = product.extents.slice(product.resultAxes).map((): Condition[] => [])
    for (const condition of product.valid) {
      const { terms } = condition.value
      if (terms[lane] !== 0 || (schedule.tileAxis >= 0 && terms[schedule.tileAxis] !== 0)) continue
      const last = Math.max(
        product.resultAxes,
        terms.findLastIndex((term) => term !== 0),
      )
      if (sizeOf(product.extents.slice(last + 1)) < leastLeftOut) continue
      byAxis[last - product.resultAxes]!.push(condition)
    }
    return byAxis
  }

  private get tileCount(): number {
    return countOf(this.schedule.tiles)
  }

  /** The whole product as one region. */
  writeWhole(): void {
    const { product, schedule, lane, tileCount } = this
    const { strips, tileAxis } = schedule
    const others = [...product.extents.slice(0, lane).keys()].filter((axis) => axis !== tileAxis)
    const origin = LaneAffine.of(0)
    this.writeRegion({
      strips: { begin: origin, count: strips, limit: strips },
      tiles: { begin: origin, count: tileCount, limit: tileCount },
      axes: product.extents.map(() => origin),
      inside: others.map((axis) => this.wholeAxis(axis)),
    })
  }

  /** The region of one chunk. */
  writeChunk(): void {
    const { b, schedule, product } = this
    const { outerAxes, innerAxes, partAxis, chunkPart, chunkTiles, chunkStrips, strips } = schedule
    let rest = LaneAffine.of(b.chunk)
    /** The rest is a number whose last digit, of so many values, is taken off. */
    const take = (values: number): LaneAffine => {
      if (values === 1) return LaneAffine.of(0)
      if (rest.range()[1] < values) {
        const digit = rest
        rest = LaneAffine.of(0)
        return digit
      }
      const [quotient, remainder] = b.divide(rest, values)
      rest = LaneAffine.of(quotient)
      return LaneAffine.of(remainder)
    }
    const run = (count: number, limit: number): Run => ({
      begin: take(Math.ceil(limit / count)).times(count),
      count,
      limit,
    })
    const stripRun = run(chunkStrips, strips)
    const tileRun = run(chunkTiles, this.tileCount)
    const inside = innerAxes.map((axis) => this.wholeAxis(axis))
    if (partAxis >= 0) inside.unshift({ axis: partAxis, run: run(chunkPart, product.extents[partAxis]!) })
    let axes = product.extents.map(() => LaneAffine.of(0))
    for (const axis of [...outerAxes].reverse()) axes = axes.with(axis, take(product.extents[axis]!))
    this.writeRegion({ strips: stripRun, tiles: tileRun, axes, inside })
  }

  private wholeAxis(axis: number): { readonly axis: number; readonly run: Run } {
    const extent = this.product.extents[axis]!
    return { axis, run: { begin: LaneAffine.of(0), count: extent, limit: extent } }
  }

  /**
   * Sums that are one block go through registers, tile after tile. Otherwise one block after the other is added to the sums of
   * all tiles, so that its part of b stays in the first-level cache, and its part of a in the second; the last block makes results.
   */
  private writeRegion(region: Region): void {
    const { b, args, blocks } = this
    const { strip: width, tiles } = this.schedule
    const type = this.whole ? 'i32' : 'f32'
    const tile = tiles.size * width
    if (blocks.single) {
      const sums = this.kernel.epilogue && args.scratch('sums', type, tile)
      this.eachTileOf(region, (t) => this.tile(sums, { ...t, sums: LaneAffine.of(0) }))
      return
    }
    const positions = region.inside.reduce((product, { run }) => product * run.count, 1)
    const size = region.strips.count * positions * region.tiles.count * tile
    const sums = args.scratch('sums', type, size)
    blocks.eachBlock(b, (loops, turn) => this.eachTileOf(region, (t) => this.addBlock(sums, t, loops, turn)))
  }

  private eachTileOf({ strips, tiles, axes, inside }: Region, body: (tile: Tile) => void): void {
    const { b } = this
    const size = this.schedule.tiles.size * this.schedule.strip
    b.loop(strips, (number) => {
      this.eachStrip(LaneAffine.of(number), (strip, columns) => {
        this.eachPosition(inside, axes, ordinal(number, strips), (here, position) => {
          b.loop(tiles, (tile) => {
            const place = position.times(tiles.count).plus(ordinal(tile, tiles))
            this.eachTile(LaneAffine.of(tile), (row, rows) =>
              body({ axes: here, row, rows, strip, columns, sums: place.times(size) }),
            )
          })
        })
      })
    })
  }

  /** Code for whole strips, and for the last one where it is narrower. */
  private eachStrip(number: LaneAffine, body: (strip: LaneAffine, columns: readonly Column[]) => void): void {
    const { b } = this
    const { strip, strips } = this.schedule
    const columns = this.product.extents[this.lane]!
    const whole = Math.floor(columns / strip)
    const offsets = (count: number): number[] => Array.from({ length: count }, (_, i) => i * b.lanes)
    const narrow = (): void => {
      const width = columns - whole * strip
      const list = offsets(Math.ceil(width / b.lanes)).map((offset) => {
        const at = LaneAffine.of(whole * strip + offset)
        return { offset, within: b.range(at, 0, columns) }
      })
      body(LaneAffine.of(whole), list)
    }
    const all = offsets(strip / b.lanes).map((offset) => ({ offset, within: null }))
    if (whole === 0) narrow()
    else b.when(number, 0, whole, (n) => body(LaneAffine.of(n), all), whole < strips ? narrow : undefined)
  }

  /** Code for large tiles and for small ones. */
  private eachTile(number: LaneAffine, body: (row: LaneAffine, rows: number) => void): void {
    const { size, large, small } = this.schedule.tiles
    this.b.when(
      number,
      0,
      large,
      (n) => body(LaneAffine.of(n).times(size), size),
      () => {
        if (small === 0) return
        this.b.when(number, large, large + small, (n) =>
          body(
            LaneAffine.of(n)
              .times(size - 1)
              .plus(large),
            size - 1,
          ),
        )
      },
    )
  }

  private eachPosition(
    list: Region['inside'],
    axes: readonly LaneAffine[],
    number: LaneAffine,
    body: (axes: readonly LaneAffine[], number: LaneAffine) => void,
  ): void {
    const [first, ...others] = list
    if (first === undefined) {
      body(axes, number)
      return
    }
    const { axis, run } = first
    this.b.loop(run, (i) => {
      const at = LaneAffine.of(i)
      this.eachPosition(others, axes.with(axis, at), number.times(run.count).plus(ordinal(i, run)), body)
    })
  }

  /** The axes of a tile's first row. */
  private placed({ axes, row }: Tile): readonly LaneAffine[] {
    const { tileAxis } = this.schedule
    const placed = tileAxis < 0 ? axes : axes.with(tileAxis, row)
    return this.begin ? placed.with(0, placed[0]!.plus(this.begin)) : placed
  }

  /** The sums of a block, one register for each vector of a tile. */
  private block({ rows, columns, strip }: Tile, axes: readonly LaneAffine[], loops: BlockLoops): Register[] {
    const zero = (): Register => this.b.variable(this.zero())
    const sums = Array.from({ length: rows * columns.length }, zero)
    const results = axes.slice(0, this.lane + 1)
    /** What `body` adds up, unless it is zero. */
    const enter: Enter = (axis, summed, body) => {
      const here = [...results, ...summed]
      const inside = (list: readonly Condition[]): void => {
        const [condition, ...others] = list
        if (!condition) body()
        else this.b.when(at(condition.value, here), condition.low, condition.high, () => inside(others))
      }
      inside(this.conditions[axis]!)
    }
    loops((summed) => this.multiply(sums, rows, columns, axes, strip, summed), enter)
    return sums
  }

  private eachVector(tile: Tile, visit: (i: number, row: number, column: Column) => void): void {
    const { rows, columns } = tile
    for (let r = 0; r < rows; r++) for (const [c, column] of columns.entries()) visit(r * columns.length + c, r, column)
  }

  /** A tile whose sums are one block. */
  private tile(sums: BufferParameter | undefined, tile: Tile): void {
    const { b, blocks } = this
    const axes = this.placed(tile)
    const width = this.schedule.strip
    this.prefetchEpilogue(tile, axes)
    const target = this.target(axes, tile.strip)
    blocks.eachBlock(b, (loops) => {
      const block = this.block(tile, axes, loops)
      this.eachVector(tile, (i, row, column) => {
        if (sums) b.store(sums, row * width + column.offset, block[i]!)
        else this.store(block[i]!, target.plus(row * this.rowStep), column)
      })
    })
    if (sums) this.finish(sums, tile)
  }

  /** What the epilogue reads of each row is on its way while the sums are computed. */
  private prefetchEpilogue(tile: Tile, axes: readonly LaneAffine[]): void {
    const { b, args, kernel, lane } = this
    const { tileAxis, strip: width } = this.schedule
    if (!kernel.epilogue || tileAxis < 0) return
    for (const { node, at: from } of loadsIn(kernel.epilogue)) {
      const step = from.terms[tileAxis]!
      if (node === kernel.source || step === 0 || from.terms[lane] !== 1) continue
      const first = at(from, axes.with(lane, tile.strip.times(width))).plus(args.offset(node))
      this.eachVector(tile, (_, row, { offset }) => {
        b.prefetch(args.buffer(node), first.plus(row * step + offset))
      })
    }
  }

  /** Adds a block of a tile to its sums, which the first one begins, and the last one turns into results. */
  private addBlock(sums: BufferParameter, tile: Tile, loops: BlockLoops, { number, last, count }: Turn): void {
    const { b, kernel } = this
    const axes = this.placed(tile)
    b.when(number, last, last + 1, () => this.prefetchEpilogue(tile, axes))
    const block = this.block(tile, axes, loops)
    const place = (row: number, column: Column): LaneAffine => tile.sums.plus(row * this.schedule.strip + column.offset)
    const sum = (i: number, row: number, column: Column): Register =>
      this.add(b.load(sums, place(row, column)), block[i]!)
    const begin = (): void => this.eachVector(tile, (i, row, column) => b.store(sums, place(row, column), block[i]!))
    const goOn = (): void =>
      this.eachVector(tile, (i, row, column) => b.store(sums, place(row, column), sum(i, row, column)))
    const end = (): void => {
      if (kernel.epilogue) {
        goOn()
        this.finish(sums, tile)
        return
      }
      const target = this.target(axes, tile.strip)
      this.eachVector(tile, (i, row, column) =>
        this.store(sum(i, row, column), target.plus(row * this.rowStep), column),
      )
    }
    b.when(number, 0, 1, begin, () => (count === 2 ? end() : b.when(number, 1, last, goOn, end)))
  }

  /** The innermost step: a vector of b for each column, an element of a for each row. */
  private multiply(
    block: readonly Register[],
    rows: number,
    columns: readonly Column[],
    axes: readonly LaneAffine[],
    strip: LaneAffine,
    summed: readonly LaneAffine[],
  ): void {
    const { b, product, inputs, lane } = this
    const here = [...axes.slice(0, lane + 1), ...summed]
    const [left, right] = this.kernel.source.inputs as [Node, Node]
    const first = at(product.a, here).plus(this.args.offset(left))
    const start = at(product.b, here.with(lane, LaneAffine.of(0)))
      .plus(strip.times(this.stripStep()))
      .plus(this.args.offset(right))
    const vectors = columns.map(({ offset, within }) =>
      b.load(inputs[1], start.plus(offset), { within: this.isPlain() ? within : null }),
    )
    const step = this.schedule.tileAxis < 0 ? 0 : product.a.terms[this.schedule.tileAxis]!
    for (let r = 0; r < rows; r++) {
      const element = b.splat(inputs[0], first.plus(r * step))
      for (const [c, vector] of vectors.entries()) {
        const sum = block[r * columns.length + c]!
        b.set(sum, this.whole ? b.iadd(b.imul(element, vector), sum) : b.fma(element, vector, sum))
      }
    }
  }

  private isPlain(): boolean {
    return this.product.panel.step === this.product.panel.width
  }

  /** Elements between strips of b. */
  private stripStep(): number {
    return this.isPlain() ? this.schedule.strip : this.product.panel.step
  }

  private zero(): Constant {
    return this.whole ? this.b.int(0) : this.b.float(0)
  }

  private add(x: Register, y: Register): Register {
    return this.whole ? this.b.iadd(x, y) : this.b.add(x, y)
  }

  /** Turns the sums of a tile into results, row by row. */
  private finish(sums: BufferParameter, tile: Tile): void {
    const { b, emitter, kernel } = this
    const { tileAxis, strip: width } = this.schedule
    const axes = this.placed(tile)
    const { strip } = tile
    b.loop({ count: tile.rows }, (r) => {
      const here = tileAxis < 0 ? axes : axes.with(tileAxis, axes[tileAxis]!.plus(r))
      const target = this.target(here, strip)
      for (const column of tile.columns) {
        emitter.scope(() => {
          const sum = b.load(sums, LaneAffine.of(r).times(width).plus(tile.sums).plus(column.offset))
          const { epilogue, source } = kernel
          if (!epilogue) {
            this.store(sum, target, column)
            return
          }
          emitter.remember(epilogue, new Map([[source, sum]]))
          const lane = strip.times(width).plus(column.offset)
          const place = { axes: here.with(this.lane, lane), vector: this.lane, within: column.within }
          this.store(emitter.value(epilogue, place), target, column)
        })
      }
    })
  }

  /** Where the first column of a strip is stored. */
  private target(axes: readonly LaneAffine[], strip: LaneAffine): LaneAffine {
    const here = axes.with(this.lane, strip.times(this.schedule.strip))
    const begin = this.args.offset(this.kernel.node)
    return this.strides.reduce((sum, stride, axis) => sum.plus(here[axis]!.times(stride)), begin)
  }

  /** `target` is that of the strip. */
  private store(value: Register, target: LaneAffine, { offset, within }: Column): void {
    const { b } = this
    const stored = value.type === 'mask' ? b.select(value, b.int(1), b.int(0)) : value
    b.store(this.args.buffer(this.kernel.node), target.plus(offset), stored, { within })
  }
}

function at(a: Affine, axes: readonly LaneAffine[]): LaneAffine {
  return a.terms.reduce((sum, term, axis) => sum.plus(axes[axis]!.times(term)), LaneAffine.of(a.offset))
}
