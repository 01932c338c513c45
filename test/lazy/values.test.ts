/** How values come out of tensors: copies, the same ones in every way of asking. */
import { expect, test } from 'vitest'
import { realize, ShapeError, Tensor, tensor } from '../../src/index.ts'

test('data gives the elements in row-major order, as a copy', async () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ])
  expect(x).toBeInstanceOf(Tensor)
  const data = await x.transpose(0, 1).data()
  expect(data).toEqual(Float32Array.of(1, 3, 2, 4))
  const own = await x.data()
  own[0] = 100
  expect(x.dataSync()).toEqual(Float32Array.of(1, 2, 3, 4))
})

test('each dtype has its kind of array; halves come as float32', async () => {
  const kinds = { bool: Uint8Array, uint8: Uint8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array }
  for (const [dtype, kind] of Object.entries(kinds)) {
    expect(await tensor([1, 0], { dtype: dtype as keyof typeof kinds }).data()).toEqual(kind.of(1, 0))
  }
  for (const dtype of ['float16', 'bfloat16'] as const) {
    expect(await tensor([1.5, -2], { dtype }).data()).toEqual(Float32Array.of(1.5, -2))
  }
})

test('item is the one element, toArray nests', async () => {
  expect(await tensor([[2.5]]).item()).toBe(2.5)
  expect(tensor(7).itemSync()).toBe(7)
  expect(() => tensor([1, 2]).itemSync()).toThrow(ShapeError)
  const x = tensor([[[1], [2]]]).mul(2)
  expect(await x.toArray()).toEqual([[[2], [4]]])
  expect(x.toArraySync()).toEqual([[[2], [4]]])
  expect(await tensor([[], []]).toArray()).toEqual([[], []])
  expect(tensor([true, false]).toArraySync()).toEqual([true, false])
  expect(tensor(3).toArraySync()).toBe(3)
})

test('shape, rank, size and dtype are known before anything is computed', () => {
  const x = tensor([[1, 2, 3]]).add(tensor([[1], [2]], { dtype: 'float64' }))
  expect([x.shape, x.rank, x.size, x.dtype, x.isRealized]).toEqual([[2, 3], 2, 6, 'float64', false])
})

test('realize computes several tensors in one go', async () => {
  const x = tensor([1, 2], { requiresGrad: true })
  const [sum, product, other] = [x.sum(), x.prod(), x.add(1)]
  expect([sum, product].map((y) => y.isRealized)).toEqual([false, false])
  await realize(sum, product)
  expect([sum, product].map((y) => y.isRealized)).toEqual([true, true])
  expect([sum.itemSync(), product.itemSync(), other.dataSync()]).toEqual([3, 2, Float32Array.of(2, 3)])
})
