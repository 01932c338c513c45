import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { allocate, toStorage, toValues, type TypedArray, type Values } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { add, maximum, mul, rsqrt, sub } from '../graph/ops/arithmetic.ts'
import { relu } from '../graph/ops/activation.ts'
import { logSoftmax, softmax } from '../graph/ops/composite.ts'
import { gather } from '../graph/ops/indexing.ts'
import { buffer, constant, randomBits, scalar } from '../graph/ops/leaves.ts'
import { cast, shiftRightLogical } from '../graph/ops/logic.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { broadcastTo, concat, flip, pad, permute, reshape } from '../graph/ops/views.ts'
import { type Binding as LaneBinding, interpret as interpretLanes } from '../lane/interpret.ts'
import type { BufferParameter } from '../lane/program.ts'
import { BoundsError, verifyBounds } from '../lane/verify.ts'
import { argumentsOf, canonicalize } from '../schedule/canonical.ts'
import { runKernels } from '../schedule/interpret-kernels.ts'
import { fuse } from '../schedule/fusion.ts'
import { type Kernel, makeKernels, type Nest } from '../schedule/kernels.ts'
import { resultsOf } from '../schedule/phases.ts'
import { leaf, randomGraph } from '../../test/random/graphs.ts'
import { Unsupported } from './bindings.ts'
import { groupCode, type KernelCode, nestCode } from './nest.ts'

const labels = { numberOf: () => 7 }

/** Runs lane code with the lane interpreter on the values that its inputs have; gives what it stored. */
function runLanes(
  { program, bindings }: KernelCode,
  results: ReadonlySet<Node>,
  valuesOf: (node: Node) => Values,
): Map<Node, Values> {
  verifyBounds(program)
  const stored = new Map<Node, TypedArray>()
  const arrays = bindings.map((binding, cell): LaneBinding => {
    if (binding.kind === 'scalar') return (binding.node.attrs as { value: number }).value
    if (binding.kind === 'scratch') return new Float32Array((program.parameters[cell] as BufferParameter).length)
    if (binding.kind !== 'buffer') return null
    const { node } = binding
    if (!results.has(node)) return toStorage(valuesOf(node), node.dtype) as Float32Array
    stored.set(node, allocate(node.dtype, sizeOf(node.shape)))
    return stored.get(node) as Float32Array
  })
  const report = interpretLanes(program, arrays)
  if (report) throw new RangeError(`index ${report.index} of ${report.size} in op ${report.op}`)
  return new Map([...stored].map(([node, array]) => [node, toValues(array, node.dtype)]))
}

function expectValues(actual: Values, wanted: Values, what: string): void {
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [actual[i]!, wanted[i]!]
    if (!Object.is(a, b) && !(Math.abs(a - b) <= 2e-6 + 1e-5 * Math.abs(b))) {
      expect.fail(`${what}, element ${i}: ${a} is not ${b}`)
    }
  }
}

/** Every nest and every group of the graph as lane code of 8 and of 16 lanes; what lane code cannot say is returned. */
function check(...roots: Node[]): string[] {
  const program = canonicalize(roots)
  argumentsOf(roots).leaves.forEach(({ value }, i) => {
    program.leaves[i]!.value = value
  })
  const { kernels } = makeKernels(program)
  const results = runKernels(kernels)
  const valuesOf = (node: Node): Values => results.get(node) ?? toValues(node.value!, node.dtype)
  const refused: string[] = []
  const tryCode = (kernel: Kernel, lanes: number): boolean => {
    try {
      const code = kernel.kind === 'group' ? groupCode(kernel, lanes, labels) : nestCode(kernel as Nest, lanes, labels)
      for (const [node, values] of runLanes(code, new Set(resultsOf(kernel)), valuesOf)) {
        expectValues(values, valuesOf(node), `${kernel.kind} of ${node.op.name}, ${lanes} lanes`)
      }
      return true
    } catch (error) {
      if (!(error instanceof Unsupported || error instanceof BoundsError)) throw error
      refused.push(error instanceof Unsupported ? error.reason : error.message)
      return false
    }
  }
  for (const lanes of [8, 16]) {
    const possible = new Set(kernels.filter((kernel) => kernel.kind === 'nest' && tryCode(kernel, lanes)))
    const fused = fuse(kernels, new Set(program.targets), (nest) => possible.has(nest))
    expect(new Set(fused.flatMap(resultsOf))).toEqual(new Set(kernels.flatMap(resultsOf)))
    for (const kernel of fused) if (kernel.kind === 'group') tryCode(kernel, lanes)
  }
  return refused
}

function fusedKernels(...roots: Node[]): string[] {
  const program = canonicalize(roots)
  const kernels = fuse(makeKernels(program).kernels, new Set(program.targets))
  return kernels.map((kernel) => (kernel.kind === 'group' ? `group of ${kernel.members.length}` : kernel.kind))
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
    const joined = concat([leaf([3, 33]), leaf([3, 20], 2), leaf([3, 7], 3)], 1)
    expect(check(joined, flip(joined, [1]), add(joined, flip(joined, [0, 1])))).toEqual([])
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

  test('softmax and layer norm become one kernel, an update of three leaves one pass', () => {
    const x = leaf([64, 33])
    const mean = mul(reduce(x, 'sum', [1]), constant(1 / 33))
    const centred = sub(x, reshape(mean, [64, 1]))
    const variance = reduce(mul(centred, centred), 'sum', [1])
    const normal = mul(centred, rsqrt(reshape(variance, [64, 1])))
    expect(check(softmax(x, 1), normal)).toEqual([])
    expect(fusedKernels(softmax(x, 1))).toEqual(['group of 4'])
    expect(fusedKernels(normal)).toHaveLength(1)
    const [p, g, m] = [leaf([50, 20]), leaf([50, 20], 2), leaf([50, 20], 3)]
    const moment = add(mul(m, constant(0.9)), g)
    expect(fusedKernels(sub(p, mul(moment, constant(0.1))), moment)).toEqual(['group of 2'])
  })

  test('a padded value that lies in the next row is not read before that row is computed', () => {
    const y = mul(leaf([2, 5, 4, 17]), leaf([17], 2))
    const shifted = pad(y, [
      { low: 0, high: 0, inner: 0 },
      { low: -1, high: 1, inner: 0 },
      { low: 1, high: 2, inner: 0 },
      { low: 0, high: 0, inner: 0 },
    ])
    expect(check(y, shifted)).toEqual([])
    expect(fusedKernels(y, shifted)).toHaveLength(2)
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
