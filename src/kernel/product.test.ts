import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toValues, type Values } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import { interpret } from '../graph/interpret.ts'
import type { Node } from '../graph/node.ts'
import { relu } from '../graph/ops/activation.ts'
import { add, mul } from '../graph/ops/arithmetic.ts'
import { contract, matmul } from '../graph/ops/contract.ts'
import { buffer, constant, scalar } from '../graph/ops/leaves.ts'
import { cast } from '../graph/ops/logic.ts'
import { exp } from '../graph/ops/transcendental.ts'
import { conv, convolvedSize, type Convolution } from '../graph/ops/conv.ts'
import { permute } from '../graph/ops/views.ts'
import { aperiodicLeaf as leaf } from '../../test/random/graphs.ts'
import { runnableSets } from '../../test/native/run-lane.ts'
import { type Machine, type Outcome, runProducts } from '../../test/native/run-products.ts'

const machines: readonly Machine[] = [
  { set: 'avx512', native: false },
  { set: 'avx2', native: false },
  ...runnableSets.flatMap((set): Machine[] => [
    { set, native: true, side: 'end' },
    { set, native: true, side: 'start' },
  ]),
]

/** The graph on every machine, against the reference interpreter. */
function check(roots: readonly Node[], use: readonly Machine[] = machines): Outcome {
  const wanted = interpret(roots).map((array, i) => toValues(array, roots[i]!.dtype))
  let last: Outcome | undefined
  for (const machine of use) {
    last = runProducts(roots, machine)
    for (const [i, values] of wanted.entries()) expectClose(last.values[i]!, values, JSON.stringify(machine))
  }
  return last!
}

function expectClose(actual: Values, wanted: Values, what: string): void {
  expect(actual.length).toBe(wanted.length)
  let scale = 1
  for (const value of wanted) scale = Math.max(scale, Math.abs(value))
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [actual[i]!, wanted[i]!]
    if (!(Math.abs(a - b) <= 4e-6 * scale + 1e-5 * Math.abs(b))) expect.fail(`${what}, element ${i}: ${a} is not ${b}`)
  }
}

const native: readonly Machine[] = machines.filter((machine) => machine.native)

const plainConvolution = (rank: number): Convolution => ({
  stride: new Array(rank).fill(1),
  low: new Array(rank).fill(0),
  high: new Array(rank).fill(0),
  inputDilation: new Array(rank).fill(1),
  kernelDilation: new Array(rank).fill(1),
})

