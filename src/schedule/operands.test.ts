import { describe, expect, test } from 'vitest'
import { interpret } from '../graph/interpret.ts'
import type { Node } from '../graph/node.ts'
import { permute, sliceDim } from '../graph/ops/views.ts'
import { aperiodicLeaf as leaf } from '../../test/random/graphs.ts'
import { evaluate } from './affine.ts'
import { elementOperand } from './operands.ts'

const transposed = (k: number, m: number): Node => permute(leaf([k, m]), [1, 0])

describe('the operand of which elements are read', () => {
  test('rows side by side, those of one k far from those of the next, are copied in blocks', () => {
    const x = transposed(3, 400)
    const { node, at, rows } = elementOperand(x, [], [400], [3], 64)
    expect(rows).toEqual([4, 100])
    expect(node.shape).toEqual([4, 3, 100])
    // Axes: blocks, rows, columns, k.
    expect(at.terms).toEqual([300, 1, 0, 100])
    const [copied, wanted] = interpret([node, x])
    for (const [row, k] of [
      [0, 0],
      [99, 1],
      [100, 2],
      [399, 2],
    ] as const)
      expect(copied![evaluate(at, [Math.floor(row / 100), row % 100, 0, k])]).toBe(wanted![row * 3 + k])
  })

  test('what is near, lies along k, meets few columns or cannot be cut evenly is read in place', () => {
    const inPlace = (x: Node, m: number, k: number, columns = 64): boolean =>
      elementOperand(x, [], [m], [k], columns).rows.length === 1
    expect(inPlace(transposed(3, 257), 257, 3)).toBe(true)
    expect(inPlace(transposed(3, 256), 256, 3)).toBe(true)
    expect(inPlace(leaf([400, 300]), 400, 300)).toBe(true)
    expect(inPlace(transposed(3, 400), 400, 3, 63)).toBe(true)
    expect(inPlace(transposed(3, 400), 400, 3)).toBe(false)
    // Few rows of a large matrix.
    expect(inPlace(sliceDim(transposed(3, 400), 0, 0, 128), 128, 3)).toBe(false)
  })
})
