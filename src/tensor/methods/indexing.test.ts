import { describe, expect, test } from 'vitest'
import { AxisError, DTypeError, IndexError, ShapeError, ValueError } from '../../core/errors.ts'
import { arange, ones, tensor, zeros } from '../../index.ts'
import { wrap } from '../base.ts'
import { extend } from '../padding.ts'
import { oneHot } from '../one-hot.ts'
import type { Tensor } from '../tensor.ts'

const ints = (...values: number[]): Tensor => tensor(Int32Array.from(values))
const grid = (): Tensor => arange(12, { dtype: 'float32' }).reshape(3, 4)

describe('at', () => {
  test('takes bounds from variables', () => {
    const [from, to] = [1, 3]
    expect(grid().at(0, `${from}:${to}`).toArraySync()).toEqual([1, 2])
  })

  test('refuses at compile time what is no range', () => {
    // @ts-expect-error a range has numbers at both sides of its colon
    expect(() => grid().at('a:b')).toThrow(ValueError)
  })

  test.each([
    [[3], IndexError, 'at: index 3 is out of range for dim 0 of [3, 4]: expected -3 to 2'],
    [[':', [0, -5]], IndexError, 'at: index -5 is out of range for dim 1 of [3, 4]: expected -4 to 3'],
    [[0, 0, 0], IndexError, 'at: 3 indices are too many for a tensor of 2 dimensions [3, 4]'],
    [
      ['::0'],
      ValueError,
      "at: '::0' is not a range; expected 'start:stop' or 'start:stop:step' in whole numbers, step ≠ 0",
    ],
    [['...', '...'], ValueError, "at: '...' may stand only once"],
    [[1.5], IndexError, 'at: index 1.5 is out of range for dim 0 of [3, 4]: expected -3 to 2'],
  ] as const)('refuses %j', (indices, type, message) => {
    expect(() => grid().at(...indices)).toThrow(type)
    expect(() => grid().at(...indices)).toThrow(message)
  })

  test('refuses index tensors of floats and masks that do not fit', () => {
    expect(() => grid().at(tensor([0, 1]))).toThrow(
      new DTypeError('at', 'index tensors must be int32, uint8 or bool, received float32'),
    )
    expect(() => grid().at(tensor([true, false]))).toThrow(
      new ShapeError('at', 'a mask [2] does not fit dims [3] of [3, 4]'),
    )
  })

  test('finds index tensors out of range when the value is computed, naming op, index and size', async () => {
    await expect(grid().at(ints(0, 3)).data()).rejects.toThrow(
      'at: index 3 at position 1 is out of range for dim 0 of size 3',
    )
    await expect(grid().at(ints(-4)).data()).rejects.toThrow(
      'at: index -4 at position 0 is out of range for dim 0 of size 3',
    )
    // one bad index of a pair is found although the pair together would stay inside
    await expect(grid().at(ints(0), ints(5)).data()).rejects.toThrow(IndexError)
  })

  test('computes nothing but a mask', () => {
    const x = grid().requireGrad().mul(2)
    const row = x.at(ints(1))
    expect(row.isRealized).toBe(false)
    expect(x.isRealized).toBe(false)
  })
})

describe('indexPut', () => {
  test('changes a leaf through assign', async () => {
    const x = zeros([2, 2], { requiresGrad: true })
    x.assign(x.detach().indexPut([0, ':'], 5))
    expect(await x.toArray()).toEqual([
      [5, 5],
      [0, 0],
    ])
  })

  test('refuses values that do not broadcast', () => {
    expect(() => grid().indexPut([0], ones([3]))).toThrow(ShapeError)
  })
})

describe('reading by index', () => {
  test.each([
    ['gather', (x: Tensor, i: Tensor): Tensor => x.gather(1, i.reshape(3, 1))],
    ['indexSelect', (x: Tensor, i: Tensor): Tensor => x.indexSelect(1, i)],
    ['takeAlongDim', (x: Tensor, i: Tensor): Tensor => x.takeAlongDim(i.reshape(3, 1), 1)],
  ])('%s refuses negative indices, as PyTorch does', async (op, read) => {
    await expect(read(grid(), ints(0, -1, 2)).data()).rejects.toThrow(
      new IndexError(op, 'index -1 at position 1 is out of range for dim 1 of size 4'),
    )
  })

  test('take reports positions beyond the last element', async () => {
    await expect(grid().take(ints(12)).data()).rejects.toThrow(
      'take: index 12 at position 0 is out of range for dim 0 of size 12',
    )
  })

  test('shapes and dtypes are checked while recording', () => {
    expect(() => grid().gather(0, ints(0, 1))).toThrow(ShapeError)
    expect(() => grid().gather(2, ints(0))).toThrow(AxisError)
    expect(() => grid().gather(0, zeros([1, 4]))).toThrow(DTypeError)
    expect(() => grid().indexSelect(0, zeros([2, 2], { dtype: 'int32' }))).toThrow(ShapeError)
  })
})