describe('convolutions', () => {
  test('plain, strided, padded, grouped, in one to three dimensions', () => {
    expect(check([conv(leaf([2, 1, 3, 9, 8]), leaf([1, 20, 3, 3, 3], 2), plainConvolution(2))]).products).toBe(1)
    const strided = { ...plainConvolution(2), stride: [2, 3], low: [1, 2], high: [2, 0] }
    check([conv(leaf([2, 1, 3, 9, 8]), leaf([1, 5, 3, 3, 3], 2), strided)])
    check([conv(leaf([2, 3, 4, 7]), leaf([3, 6, 4, 3], 2), { ...plainConvolution(1), low: [1], high: [1] })])
    check([conv(leaf([1, 1, 2, 4, 5, 6]), leaf([1, 3, 2, 2, 2, 2], 2), plainConvolution(3))])
    check([
      conv(leaf([4, 8, 1, 9, 9]), leaf([8, 1, 1, 3, 3], 2), { ...plainConvolution(2), low: [1, 1], high: [1, 1] }),
    ])
  })

  test('taps on the padding are left out, the rows of a tile being images', () => {
    const attrs = { ...plainConvolution(2), low: [1, 1], high: [1, 1] }
    const strided = { ...attrs, stride: [2, 2] }
    for (const each of [attrs, strided])
      check([conv(leaf([16, 1, 16, 4, 4]), leaf([1, 20, 16, 3, 3], 2), each)], native)
    // A gradient of the weight: its kernel is larger than its result, its channels are the batch.
    check([conv(leaf([20, 1, 16, 4, 4]), leaf([1, 20, 16, 4, 4], 2), attrs)], native)
    check([conv(leaf([20, 1, 16, 6, 5]), leaf([1, 20, 16, 3, 3], 2), { ...attrs, kernelDilation: [2, 2] })], native)
  })

  test('weight gradients, cropping, dilation', () => {
    check([conv(leaf([3, 1, 4, 9, 8]), leaf([1, 5, 4, 7, 6], 2), plainConvolution(2))])
    const all = { stride: [1, 2], low: [-1, 2], high: [3, -2], inputDilation: [2, 1], kernelDilation: [1, 2] }
    check([conv(leaf([2, 2, 3, 7, 9]), leaf([2, 17, 3, 3, 2], 2), all)])
    check([conv(leaf([32, 1, 3, 12, 12]), leaf([1, 40, 3, 10, 10], 2), plainConvolution(2))], native)
  })

  test('random convolutions', () => {
    const small = fc.integer({ min: 1, max: 3 })
    const dimension = fc.record({
      size: fc.integer({ min: 1, max: 7 }),
      kernel: fc.integer({ min: 1, max: 4 }),
      stride: small,
      low: fc.integer({ min: -1, max: 2 }),
      high: fc.integer({ min: -1, max: 2 }),
      inputDilation: fc.integer({ min: 1, max: 2 }),
      kernelDilation: fc.integer({ min: 1, max: 2 }),
    })
    const channels = fc.constantFrom(1, 2, 3, 16, 17, 35)
    const dimensions = fc.array(dimension, { minLength: 1, maxLength: 2 })
    fc.assert(
      fc.property(dimensions, small, small, channels, channels, (dims, batch, groups, inputs, outputs) => {
        const attrs: Convolution = {
          stride: dims.map(({ stride }) => stride),
          low: dims.map(({ low }) => low),
          high: dims.map(({ high }) => high),
          inputDilation: dims.map(({ inputDilation }) => inputDilation),
          kernelDilation: dims.map(({ kernelDilation }) => kernelDilation),
        }
        fc.pre(dims.every((d) => (d.size - 1) * d.inputDilation + 1 + Math.min(d.low, 0) + Math.min(d.high, 0) > 0))
        const x = leaf([batch, groups, inputs, ...dims.map(({ size }) => size)])
        const w = leaf([groups, outputs, inputs, ...dims.map(({ kernel }) => kernel)], 2)
        fc.pre(dims.every(({ kernel }, d) => convolvedSize(x.shape[d + 3]!, kernel, d, attrs) >= 0))
        check([conv(x, w, attrs)], sizeOf(x.shape) * sizeOf(w.shape) < 20_000 ? machines : native)
      }),
      { numRuns: 60, seed: 20261126 },
    )
  })
})

