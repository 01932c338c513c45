import { describe, expect, test } from 'vitest'
import { DTypeError, ShapeError, ValueError } from '../core/errors.ts'
import { arange, eye, full, linspace, type TensorData, tensor, zeros } from '../index.ts'

describe('tensor', () => {
  test('copies typed arrays and takes their dtype', async () => {
    const data = Float64Array.of(1, 2)
    const x = tensor(data)
    data[0] = 9
    expect(x.dtype).toBe('float64')
    expect(await x.toArray()).toEqual([1, 2])
    const out = await x.data()
    out[1] = 9
    expect(await x.toArray()).toEqual([1, 2])
    expect(tensor(Uint8Array.of(1)).dtype).toBe('uint8')
    expect(tensor(Int32Array.of(1)).dtype).toBe('int32')
  })

  test('narrows int64 and checks it', async () => {
    expect(await tensor(BigInt64Array.of(-5n, 7n)).toArray()).toEqual([-5, 7])
    expect(() => tensor(BigInt64Array.of(1n, 2n ** 31n))).toThrow(
      new ValueError('tensor', 'int64 value 2147483648 at position 1 does not fit into int32'),
    )
  })

  test.each([
    [[[1, 2], [3]], ShapeError, 'tensor: nested arrays are ragged: expected 2 at depth 1, received 1 elements'],
    [[[1], 2], ShapeError, 'tensor: nested arrays are ragged: a number at depth 1, arrays elsewhere'],
    [[1, [2]], ShapeError, 'tensor: nested arrays are ragged: expected a number at depth 1, received 1 elements'],
    [[1, '2'], DTypeError, 'tensor: expects numbers or booleans, received string at position 1'],
    [[1, null], DTypeError, 'tensor: expects numbers or booleans, received null at position 1'],
    [undefined, DTypeError, 'tensor: expects numbers or booleans, received undefined at position 0'],
    [
      Uint16Array.of(1),
      DTypeError,
      'tensor: takes Float32Array, Float64Array, Int32Array, Uint8Array and BigInt64Array, received Uint16Array',
    ],
  ])('refuses %j', (data, type, message) => {
    expect(() => tensor(data as TensorData)).toThrow(type)
    expect(() => tensor(data as TensorData)).toThrow(message)
  })

  test('refuses numbers that an integer dtype cannot hold', () => {
    expect(() => tensor([1, 300], { dtype: 'uint8' })).toThrow(
      new ValueError('tensor', '300 at position 1 does not fit into uint8'),
    )
    expect(() => tensor([Number.NaN], { dtype: 'int32' })).toThrow(ValueError)
    expect(() => tensor([2 ** 31], { dtype: 'int32' })).toThrow(ValueError)
  })

  test('holes in arrays are no numbers', () => {
    // biome-ignore lint/suspicious/noSparseArray: the sparse array is what is tested
    expect(() => tensor([1, , 3] as unknown as number[])).toThrow(DTypeError)
  })

  test('names dtypes that do not exist', () => {
    expect(() => zeros([2], { dtype: 'int64' as 'int32' })).toThrow(
      "zeros: unknown dtype 'int64'; expected one of bool, uint8, int32, float16, bfloat16, float32, float64",
    )
  })
})

describe('filled tensors', () => {
  test('hold their elements once they collect gradients', async () => {
    const x = eye(2, 2, { requiresGrad: true })
    expect(x.isLeaf).toBe(true)
    expect(x.isRealized).toBe(true)
    x.mul(x).sum().backward()
    expect(await x.grad?.toArray()).toEqual([
      [2, 0],
      [0, 2],
    ])
  })

  test('refuse sizes below zero and fractions', () => {
    expect(() => full([2, -1], 0)).toThrow(ValueError)
    expect(() => zeros([1.5])).toThrow(new ValueError('zeros', 'sizes must be whole numbers ≥ 0, received [1.5]'))
    expect(() => eye(-1)).toThrow(ValueError)
  })
})

describe('sequences', () => {
  test('are whole numbers when their bounds are', () => {
    expect(arange(3).dtype).toBe('int32')
    expect(arange(0, 1, 0.25).dtype).toBe('float32')
  })

  test('must lead somewhere', () => {
    expect(() => arange(0, 5, -1)).toThrow(new ValueError('arange', 'no steps of -1 lead from 0 to 5'))
    expect(() => arange(0, 5, 0)).toThrow(ValueError)
    expect(() => linspace(0, 1, -2)).toThrow(ValueError)
  })

  test('keep both ends exactly', async () => {
    const ends = (await linspace(0.1, 0.7, 6, { dtype: 'float64' }).data()).filter((_, i) => i % 5 === 0)
    expect([...ends]).toEqual([0.1, 0.7])
  })
})
