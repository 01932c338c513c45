import { describe, expect, test } from 'vitest'
import { convertValues, type DType, toStorage, toValues } from '../../core/dtype.ts'
import { sizeOf } from '../../core/shape.ts'
import { interpret } from '../../graph/interpret.ts'
import type { Node } from '../../graph/node.ts'
import { scatter } from '../../graph/ops/indexing.ts'
import { buffer, constant } from '../../graph/ops/leaves.ts'
import { cast } from '../../graph/ops/logic.ts'
import { checkedLabels } from '../../graph/ops/loss.ts'
import { argReduce, reduce } from '../../graph/ops/reduce.ts'
import { broadcastTo, pad, permute, reshape } from '../../graph/ops/views.ts'
import { argPool, fold, type Pool } from '../../graph/ops/windows.ts'
import { leaf } from '../../../test/random/graphs.ts'
import { argumentsOf, canonicalize } from '../canonical.ts'
import { lowerProducts } from '../lower-products.ts'
import { lower } from './lower.ts'

/** Names of the ops that are left after lowering; the values must be those of the graph as it was recorded. */
function check(...roots: Node[]): string[] {
  const expected = interpret(roots)
  const program = lower(lowerProducts(canonicalize(roots), { lanes: 8, vectors: 2 }))
  argumentsOf(roots).leaves.forEach(({ value }, i) => {
    program.leaves[i]!.value = value
  })
  const actual = interpret(program.targets)
  for (const [i, root] of roots.entries()) {
    const [a, b] = [toValues(actual[i]!, root.dtype), toValues(expected[i]!, root.dtype)]
    expect(program.targets[i]!.shape).toEqual(root.shape)
    expect(program.targets[i]!.dtype).toBe(root.dtype)
    for (let k = 0; k < b.length; k++) {
      const close = Object.is(a[k], b[k]) || Math.abs(a[k]! - b[k]!) <= 1e-6 + 1e-5 * Math.abs(b[k]!)
      if (!close) expect.fail(`root ${i}, element ${k}: ${a[k]} is not ${b[k]}`)
    }
  }
  return program.order.map(({ op }) => op.name)
}

/** Whole numbers of a dtype, between low and high. */
function whole(dtype: DType, shape: readonly number[], low: number, high: number, seed = 1): Node {
  const values = Float64Array.from(
    { length: sizeOf(shape) },
    (_, i) => low + (Math.abs(Math.imul(seed + i, 0x9e3779b1) >> 7) % (high - low)),
  )
  return buffer(toStorage(convertValues(values, dtype), dtype), shape, dtype)
}

describe('reductions', () => {
  test('narrow dtypes are reduced in wide ones', () => {
    for (const dtype of ['bool', 'uint8', 'float16', 'bfloat16'] as const) {
      const x = whole(dtype, [5, 7], 0, dtype === 'bool' ? 2 : 9)
      check(reduce(x, 'max', [1]), reduce(x, 'min', [0]))
      if (dtype !== 'bool') check(reduce(x, 'sum', [0, 1]))
    }
  })

  test('long ones are cut into parts that the shape gives', () => {
    const count = (names: readonly string[]): number => names.filter((name) => name === 'reduce').length
    expect(count(check(reduce(leaf([5000, 24]), 'sum', [0])))).toBe(2)
    expect(count(check(reduce(leaf([5003, 24]), 'sum', [0])))).toBe(2)
    expect(count(check(reduce(leaf([5003, 24]), 'max', [0])))).toBe(1)
    expect(count(check(reduce(leaf([5000, 24]), 'max', [0])))).toBe(2)
    expect(count(check(reduce(leaf([100_003]), 'sum', [0])))).toBe(2)
    expect(count(check(reduce(leaf([1, 2, 70_000]), 'sum', [0, 1, 2])))).toBe(3)
    expect(count(check(reduce(leaf([64, 6, 28, 28]), 'sum', [0, 2, 3])))).toBe(2)
    expect(count(check(reduce(leaf([128, 512]), 'sum', [0])))).toBe(1)
    expect(count(check(reduce(leaf([300, 1000]), 'sum', [1])))).toBe(1)
  })

  test('the position of an extreme: the first one, NaN first of all', () => {
    const values = Float32Array.of(1, 3, 3, -2, Number.NaN, 5, Number.NaN, 7, -1, -1, -5, -5)
    const x = buffer(values, [3, 4], 'float32')
    for (const dim of [0, 1])
      expect(check(argReduce(x, 'max', dim), argReduce(x, 'min', dim))).not.toContain('argReduce')
    check(argReduce(whole('int32', [4, 9, 3], -5, 5), 'max', 1), argReduce(whole('bool', [4, 9], 0, 2), 'min', 1))
  })
})

