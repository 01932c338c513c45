import { expect, test } from 'vitest'
import { tensor } from '../tensor/creation.ts'
import { Parameter } from './parameter.ts'

test('assignment cuts the graph: what the new value was computed from gets no gradient', async () => {
  const source = new Parameter(tensor([1, 2]))
  const target = new Parameter(tensor([0, 0]))
  target.assign(source.mul(3))
  target.sum().backward()
  expect(source.grad).toBeUndefined()
  expect(await target.grad!.toArray()).toEqual([1, 1])
  expect(await target.toArray()).toEqual([3, 6])
})

test('a parameter that is assigned from itself counts its gradient once', async () => {
  const parameter = new Parameter(tensor([1, 2]))
  parameter.assign(parameter.mul(3))
  parameter.square().sum().backward()
  expect(await parameter.grad!.toArray()).toEqual([6, 12])
})
