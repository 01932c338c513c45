import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocate, toStorage, toValues, type Values } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { add, maximum, mul } from '../graph/ops/arithmetic.ts'
import { relu } from '../graph/ops/activation.ts'
import { logSoftmax, softmax } from '../graph/ops/composite.ts'
import { gather } from '../graph/ops/indexing.ts'
import { buffer, constant, randomBits, scalar } from '../graph/ops/leaves.ts'
import { cast, shiftRightLogical } from '../graph/ops/logic.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { broadcastTo, concat, pad, permute } from '../graph/ops/views.ts'
import { type Binding as LaneBinding, interpret as interpretLanes } from '../lane/interpret.ts'
import { verifyBounds } from '../lane/verify.ts'
import { argumentsOf, canonicalize } from '../schedule/canonical.ts'
import { runKernels } from '../schedule/interpret-kernels.ts'
import { makeKernels, type Nest } from '../schedule/kernels.ts'
import { leaf, randomGraph } from '../../test/random/graphs.ts'
import { Unsupported } from './bindings.ts'
import { nestCode } from './nest.ts'

const labels = { numberOf: () => 7 }

/** The lane code of one nest, run by the lane interpreter on the values that its inputs have. */
function runLanes(nest: Nest, lanes: number, valueOf: (node: Node) => Values): Values {
  const { program, bindings } = nestCode(nest, lanes, labels)
  verifyBounds(program)
  const out = allocate(nest.node.dtype, sizeOf(nest.node.shape))
  const arrays = bindings.map((binding): LaneBinding => {
    if (binding.kind === 'scalar') return (binding.node.attrs as { value: number }).value
    if (binding.kind !== 'buffer') return null
    if (binding.node === nest.node) return out as Float32Array
    return toStorage(valueOf(binding.node), binding.node.dtype) as Float32Array
  })
  const report = interpretLanes(program, arrays)
  if (report) throw new RangeError(`index ${report.index} of ${report.size} in op ${report.op}`)
  return toValues(out, nest.node.dtype)
}

/** Every nest of the graph as lane code of 8 and of 16 lanes; the nests that lane code cannot say are returned. */
function check(...roots: Node[]): string[] {
  const program = canonicalize(roots)
  argumentsOf(roots).leaves.forEach(({ value }, i) => {
    program.leaves[i]!.value = value
  })
  const { kernels } = makeKernels(program)
  const results = runKernels(kernels)
  const valueOf = (node: Node): Values => results.get(node) ?? toValues(node.value!, node.dtype)
  const refused: string[] = []
  for (const kernel of kernels) {
    if (kernel.kind !== 'nest') continue
    const wanted = valueOf(kernel.node)
    for (const lanes of [8, 16]) {
      try {
        const actual = runLanes(kernel, lanes, valueOf)
        for (let i = 0; i < wanted.length; i++) {
          const [a, b] = [actual[i]!, wanted[i]!]
          if (!Object.is(a, b) && !(Math.abs(a - b) <= 2e-6 + 1e-5 * Math.abs(b)))
            expect.fail(`${kernel.node.op.name}, ${lanes} lanes, element ${i}: ${a} is not ${b}`)
        }
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error
        refused.push(error.reason)
      }
    }
  }
  return refused
}

describe('lane code of nests', () => {
  test('maps, broadcasts, strides, tails and chunks', () => {
    expect(check(relu(add(leaf([70, 33]), leaf([33], 2))))).toEqual([])
    expect(check(mul(permute(leaf([37, 21]), [1, 0]), leaf([21, 37], 2)))).toEqual([])
    expect(check(add(leaf([50_003]), constant(0.5)))).toEqual([])
    expect(check(mul(leaf([3, 5]), scalar(0.37, 'float32')))).toEqual([])
  })

  test('reductions across and in lanes', () => {
    expect(check(reduce(leaf([9, 1000]), 'sum', [1]))).toEqual([])
    expect(check(reduce(leaf([1000, 37]), 'sum', [0]))).toEqual([])
    expect(check(reduce(leaf([5, 7, 130]), 'max', [0, 2]))).toEqual([])
    expect(check(reduce(leaf([300, 4]), 'prod', [0, 1]))).toEqual([])
    expect(check(softmax(leaf([6, 65]), 1), logSoftmax(leaf([6, 10], 3), 0))).toEqual([])
  })

  test('padding, joining, gathering', () => {
    expect(
      check(
        pad(leaf([5, 32]), [
          { low: 2, high: 1, inner: 0 },
          { low: 0, high: 0, inner: 0 },
        ]),
      ),
    ).toEqual([])
    expect(check(concat([leaf([3, 20]), leaf([2, 20], 2)], 0))).toEqual([])
    const table = leaf([10, 40])
    const rows = buffer(Int32Array.of(3, 9, 0), [3, 1], 'int32')
    expect(check(gather(table, broadcastTo(rows, [3, 40]), 0))).toEqual([])
    expect(check(gather(leaf([3, 10]), buffer(Int32Array.of(3, 9, 0), [3, 1], 'int32'), 1))).toEqual([])
  })

  test('random bits are those of the interpreter', () => {
    const key = buffer(Int32Array.of(1234, 5, 17), [3], 'int32')
    const bits = shiftRightLogical(randomBits(key, [41, 3], 1), constant(8, 'int32'))
    expect(check(mul(cast(bits, 'float32'), constant(2 ** -24)))).toEqual([])
  })

  test('NaN wins', () => {
    const x = buffer(Float32Array.of(1, Number.NaN, 3, 4), [2, 2], 'float32')
    expect(check(reduce(x, 'max', [1]), maximum(x, constant(2)))).toEqual([])
  })

  test('random graphs', () => {
    let nests = 0
    let refused = 0
    fc.assert(
      fc.property(fc.array(fc.nat(1 << 20), { minLength: 1, maxLength: 12 }), (choices) => {
        refused += check(...randomGraph(choices)).length
        nests++
      }),
      { numRuns: 200, seed: 20261124 },
    )
    expect(refused).toBeLessThan(nests / 2)
  })
})
