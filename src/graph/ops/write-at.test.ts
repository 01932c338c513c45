import { describe, expect, test } from 'vitest'
import { convertValues, type DType, type TypedArray, toStorage } from '../../core/dtype.ts'
import { DTypeError, ShapeError } from '../../core/errors.ts'
import { sizeOf } from '../../core/shape.ts'
import { device } from '../../runtime/device.ts'
import { backpropagate } from '../autograd.ts'
import { interpret } from '../interpret.ts'
import type { Node } from '../node.ts'
import { assignment, buffer } from './leaves.ts'
import { writeAt, writeAtOp } from './write-at.ts'

function leaf(shape: readonly number[], dtype: DType, from: number): Node {
  const values = convertValues(
    Array.from({ length: sizeOf(shape) }, (_, i) => from + i),
    dtype,
  )
  return buffer(toStorage(values, dtype), shape, dtype)
}

const position = (start: number): Node => buffer(Int32Array.of(start, 99), [2], 'int32')

/** What stands at which index, by the definition. */
function expected(base: Node, part: Node, start: number, dim: number): number[] {
  const [size, count] = [base.shape[dim]!, part.shape[dim]!]
  const inner = sizeOf(base.shape.slice(dim + 1))
  const fits = start >= 0 && start + count <= size
  return Array.from(base.value as TypedArray, (value, i) => {
    const at = Math.floor(i / inner) % size
    if (!fits || at < start || at >= start + count) return Number(value)
    const outer = Math.floor(i / inner / size)
    return Number((part.value as TypedArray)[(outer * count + at - start) * inner + (i % inner)])
  })
}

const shapes = [
  [[2, 3, 5, 7], 3, 1],
  [[2, 3, 5, 7], 3, 4],
  [[2, 3, 5, 7], 2, 1],
  [[2, 3, 5, 40], 2, 3],
  [[9], 0, 9],
  [[40, 150], 1, 1],
  [[20, 2, 1100], 1, 1],
] as const

describe('writeAt', () => {
  test.each(shapes)('of %j along %i, %i at once: by loops, by its decomposition, by a kernel', (shape, dim, count) => {
    const dtypes: DType[] = ['float32', 'float64', 'float16', 'bfloat16', 'int32', 'uint8', 'bool']
    for (const dtype of shape.length === 4 ? dtypes : dtypes.slice(0, 1)) {
      const base = leaf(shape, dtype, 1)
      const part = leaf(
        shape.map((n, d) => (d === dim ? count : n)),
        dtype,
        dtype === 'bool' ? 0 : 50,
      )
      const size = shape[dim]!
      const starts = [-1, 0, 1, size - count, size - count + 1, size, 2 ** 31 - 1, -(2 ** 31)]
      for (const start of sizeOf(shape) < 1000 ? starts : [size - count]) {
        const node = writeAt(base, part, position(start), dim)
        const wanted = expected(base, part, start, dim)
        const made = writeAtOp.decompose!(node.inputs, { dim }, node as Node<{ readonly dim: number }>)
        for (const values of [
          interpret([node])[0]!,
          interpret([made])[0]!,
          ...device().run([assignment(node, false)]),
          ...device().run([node]),
        ]) {
          expect(Array.from(values, Number)).toEqual(wanted)
        }
      }
    }
  })

  test('passes gradients to what is left of the base, and to the part', () => {
    const [base, part] = [leaf([2, 4], 'float32', 0), leaf([2, 2], 'float32', 0)]
    for (const node of [base, part]) node.requiresGrad = true
    const gradients = backpropagate([writeAt(base, part, position(1), 1)], [leaf([2, 4], 'float32', 1)], false)
    const [ofBase, ofPart] = interpret([gradients.get(base)!, gradients.get(part)!])
    expect([...ofBase!]).toEqual([1, 0, 0, 4, 5, 0, 0, 8])
    expect([...ofPart!]).toEqual([2, 3, 6, 7])
  })

  test('refuses what does not fit', () => {
    const base = leaf([2, 4], 'float32', 0)
    expect(() => writeAt(base, leaf([2, 5], 'float32', 0), position(0), 1)).toThrow(ShapeError)
    expect(() => writeAt(base, leaf([1, 2], 'float32', 0), position(0), 1)).toThrow(ShapeError)
    expect(() => writeAt(base, leaf([2, 2], 'int32', 0), position(0), 1)).toThrow(DTypeError)
    expect(() => writeAt(base, leaf([2, 2], 'float32', 0), leaf([1], 'uint8', 0), 1)).toThrow(DTypeError)
  })
})
