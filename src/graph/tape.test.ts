import { expect, test } from 'vitest'
import { add, mul } from './ops/arithmetic.ts'
import { buffer, constant, scalarOp } from './ops/leaves.ts'
import { type Node, record } from './node.ts'
import { Otherwise, Tape } from './tape.ts'

const x = buffer(new Float32Array(2), [2], 'float32')
const number = (value: number): Node => record(scalarOp, [], { value, dtype: 'float32' as const })

test('gives the same nodes again, and the numbers that are met on the way', () => {
  const tape = new Tape()
  let rate = 0.1
  const equation = (): Node => add(mul(x, number(rate)), number(2 * rate))
  const first = tape.record(equation)
  expect(tape.scalars.map(({ attrs }) => attrs)).toEqual([
    { value: 0.1, dtype: 'float32' },
    { value: 0.2, dtype: 'float32' },
  ])
  rate = 0.5
  let again: Node | undefined
  expect(
    tape.repeat(() => {
      again = equation()
    }),
  ).toEqual([0.5, 1])
  expect(again).toBe(first)
  // Nothing but the repetition is affected.
  expect(equation()).not.toBe(first)
})

test('parts follow each other', () => {
  const tape = new Tape()
  tape.record(() => mul(x, number(1)))
  tape.record(() => add(x, number(2)))
  const both = (): void => {
    mul(x, number(3))
    add(x, number(4))
  }
  expect(tape.repeat(both)).toEqual([3, 4])
})

test('notices equations that are not the recorded ones', () => {
  const tape = new Tape()
  tape.record(() => add(mul(x, number(1)), constant(3)))
  const others: readonly (() => void)[] = [
    () => mul(x, number(1)),
    () => add(mul(x, number(1)), constant(4)),
    () => add(add(x, number(1)), constant(3)),
    () => add(add(mul(x, number(1)), constant(3)), x),
  ]
  for (const other of others) expect(() => tape.repeat(other)).toThrow(Otherwise)
  expect(tape.repeat(() => add(mul(x, number(7)), constant(3)))).toEqual([7])
})