describe('products', () => {
  test('rows that lie side by side and far apart', () => {
    check([matmul(permute(leaf([20, 384]), [1, 0]), leaf([20, 70], 2))])
    check([matmul(permute(leaf([2, 3, 300, 320]), [0, 1, 3, 2]), leaf([2, 3, 300, 65], 2))], native)
  })

  test('sizes around tiles, vectors and panels', () => {
    for (const [m, k, n] of [
      [2, 2, 2],
      [10, 65, 10],
      [65, 10, 65],
      [14, 3, 32],
      [15, 5, 33],
      [64, 7, 31],
      [3, 300, 5],
    ]) {
      expect(check([matmul(leaf([m!, k!]), leaf([k!, n!], 2))]).products).toBe(1)
    }
  })

  test('one row, one column, one step, none', () => {
    for (const [m, k, n] of [
      [1, 40, 33],
      [33, 40, 1],
      [20, 1, 30],
      [1, 1, 1],
      [3, 0, 4],
      [0, 3, 4],
    ]) {
      check([matmul(leaf([m!, k!]), leaf([k!, n!], 2))])
    }
  })

  test('all transposes, in place and packed', () => {
    const t = (x: Node): Node => permute(x, [1, 0])
    for (const [m, k, n] of [
      [30, 20, 40],
      [100, 70, 600],
    ]) {
      check([matmul(leaf([m!, k!]), t(leaf([n!, k!], 2)))], m === 30 ? machines : native)
      check([matmul(t(leaf([k!, m!])), leaf([k!, n!], 2))], m === 30 ? machines : native)
      check([matmul(t(leaf([k!, m!])), t(leaf([n!, k!], 2)))], m === 30 ? machines : native)
    }
  })

  test('batches, several axes, long sums, crowded strides', () => {
    check([matmul(leaf([3, 9, 8]), leaf([3, 8, 17], 2))])
    check([
      contract(leaf([2, 3, 4, 5]), leaf([5, 2, 6, 4], 2), {
        batch: [[0], [1]],
        reduce: [
          [3, 2],
          [0, 3],
        ],
      }),
    ])
    check([matmul(leaf([16, 1100]), leaf([1100, 40], 2))], native)
    check([matmul(leaf([90, 512]), leaf([512, 512], 2))], native)
    check([
      contract(leaf([7, 20, 30]), leaf([20, 30, 11], 2), {
        batch: [[], []],
        reduce: [
          [1, 2],
          [0, 1],
        ],
      }),
    ])
  })

  test('whole numbers wrap; narrow floats are summed in float32', () => {
    const whole = (shape: readonly number[], seed: number): Node =>
      buffer(
        Int32Array.from({ length: sizeOf(shape) }, (_, i) => Math.imul(i + seed, 0x9e3779b1)),
        shape,
        'int32',
      )
    const roots = [matmul(whole([19, 23], 1), whole([23, 21], 2))]
    const wanted = interpret(roots)[0]!
    for (const machine of machines) expect(runProducts(roots, machine).values[0]).toEqual(wanted)
    const half = (x: Node): Node => cast(cast(x, 'float16'), 'float32')
    check([matmul(half(leaf([9, 30])), half(leaf([30, 20], 2)))])
  })

  test('maps become epilogues', () => {
    const product = matmul(leaf([30, 20]), leaf([20, 40], 2))
    expect(check([relu(add(product, leaf([40], 3)))]).epilogues).toBe(1)
    const scaled = mul(exp(mul(product, constant(0.1))), scalar(0.37, 'float32'))
    expect(check([add(scaled, leaf([30, 40], 4))]).epilogues).toBe(1)
    expect(check([relu(product), exp(mul(product, constant(0.1)))]).epilogues).toBe(0)
    const long = matmul(leaf([20, 700]), leaf([700, 19], 2))
    expect(check([relu(add(long, leaf([20, 1], 3)))], native.length > 0 ? native : machines).epilogues).toBe(1)
    expect(check([permute(relu(product), [1, 0])]).products).toBe(1)
  })

  test('tiles and threads change no bit', () => {
    const roots = [relu(matmul(leaf([61, 600]), leaf([600, 90], 2)))]
    for (const set of runnableSets) {
      const wanted = runProducts(roots, { set, native: true }).values[0]!
      for (const rows of [1, 2, 4, 5, 6]) {
        const { values } = runProducts(roots, { set, native: true, limits: { rows, vectors: 1 } })
        expect(values[0]).toEqual(wanted)
      }
    }
  })

  test('random contractions', () => {
    const size = fc.constantFrom(1, 2, 3, 5, 8, 16, 17, 33)
    const sizes = fc.array(size, { maxLength: 2 })
    fc.assert(
      fc.property(sizes, sizes, sizes, sizes, fc.nat(1000), (batch, m, n, k, seed) => {
        const [a, b] = [
          [...batch, ...m, ...k],
          [...batch, ...n, ...k],
        ]
        fc.pre(sizeOf(a) * sizeOf(n) < 200_000)
        const order = (dims: readonly number[]): number[] =>
          dims.map((_, d) => d).sort((p, q) => Math.sin(seed + 17 * p) - Math.sin(seed + 17 * q))
        const [p, q] = [order(a), order(b)]
        const range = (count: number, from = 0): number[] => Array.from({ length: count }, (_, i) => from + i)
        const x = leaf(p.map((d) => a[d]!))
        const y = leaf(
          q.map((d) => b[d]!),
          2,
        )
        const node = contract(x, y, {
          batch: [range(batch.length).map((d) => p.indexOf(d)), range(batch.length).map((d) => q.indexOf(d))],
          reduce: [
            range(k.length, batch.length + m.length).map((d) => p.indexOf(d)),
            range(k.length, batch.length + n.length).map((d) => q.indexOf(d)),
          ],
        })
        check([node], sizeOf(a) * sizeOf(n) < 4000 ? machines : native)
      }),
      { numRuns: 60, seed: 20261125 },
    )
  })
})
