import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocate, convertValues, type DType, toStorage, toValues } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import { lanesOf } from '../codegen/x64/emit.ts'
import { interpret } from '../graph/interpret.ts'
import type { Node } from '../graph/node.ts'
import { cumulative } from '../graph/ops/cumulative.ts'
import { scatter } from '../graph/ops/indexing.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { argPool, type Pool } from '../graph/ops/windows.ts'
import { type Binding as LaneBinding, type IndexReport, interpret as interpretLanes } from '../lane/interpret.ts'
import { verifyBounds } from '../lane/verify.ts'
import { leaf } from '../../test/random/graphs.ts'
import { runNative, runnableSets } from '../../test/native/run-lane.ts'
import { wholeCode } from './whole.ts'

const labels = { numberOf: () => 7 }

interface Outcome {
  readonly values: number[]
  readonly report: IndexReport | null
}

/** A kernel's results by the lane interpreter with 8 and 16 lanes, and by both instruction sets where this machine has them. */
function outcomes(node: Node): Outcome[] {
  const run = (
    lanes: number,
    machine: (code: ReturnType<typeof wholeCode>, own: LaneBinding[]) => IndexReport | null,
  ) => {
    const code = wholeCode(node, lanes, labels)
    verifyBounds(code.program)
    const out = allocate(node.dtype, sizeOf(node.shape))
    const own = code.bindings.map((binding): LaneBinding => {
      if (binding.kind !== 'buffer') return null
      return (binding.node === node ? out : binding.node.value!.slice()) as Float32Array
    })
    const report = machine(code, own)
    return { values: [...toValues(out, node.dtype)], report }
  }
  const interpreted = [8, 16].map((lanes) => run(lanes, ({ program }, own) => interpretLanes(program, own)))
  const native = runnableSets.flatMap((set) =>
    (['start', 'end'] as const).map((side) =>
      run(lanesOf(set), ({ program }, own) => runNative(program, set, own, side)),
    ),
  )
  return [...interpreted, ...native]
}

function check(node: Node, tolerance = 1e-5): void {
  const wanted = toValues(interpret([node])[0]!, node.dtype)
  for (const { values, report } of outcomes(node)) {
    expect(report).toBeNull()
    for (const [i, b] of wanted.entries()) {
      const a = values[i]!
      if (!Object.is(a, b) && !(Math.abs(a - b) <= 1e-6 + tolerance * Math.abs(b)))
        expect.fail(`${node.op.name} ${JSON.stringify(node.attrs)}, element ${i}: ${a} is not ${b}`)
    }
  }
}

/** Whole numbers of a dtype in [low, high). */
function whole(dtype: DType, shape: readonly number[], low: number, high: number, seed = 1): Node {
  const values = Float64Array.from(
    { length: sizeOf(shape) },
    (_, i) => low + (Math.abs(Math.imul(seed * 31 + i, 0x9e3779b1) >> 7) % (high - low)),
  )
  return buffer(toStorage(convertValues(values, dtype), dtype), shape, dtype)
}

/** Numbers with NaN and infinities among them. */
function wild(shape: readonly number[]): Node {
  const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => {
    const special = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
    return i % 11 === 4 ? special[((i / 11) % 3) | 0]! : Math.sin(i * 7.3) * 3
  })
  return buffer(values, shape, 'float32')
}

describe('scatter', () => {
  test('rows of a table, columns, single elements', () => {
    check(scatter(leaf([10, 70]), whole('int32', [25, 1], 0, 10), leaf([25, 70], 2), 0, 'add'))
    check(scatter(leaf([3, 10, 5]), whole('int32', [3, 7, 1], 0, 10), leaf([3, 7, 5], 2), 1, 'add'))
    check(scatter(leaf([3, 10, 5]), whole('int32', [1, 7, 1], 0, 10), leaf([3, 7, 5], 2), 1, 'set'))
    check(scatter(leaf([6, 9]), whole('int32', [6, 20], 0, 9), leaf([6, 20], 2), 1, 'add'))
    check(scatter(leaf([9, 21]), whole('int32', [13, 21], 0, 9), leaf([13, 21], 2), 0, 'add'))
    check(scatter(leaf([4, 5, 6]), whole('int32', [1, 3, 6], 0, 5), leaf([4, 3, 6], 2), 1, 'add'))
    check(scatter(leaf([12]), whole('int32', [40], 0, 12), leaf([40], 2), 0, 'prod'))
  })

  test('every kind, every dtype that lanes hold', () => {
    for (const kind of ['add', 'set', 'prod', 'max', 'min'] as const) {
      check(scatter(wild([5, 18]), whole('int32', [9, 1], 0, 5), wild([9, 18]), 0, kind))
      const at = whole('int32', [9, 7], 0, 5)
      check(scatter(whole('int32', [5, 7], -9, 9), at, whole('int32', [9, 7], -9, 9, 2), 0, kind))
      check(scatter(whole('uint8', [5, 7], 0, 99), at, whole('uint8', [9, 7], 0, 99, 2), 0, kind))
    }
    check(scatter(whole('bool', [5, 7], 0, 2), whole('int32', [3, 1], 0, 5), whole('bool', [3, 7], 0, 2, 3), 0, 'set'))
  })

  test('random shapes', () => {
    const extent = fc.integer({ min: 1, max: 40 })
    fc.assert(
      fc.property(
        fc.array(extent, { minLength: 1, maxLength: 3 }),
        fc.nat(2),
        extent,
        fc.boolean(),
        (shape, d, n, rows) => {
          const dim = d % shape.length
          const index = shape.map((extent, k) => (k === dim ? n : rows && k > dim ? 1 : extent))
          if (sizeOf(shape) > 4000 || sizeOf(shape.with(dim, n)) > 4000) return
          check(
            scatter(leaf(shape), whole('int32', index, 0, shape[dim]!), leaf(shape.with(dim, n), 2), dim, 'add'),
            1e-4,
          )
        },
      ),
      { numRuns: 40, seed: 20261125 },
    )
  })

  test('an index out of range is reported and writes nowhere else', () => {
    for (const bad of [-1, 10, 2 ** 30]) {
      const index = buffer(Int32Array.of(3, bad, 5), [3, 1], 'int32')
      const node = scatter(leaf([10, 33]), index, leaf([3, 33], 2), 0, 'add')
      for (const { report } of outcomes(node)) expect(report).toEqual({ op: 7, index: bad, size: 10, position: 1 })
    }
  })

  test('nothing to write, nothing to write to', () => {
    check(scatter(leaf([4, 3]), whole('int32', [0, 1], 0, 1), leaf([0, 3]), 0, 'add'))
    check(scatter(leaf([4, 0]), whole('int32', [2, 1], 0, 4), leaf([2, 0]), 0, 'add'))
  })

  test('sums do not depend on how chunks are dealt out: each place belongs to one', () => {
    const node = scatter(leaf([50, 300]), whole('int32', [400, 1], 0, 50), leaf([400, 300], 2), 0, 'add')
    expect(wholeCode(node, 16, labels).program.chunks).toBe(5)
    check(node, 1e-4)
  })
})

