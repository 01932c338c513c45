import { stridesOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { Affine as LaneAffine } from '../lane/affine.ts'
import { LaneBuilder } from '../lane/builder.ts'
import type { BufferParameter, LaneRange, Register } from '../lane/program.ts'
import type { Affine } from '../schedule/affine.ts'
import type { Product, ProductKernel } from '../schedule/product.ts'
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
import { cutSummedAxes, type SummedBlocks } from './summed-blocks.ts'

/**
 * Lane code of a product: tiles of the result stay in registers while the summed axes run. Sums are cut into blocks by
 * the shape alone; each block is one chain of fused multiply-adds from zero, and block sums are added in order.
 */
export function productCode(
  kernel: ProductKernel,
  lanes: number,
  labels: IndexLabels,
  limits: TileLimits = tileLimits(lanes),
): KernelCode {
  const joined = joinProductAxes(kernel)
  const schedule = scheduleProduct(joined.product, lanes, limits)
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
  const schedule = scheduleProduct(joined.product, b.lanes, tileLimits(b.lanes))
  new ProductWriter(joined, schedule, b, args, emitter, begin).writeWhole()
}

function chunkCount({ extents }: Product, schedule: ProductSchedule): number {
  const { outerAxes, tiles, chunkTiles, chunkStrips, strips } = schedule
  const outer = outerAxes.reduce((count, axis) => count * extents[axis]!, 1)
  return outer * Math.ceil(countOf(tiles) / chunkTiles) * Math.ceil(strips / chunkStrips)
}

const countOf = ({ large, small }: Parts): number => large + small

/** One vector of a tile's columns. */
interface Column {
  /** Elements from the first column of the strip. */
  readonly offset: number
  readonly within: LaneRange | null
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
  /** Sums of the tile that is being computed, where they do not go from registers to the result. */
  private readonly sums: BufferParameter | undefined
  /** Sums of its last block, where there are several. */
  private readonly part: BufferParameter | undefined

  /** Position on the first axis at which the rows of the product begin; null: at 0. */
  private readonly begin: LaneAffine | null

  constructor(
    kernel: ProductKernel,
    schedule: ProductSchedule,
    b: LaneBuilder,
    args: Arguments,
    emitter: ExpressionEmitter,
    begin: LaneAffine | null = null,
  ) {
    this.kernel = kernel
    const { product, source, node, epilogue } = kernel
    this.product = product
    this.lane = product.resultAxes - 1
    if (product.b.terms[this.lane] !== 1 || product.a.terms[this.lane] !== 0)
      throw new Unsupported('a product whose lanes are apart')
    this.schedule = schedule
    this.blocks = cutSummedAxes(product.extents.slice(product.resultAxes))
    this.b = b
    this.args = args
    this.emitter = emitter
    this.begin = begin
    this.whole = source.dtype === 'int32'
    const [left, right] = source.inputs
    this.inputs = [this.args.buffer(left!), this.args.buffer(right!)]
    if (!elementType(node.dtype)) throw new Unsupported(`${node.dtype} results`)
    const { strip, tiles } = this.schedule
    const tile = (name: string): BufferParameter =>
      this.args.scratch(name, this.whole ? 'i32' : 'f32', tiles.size * strip)
    if (epilogue || !this.blocks.single) this.sums = tile('sums')
    if (!this.blocks.single) this.part = tile('part')
  }

  private get tileCount(): number {
    return countOf(this.schedule.tiles)
  }

  /** All tiles, one after the other. */
  writeWhole(): void {
    const { b, product, schedule, lane } = this
    const { strips, tileAxis } = schedule
    const others = [...product.extents.slice(0, lane).keys()].filter((axis) => axis !== tileAxis)
    b.loop({ count: strips, limit: strips }, (number) => {
      this.eachStrip(LaneAffine.of(number), (strip, columns) => {
        this.eachPosition(
          others,
          product.extents.map(() => LaneAffine.of(0)),
          (inside) => {
            b.loop({ count: this.tileCount, limit: this.tileCount }, (tile) => {
              this.eachTile(LaneAffine.of(tile), (row, rows) => this.tile(inside, row, rows, strip, columns))
            })
          },
        )
      })
    })
  }

  /** The tiles of one chunk. */
  writeChunk(): void {
    const { b, schedule, product } = this
    const { outerAxes, innerAxes, chunkTiles, chunkStrips, strips } = schedule
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
    const firstStrip = take(Math.ceil(strips / chunkStrips)).times(chunkStrips)
    const firstTile = take(Math.ceil(this.tileCount / chunkTiles)).times(chunkTiles)
    let axes = product.extents.map(() => LaneAffine.of(0))
    for (const axis of [...outerAxes].reverse()) axes = axes.with(axis, take(product.extents[axis]!))
    b.loop({ begin: firstStrip, count: chunkStrips, limit: strips }, (number) => {
      this.eachStrip(LaneAffine.of(number), (strip, columns) => {
        this.eachPosition(innerAxes, axes, (inside) => {
          b.loop({ begin: firstTile, count: chunkTiles, limit: this.tileCount }, (tile) => {
            this.eachTile(LaneAffine.of(tile), (row, rows) => this.tile(inside, row, rows, strip, columns))
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
    list: readonly number[],
    axes: readonly LaneAffine[],
    body: (axes: readonly LaneAffine[]) => void,
  ): void {
    const [axis, ...others] = list
    if (axis === undefined) {
      body(axes)
      return
    }
    this.b.loop({ count: this.product.extents[axis]! }, (i) =>
      this.eachPosition(others, axes.with(axis, LaneAffine.of(i)), body),
    )
  }

  private tile(
    outside: readonly LaneAffine[],
    row: LaneAffine,
    rows: number,
    strip: LaneAffine,
    columns: readonly Column[],
  ): void {
    const { b, sums, blocks } = this
    const { tileAxis } = this.schedule
    const placed = tileAxis < 0 ? outside : outside.with(tileAxis, row)
    const axes = this.begin ? placed.with(0, placed[0]!.plus(this.begin)) : placed
    const each = (visit: (r: number, column: Column, i: number) => void): void => {
      for (let r = 0; r < rows; r++)
        for (const [c, column] of columns.entries()) visit(r, column, r * columns.length + c)
    }
    const width = this.schedule.strip
    const target = this.part ?? sums
    const zero = (): Register => b.variable(this.whole ? b.int(0) : b.float(0))
    if (this.part) this.eachRow(rows, columns, (place) => b.store(sums!, place, zero()))
    blocks.eachBlock(b, (summedLoops) => {
      const block: Register[] = []
      each(() => block.push(zero()))
      summedLoops((summed) => this.multiply(block, rows, columns, axes, strip, summed))
      each((r, column, i) => {
        if (target) b.store(target, r * width + column.offset, block[i]!)
        else this.store(block[i]!, axes, r, strip, column)
      })
      const { part } = this
      if (part)
        this.eachRow(rows, columns, (place) =>
          b.store(sums!, place, this.add(b.load(sums!, place), b.load(part, place))),
        )
    })
    if (sums) this.finish(sums, rows, axes, strip, columns)
  }

  /** A loop over the rows of a tile in working memory. */
  private eachRow(rows: number, columns: readonly Column[], body: (place: LaneAffine) => void): void {
    this.b.loop({ count: rows }, (r) => {
      for (const { offset } of columns) body(LaneAffine.of(r).times(this.schedule.strip).plus(offset))
    })
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

  private add(x: Register, y: Register): Register {
    return this.whole ? this.b.iadd(x, y) : this.b.add(x, y)
  }

  /** Turns the sums of a tile into results, row by row. */
  private finish(
    sums: BufferParameter,
    rows: number,
    axes: readonly LaneAffine[],
    strip: LaneAffine,
    columns: readonly Column[],
  ): void {
    const { b, emitter, kernel } = this
    const { tileAxis, strip: width } = this.schedule
    b.loop({ count: rows }, (r) => {
      const here = tileAxis < 0 ? axes : axes.with(tileAxis, axes[tileAxis]!.plus(r))
      for (const column of columns) {
        emitter.scope(() => {
          const sum = b.load(sums, LaneAffine.of(r).times(width).plus(column.offset))
          const { epilogue, source } = kernel
          if (!epilogue) {
            this.store(sum, here, 0, strip, column)
            return
          }
          emitter.remember(epilogue, new Map([[source, sum]]))
          const lane = strip.times(width).plus(column.offset)
          const place = { axes: here.with(this.lane, lane), vector: this.lane, within: column.within }
          this.store(emitter.value(epilogue, place), here, 0, strip, column)
        })
      }
    })
  }

  private store(value: Register, axes: readonly LaneAffine[], row: number, strip: LaneAffine, column: Column): void {
    const { b, lane, product } = this
    const { tileAxis, strip: width } = this.schedule
    const strides = stridesOf(product.extents.slice(0, product.resultAxes))
    const here = axes.slice(0, lane + 1).with(lane, strip.times(width).plus(column.offset))
    const begin = this.args.offset(this.kernel.node)
    let target = strides.reduce((sum, stride, axis) => sum.plus(here[axis]!.times(stride)), begin)
    if (tileAxis >= 0) target = target.plus(row * strides[tileAxis]!)
    const stored = value.type === 'mask' ? b.select(value, b.int(1), b.int(0)) : value
    b.store(this.args.buffer(this.kernel.node), target, stored, { within: column.within })
  }
}

function at(a: Affine, axes: readonly LaneAffine[]): LaneAffine {
  return a.terms.reduce((sum, term, axis) => sum.plus(axes[axis]!.times(term)), LaneAffine.of(a.offset))
}
