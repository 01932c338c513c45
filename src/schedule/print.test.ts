import { expect, test } from 'vitest'
import { add, maximum, mul } from '../graph/ops/arithmetic.ts'
import { softmax } from '../graph/ops/composite.ts'
import { matmul } from '../graph/ops/contract.ts'
import { argSort } from '../graph/ops/indexing.ts'
import { constant } from '../graph/ops/leaves.ts'
import type { Node } from '../graph/node.ts'
import { leaf } from '../../test/random/graphs.ts'
import { canonicalize } from './canonical.ts'
import { attachEpilogues } from './epilogues.ts'
import { fuse } from './fusion.ts'
import { makeKernels } from './kernels.ts'
import { lowerProducts } from './lower-products.ts'
import { phasesOf } from './phases.ts'
import { printPlan, workOf } from './print.ts'

function printed(...roots: Node[]): string[] {
  const program = lowerProducts(canonicalize(roots), { lanes: 16, vectors: 2 })
  const results = new Set(program.targets)
  const kernels = fuse(attachEpilogues(makeKernels(program).kernels, results), results)
  const chunksOf = ({ kind }: { kind: string }): number | undefined => (kind === 'whole' ? undefined : 3)
  const text = printPlan({ phases: phasesOf(kernels), chunksOf, arenaBytes: 1536, threads: 2, milliseconds: 1.25 })
  return text.trimEnd().split('\n')
}

test('a plan is a line of totals and a line for each kernel, in columns', () => {
  const hidden = maximum(add(matmul(leaf([64, 100]), leaf([100, 32], 2)), leaf([32], 3)), constant(0))
  const [totals, heading, ...kernels] = printed(softmax(matmul(hidden, leaf([32, 10], 4)), 1))
  // 2·64·100·32 and 2·64·32·10 of the products, 2·64·32 of the epilogue, 5·64·10 of the softmax.
  expect(totals).toBe(
    'plan of 3 kernels in 3 phases: 458 kFLOP; 49.4 kB read, 13.0 kB written, arena 1.5 kB; 2 threads, made in 1.3 ms',
  )
  expect(heading).toBe('  phase  kernel   result    computes                      FLOP     read  written  chunks')
  expect(kernels).toEqual([
    '  1      product  [64, 32]  Σ over [100] → add maximum   414 k  37.6 kB   8.0 kB       3',
    '  2      product  [64, 10]  Σ over [32]                 41.0 k   9.3 kB   2.5 kB       3',
    '  3      rows     [64, 10]  max | sub exp | sum | div    3.2 k   2.5 kB   2.5 kB       3',
  ])
})

test('what the interpreter computes is named', () => {
  const [, , sort] = printed(argSort(leaf([4, 5]), 1, false))
  expect(sort).toMatch(/^ {2}1 {6}interpreter {2}int32 \[4, 5\] {2}argSort {2,}0 {2}80 B {5}80 B {7}-$/)
})

test('work counts every operation on every element', () => {
  const [kernel] = makeKernels(canonicalize([add(mul(leaf([7, 3]), leaf([3], 2)), constant(1))])).kernels
  expect(workOf(kernel!)).toEqual({ operations: 2 * 21, read: 4 * (21 + 3), written: 4 * 21 })
})