describe('argPool', () => {
  const pools: readonly [readonly number[], Partial<Pool>][] = [
    [[2, 3, 8, 6], { kernel: [2, 2], stride: [2, 2] }],
    [[1, 2, 7, 45], { kernel: [3, 3], stride: [2, 2], low: [1, 1], high: [1, 1] }],
    [[1, 2, 7, 37], { kernel: [2, 3], stride: [3, 1], dilation: [2, 1] }],
    [[2, 2, 41], { kernel: [3], stride: [2], low: [1], high: [0] }],
    [[1, 1, 4, 4, 35], { kernel: [2, 2, 2], stride: [2, 2, 1], low: [1, 0, 1], high: [1, 1, 0] }],
    [[1, 1, 3, 3], { kernel: [3, 3], stride: [1, 1], low: [1, 1], high: [1, 1] }],
    [[3, 20, 4, 4], { kernel: [4, 4], stride: [4, 4] }],
  ]
  const pooled = (x: Node, partial: Partial<Pool>): Node => {
    const fill = (value: number): number[] => new Array<number>(x.shape.length - 2).fill(value)
    return argPool(x, { kernel: fill(2), stride: fill(2), low: fill(0), high: fill(0), dilation: fill(1), ...partial })
  }

  test('strides, padding, dilation, one to three dimensions', () => {
    for (const [shape, pool] of pools) check(pooled(leaf(shape), pool))
  })

  test('windows along other dimensions than the last', () => {
    for (const [shape, pool] of pools) {
      const [n, c, ...space] = shape as [number, number, ...number[]]
      const dims = [...space.keys()]
      for (const channels of [c, 16, 37]) check(pooled(wild([...space, n, channels]), { ...pool, dims }))
      check(pooled(whole('int32', [n, ...space, 20], -2, 2), { ...pool, dims: dims.map((dim) => dim + 1) }))
    }
  })

  test('ties, NaN, infinities, whole numbers', () => {
    for (const [shape, pool] of pools) {
      check(pooled(wild(shape), pool))
      check(pooled(whole('int32', shape, -2, 2), pool))
    }
    const nothing = buffer(new Float32Array(64).fill(Number.NEGATIVE_INFINITY), [1, 1, 8, 8], 'float32')
    check(pooled(nothing, { kernel: [3, 3], stride: [1, 1], low: [1, 1], high: [1, 1] }))
  })
})

describe('cumulative', () => {
  test('along every dimension, both ways', () => {
    for (const shape of [[5, 7, 33], [40, 9], [100], [3, 1, 2], [1, 300]]) {
      for (const dim of shape.keys()) {
        for (const reverse of [false, true]) {
          check(cumulative(leaf(shape), 'sum', dim, reverse))
          check(cumulative(leaf(shape), 'logSumExp', dim, reverse))
          check(cumulative(leaf(shape), 'max', dim, reverse))
        }
      }
    }
  })

  test('every kind, with NaN and infinities, and of whole numbers', () => {
    for (const kind of ['sum', 'prod', 'max', 'min', 'logSumExp'] as const) {
      check(cumulative(wild([6, 21]), kind, 1), 1e-4)
      check(cumulative(wild([21, 20]), kind, 0), 1e-4)
      if (kind !== 'logSumExp') check(cumulative(whole('int32', [6, 21], -9, 9), kind, 1))
    }
    check(cumulative(whole('uint8', [6, 21], 0, 200), 'sum', 1))
  })

  test('a long sum loses nothing to rounding', () => check(cumulative(leaf([2, 30_000]), 'sum', 1), 2e-6))
})
