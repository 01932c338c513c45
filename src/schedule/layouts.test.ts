import { describe, expect, test } from 'vitest'
import { toValues } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import { interpret } from '../graph/interpret.ts'
import type { Node } from '../graph/node.ts'
import { relu } from '../graph/ops/activation.ts'
import { add, div, mul, sub } from '../graph/ops/arithmetic.ts'
import { conv } from '../graph/ops/conv.ts'
import { gather, scatter } from '../graph/ops/indexing.ts'
import { constant } from '../graph/ops/leaves.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { broadcastTo, pad, permute, reshape, sliceDim } from '../graph/ops/views.ts'
import { argPool, window } from '../graph/ops/windows.ts'
import { leaf } from '../../test/random/graphs.ts'
import { argumentsOf, canonicalize } from './canonical.ts'
import { runKernels } from './interpret-kernels.ts'
import { makeKernels } from './kernels.ts'
import { lowerProducts } from './lower-products.ts'

const same = {
  stride: [1, 1],
  low: [1, 1],
  high: [1, 1],
  inputDilation: [1, 1],
  kernelDilation: [1, 1],
}

/** [2, 5, 4, 6], from a convolution of one group. */
function image(x: Node = leaf([2, 3, 4, 6]), seed = 2): Node {
  const [n, c, h, w] = x.shape as [number, number, number, number]
  return reshape(conv(reshape(x, [n, 1, c, h, w]), leaf([1, 5, c, 3, 3], seed), same), [n, 5, h, w])
}

/** Values by kernels are those of the interpreter; gives the permutations that are left, and how many kernels there are. */
function check(...roots: Node[]): { readonly moved: number; readonly kernels: number } {
  const wanted = interpret(roots)
  const recorded = canonicalize(roots)
  argumentsOf(roots).leaves.forEach(({ value }, i) => {
    recorded.leaves[i]!.value = value
  })
  const program = lowerProducts(recorded, { lanes: 8, vectors: 2 })
  const { kernels } = makeKernels(program)
  const results = runKernels(kernels)
  for (const [i, target] of program.targets.entries()) {
    expect(target.shape).toEqual(roots[i]!.shape)
    const values = results.get(target)!
    toValues(wanted[i]!, target.dtype).forEach((value: number, k: number) => {
      if (!(Math.abs(values[k]! - value) <= 1e-5 + 1e-5 * Math.abs(value)))
        expect.fail(`root ${i}, element ${k}: ${values[k]} is not ${value}`)
    })
  }
  return { moved: program.order.filter(({ op }) => op.name === 'permute').length, kernels: kernels.length }
}

describe('layouts', () => {
  test('maps, biases and statistics follow a convolution', () => {
    const x = image()
    const mean = mul(reduce(x, 'sum', [0, 2, 3]), constant(1 / 48))
    const centered = sub(x, broadcastTo(reshape(mean, [1, 5, 1, 1]), x.shape))
    check(relu(add(centered, reshape(leaf([5], 3), [5, 1, 1]))))
    check(add(x, leaf([2, 5, 4, 6], 4)), mean)
  })

  test('convolutions meet without a permutation between them', () => {
    // Packed weights, the padded input and the result the user sees are permuted; nothing between the convolutions is.
    const one = check(relu(image())).kernels
    expect(check(relu(image(relu(image()), 3))).kernels).toBe(one + 3)
  })

  test('maxima of windows', () => {
    const fill = (value: number): number[] => [value, value]
    const plain = { kernel: fill(2), stride: fill(2), low: fill(0), high: fill(0), dilation: fill(1) }
    const overlapping = { ...plain, kernel: [3, 2], stride: [1, 2], low: [1, 0], high: [1, 1] }
    const apart = { ...plain, kernel: [2, 3], stride: fill(1), low: [0, 2], high: [0, 1], dilation: [3, 2] }
    for (const pool of [plain, overlapping, apart]) {
      const x = relu(image())
      const index = argPool(x, pool)
      const places = reshape(index, [2, 5, sizeOf(index.shape.slice(2))])
      const values = gather(reshape(x, [2, 5, 24]), places, 2)
      const gradient = scatter(broadcastTo(constant(0), [2, 5, 24]), places, values, 2, 'add', 'maxPool')
      check(index, relu(reshape(values, index.shape)), mul(reshape(gradient, x.shape), x))
      // No element is alone in being the largest; padding is never chosen.
      check(argPool(mul(x, constant(0)), pool), argPool(sub(mul(x, constant(0)), constant(1)), pool))
      check(argPool(div(x, mul(x, constant(0))), pool), argPool(div(constant(-1), mul(x, constant(0))), pool))
    }
  })

  test('views', () => {
    const x = image()
    const nothing = { low: 0, high: 0, inner: 0 }
    check(pad(x, [nothing, { low: 1, high: 0, inner: 0 }, nothing, { low: -1, high: 2, inner: 0 }]))
    check(sliceDim(relu(x), 1, 1, 4), sliceDim(x, 3, 0, 6, 2))
    check(
      reduce(
        window(window(x, { dim: 2, size: 2, step: 2, dilation: 1 }), { dim: 3, size: 3, step: 1, dilation: 1 }),
        'max',
        [4, 5],
      ),
    )
    check(relu(reshape(x, [2, 120])), relu(reshape(x, [2, 5, 24])), relu(reshape(x, [2, 5, 2, 2, 1, 6])))
    check(relu(permute(x, [1, 0, 3, 2])), reduce(x, 'max', [1]))
    check(relu(broadcastTo(reshape(reduce(x, 'sum', [3]), [2, 5, 4, 1]), [2, 5, 4, 6])))
  })
})
