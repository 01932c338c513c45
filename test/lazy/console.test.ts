/** `console.log(tensor)` shows what is known and computes nothing. */
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { tensor } from '../../src/index.ts'

test('a tensor that is not computed shows shape and dtype', () => {
  const x = tensor([[1, 2, 3]]).mul(2)
  expect(inspect(x)).toContain('shape=[1, 3]')
  expect(inspect(x)).toContain('float32')
  expect(x.isRealized).toBe(false)
})

test('a computed one shows its values, too', async () => {
  const x = tensor([
    [1, 2.5],
    [3, -4],
  ]).mul(2)
  await x.data()
  for (const part of ['2', '5', '6', '-8', 'shape=[2, 2]', 'float32']) expect(inspect(x)).toContain(part)
})

test('inside other objects as well', async () => {
  const x = tensor([7], { dtype: 'int32' })
  expect(inspect({ x: { y: [x] } })).toMatch(/tensor\(\[7\].*int32/)
  expect(`${x}`).toBe(inspect(x))
})
