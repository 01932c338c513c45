import { expect, test } from 'vitest'
import { concat, pad } from '../graph/ops/views.ts'
import { add } from '../graph/ops/arithmetic.ts'
import type { Node } from '../graph/node.ts'
import { canonicalize } from '../schedule/canonical.ts'
import type { Expression } from '../schedule/expression.ts'
import { makeKernels, type Nest } from '../schedule/kernels.ts'
import { leaf } from '../../test/random/graphs.ts'
import type { Statement } from '../lane/program.ts'
import { guardedPieces } from './guarded-pieces.ts'
import { nestCode } from './nest.ts'

function nestOf(root: Node): Nest {
  return makeKernels(canonicalize([root])).kernels[0] as Nest
}

/** Gates side by side, as back-propagation through slices leaves them: a sum of padded parts. */
function gates(count: number, size: number): Node {
  const parts = Array.from({ length: count }, (_, i) =>
    pad(leaf([3, size], i), [
      { low: 0, high: 0, inner: 0 },
      { low: i * size, high: (count - 1 - i) * size, inner: 0 },
    ]),
  )
  return parts.reduce(add)
}

const pieces = (body: Expression, extent: number, least: number): number[] => guardedPieces([body], 1, extent, least)

test('an axis is cut where guards begin and end', () => {
  expect(pieces(nestOf(gates(4, 128)).body, 512, 16)).toEqual([0, 128, 256, 384, 512])
  expect(pieces(nestOf(concat([leaf([3, 33], 1), leaf([3, 31], 2)], 1)).body, 64, 8)).toEqual([0, 33, 64])
})

test('no piece is shorter than a vector', () => {
  expect(pieces(nestOf(gates(4, 10)).body, 40, 16)).toEqual([0, 20, 40])
  expect(pieces(nestOf(gates(64, 16)).body, 1024, 16).length).toBeLessThanOrEqual(17)
})

test('in a piece nothing is masked, and only what holds there is read', () => {
  const { program } = nestCode(nestOf(gates(4, 32)), 16, { numberOf: () => 0 })
  const inside = (block: readonly Statement[]): Statement[] =>
    block.flatMap((s) => (s.kind === 'loop' ? [s, ...inside(s.body)] : [s]))
  const statements = inside(program.body)
  expect(statements.filter(({ kind }) => kind === 'mask')).toEqual([])
  expect(statements.filter(({ kind }) => kind === 'load').length).toBe(4)
})
