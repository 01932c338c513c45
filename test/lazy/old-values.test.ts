/** A tensor means what it meant when it was recorded, whatever has happened to the leaves since. */
import { expect, test } from 'vitest'
import { optim, tensor } from '../../src/index.ts'

function start(): { w: ReturnType<typeof tensor>; optimizer: optim.SGD } {
  const w = tensor([1, 2], { requiresGrad: true })
  return { w, optimizer: new optim.SGD([w], { lr: 0.5 }) }
}

test('what was recorded before a step and is read after it has the old value', async () => {
  const { w, optimizer } = start()
  const before = w.mul(10)
  const loss = w.mul(w).sum()
  loss.backward()
  optimizer.step()
  const after = w.mul(10)
  expect(await before.toArray()).toEqual([10, 20])
  expect(await after.toArray()).toEqual([0, 0])
  expect(await loss.item()).toBe(5)
  expect(await w.grad!.toArray()).toEqual([2, 4])
})

test('so has what is recorded later from it, ten steps on', async () => {
  const { w, optimizer } = start()
  const before = w.mul(10)
  for (let step = 0; step < 10; step++) {
    optimizer.zeroGrad()
    w.sum().backward()
    optimizer.step()
  }
  expect(await before.add(1).toArray()).toEqual([11, 21])
  expect(await w.toArray()).toEqual([-4, -3])
})

test('a detached leaf keeps the version it was taken from', async () => {
  const { w, optimizer } = start()
  const copy = w.detach()
  w.sum().backward()
  optimizer.step()
  expect(await copy.toArray()).toEqual([1, 2])
  expect(await w.toArray()).toEqual([0.5, 1.5])
})

test('an update by hand reads the values before it, in whatever order it is written', async () => {
  const a = tensor([1])
  const b = tensor([2])
  const sum = a.add(b)
  a.assign(b)
  b.assign(a.mul(10))
  a.assign(sum)
  expect([await a.item(), await b.item(), await sum.item()]).toEqual([3, 20, 3])
})