describe('indices', () => {
  test('class labels', () => {
    const target = buffer(Int32Array.of(3, -100, 0, 2), [4], 'int32')
    const attrs = { classes: 4, ignoreIndex: -100, label: 'crossEntropy' }
    expect(check(checkedLabels(target, attrs))).not.toContain('labels')
    const bad = checkedLabels(buffer(Int32Array.of(3, 4), [2], 'int32'), { classes: 4, label: 'nllLoss' })
    expect(() => check(bad)).toThrow('nllLoss')
    const [lowered] = lower(canonicalize([bad])).targets
    expect(lowered!.op.name).not.toBe('labels')
  })

  test('one index a row', () => {
    const index = whole('int32', [6, 1], 0, 9)
    for (const kind of ['add', 'set', 'prod', 'max', 'min'] as const)
      expect(check(scatter(leaf([6, 9]), index, leaf([6, 1], 2), 1, kind))).not.toContain('scatter')
    const column = whole('uint8', [1, 5], 0, 7)
    check(scatter(leaf([7, 5]), column, leaf([1, 5], 2), 0, 'add'))
    check(scatter(leaf([7, 5]), whole('int32', [1, 1], 0, 7), leaf([1, 5], 2), 0, 'add'))
    expect(check(scatter(leaf([7, 5]), whole('int32', [3, 1], 0, 7), leaf([3, 5], 2), 0, 'add'))).toContain('scatter')
  })

  test('partly broadcast indices are spread, half precision is joined in float32', () => {
    check(scatter(leaf([4, 5, 6]), whole('int32', [4, 3, 1], 0, 5), leaf([4, 3, 6], 2), 1, 'add'))
    check(scatter(leaf([2, 4, 5, 6]), whole('uint8', [2, 1, 3, 6], 0, 5), leaf([2, 4, 3, 6], 2), 2, 'add'))
    const half = (shape: readonly number[]): Node => cast(leaf(shape), 'float16')
    const names = check(scatter(half([4, 5]), whole('int32', [3, 1], 0, 4), half([3, 5]), 0, 'add'))
    expect(names).toContain('scatter')
  })
})

describe('windows', () => {
  test('zeros between elements', () => {
    const x = leaf([4, 5])
    for (const [low, high, inner] of [
      [0, 1, 1],
      [0, 0, 2],
      [2, 1, 3],
      [-2, -1, 1],
      [-3, 5, 1],
    ] as const) {
      const padded = pad(x, [
        { low: 1, high: 0, inner: 0 },
        { low, high, inner },
      ])
      const pads = lower(canonicalize([padded])).order.filter(({ op }) => op.name === 'pad')
      expect(pads.every(({ attrs }) => (attrs as { pads: { inner: number }[] }).pads.every((p) => p.inner === 0))).toBe(
        true,
      )
      check(padded)
    }
  })

  test('overlap-add', () => {
    for (const [count, size, step, dilation, extra] of [
      [5, 2, 2, 1, 0],
      [5, 2, 3, 1, 1],
      [5, 3, 2, 1, 0],
      [4, 3, 1, 1, 2],
      [4, 3, 1, 2, 1],
      [4, 3, 2, 3, 1],
      [1, 4, 2, 1, 0],
      [3, 1, 4, 1, 2],
    ] as const) {
      const length = (count - 1) * step + (size - 1) * dilation + 1 + extra
      const folded = fold(leaf([2, count, 3, size]), { dim: 1, size, step, dilation, length })
      expect(check(folded)).not.toContain('fold')
    }
    expect(check(fold(leaf([4, 20]), { dim: 0, size: 20, step: 1, dilation: 1, length: 23 }))).toContain('fold')
  })

  test('the gradient of max pooling', () => {
    const pools: readonly [readonly number[], Partial<Pool>][] = [
      [[2, 3, 8, 6], { kernel: [2, 2], stride: [2, 2] }],
      [[1, 2, 7, 9], { kernel: [3, 3], stride: [2, 2], low: [1, 1], high: [1, 1] }],
      [[1, 2, 7, 5], { kernel: [2, 3], stride: [3, 1], dilation: [2, 1] }],
      [[2, 2, 11], { kernel: [3], stride: [2], low: [1], high: [0] }],
      [[1, 1, 4, 4, 5], { kernel: [2, 2, 2], stride: [2, 2, 1] }],
      [[1, 1, 3, 3], { kernel: [3, 3], stride: [1, 1], low: [1, 1], high: [1, 1] }],
    ]
    for (const [shape, partial] of pools) {
      const rank = shape.length - 2
      const fill = (value: number): number[] => new Array<number>(rank).fill(value)
      const pool = { kernel: fill(2), stride: fill(2), low: fill(0), high: fill(0), dilation: fill(1), ...partial }
      const index = argPool(leaf(shape), pool)
      const size = sizeOf(shape.slice(2))
      const flat = [shape[0]!, shape[1]!, sizeOf(index.shape.slice(2))]
      const zeros = broadcastTo(constant(0), [shape[0]!, shape[1]!, size])
      const gradient = scatter(zeros, reshape(index, flat), leaf(flat, 5), 2, 'add', 'maxPool')
      expect(check(permute(gradient, [0, 1, 2]))).not.toContain('scatter')
    }
  })
})