describe('masks', () => {
  test('must be bool', () => {
    const mask = ones([3, 4])
    expect(() => grid().maskedFill(mask, 0)).toThrow(
      'maskedFill: the mask must be bool, received float32; compare first, as in x.gt(0)',
    )
    expect(() => grid().where(mask, 0)).toThrow(DTypeError)
  })

  test('maskedScatter needs enough values', async () => {
    const mask = tensor([true, true, true, false])
    expect(
      await zeros([4])
        .maskedScatter(mask, tensor([1, 2, 3]))
        .toArray(),
    ).toEqual([1, 2, 3, 0])
    await expect(
      zeros([4])
        .maskedScatter(mask, tensor([1, 2]))
        .data(),
    ).rejects.toThrow(IndexError)
  })
})

describe('gradients', () => {
  test('of values that a later one replaced are those of their place, as in PyTorch', async () => {
    const source = tensor([1, 2, 3]).requireGrad()
    const out = zeros([2]).scatter(0, ints(1, 0, 1), source)
    expect(await out.toArray()).toEqual([2, 3])
    out
      .mul(tensor([1, 2]))
      .sum()
      .backward()
    expect(await source.grad?.toArray()).toEqual([2, 1, 2])
  })

  test('of elements that asStridedScatter keeps are passed on', async () => {
    const x = zeros([4]).add(0).detach().requireGrad()
    x.asStridedScatter(ones([2]), [2], [2])
      .sum()
      .backward()
    expect(await x.grad?.toArray()).toEqual([0, 1, 0, 1])
  })
})

describe('half precision and small integers', () => {
  test('are moved without a change of dtype', async () => {
    const x = tensor([0.1, 2, 3], { dtype: 'float16' })
    expect(x.at('::-1').dtype).toBe('float16')
    expect(await x.indexAdd(0, ints(0, 0), x.narrow(0, 1, 2)).toArray()).toEqual([5.1015625, 2, 3])
    expect(await tensor([1, 2], { dtype: 'uint8' }).flip(0).toArray()).toEqual([2, 1])
    expect(await tensor([true, false]).roll(1).toArray()).toEqual([false, true])
  })
})

describe('oneHot', () => {
  test('puts a 1 at each label and refuses labels out of range', async () => {
    expect(await oneHot(ints(2, 0), 3).toArray()).toEqual([
      [0, 0, 1],
      [1, 0, 0],
    ])
    await expect(oneHot(ints(3), 3).data()).rejects.toThrow(
      'oneHot: index 3 at position 0 is out of range for dim 1 of size 3',
    )
    expect(() => oneHot(ints(0), 0)).toThrow(ValueError)
  })
})

describe('padding by continuation', () => {
  const row = (): Tensor => arange(4)
  const padded = (mode: 'reflect' | 'replicate' | 'circular', low: number, high: number): unknown =>
    wrap(extend('pad', row().node, 0, low, high, mode)).toArraySync()

  test.each([
    ['reflect', 3, 1, [3, 2, 1, 0, 1, 2, 3, 2]],
    ['replicate', 2, 1, [0, 0, 0, 1, 2, 3, 3]],
    ['circular', 1, 2, [3, 0, 1, 2, 3, 0, 1]],
    ['reflect', -1, 2, [1, 2, 3, 2, 1]],
    ['circular', -3, -1, []],
  ] as const)('%s (%i, %i)', (mode, low, high, expected) => {
    expect(padded(mode, low, high)).toEqual(expected)
  })

  test('refuses more than there is', () => {
    expect(() => padded('reflect', 4, 0)).toThrow('pad: reflect padding (4, 0) does not fit dim 0 of [4]: at most 3')
    expect(() => padded('circular', 0, 5)).toThrow(ShapeError)
  })
})
