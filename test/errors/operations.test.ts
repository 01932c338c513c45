import { describe, expect, test } from 'vitest'
import {
  AxisError,
  DTypeError,
  GradError,
  ones,
  ShapeError,
  setDevice,
  tensor,
  ValueError,
  zeros,
} from '../../src/index.ts'
import { expectFailure } from './callers-line.ts'

describe('shapes that do not fit', () => {
  test('inner dimensions of a product', async () => {
    const a = zeros([128, 784])
    const b = zeros([512, 10])
    await expectFailure(() => a.matmul(b), {
      type: ShapeError,
      op: 'matmul',
      message: 'inner dimensions differ: [128, 784] · [512, 10]: 784 ≠ 512',
      line: 'a.matmul(b)',
    })
  })

  test('operands that do not broadcast', async () => {
    const a = zeros([2, 3])
    const b = zeros([2, 4])
    await expectFailure(() => a.add(b), {
      type: ShapeError,
      op: 'add',
      message: 'shapes [2, 3] and [2, 4] do not broadcast: sizes, aligned from the right, must be equal or 1',
      line: 'a.add(b)',
    })
  })

  test('a view of another number of elements', async () => {
    const a = zeros([2, 3])
    await expectFailure(() => a.reshape(4, 2), {
      type: ShapeError,
      op: 'reshape',
      message: 'cannot view [2, 3] (6 elements) as [4, 2]',
      line: 'a.reshape(4, 2)',
    })
  })

  test('data that does not fill its shape', async () => {
    const data = new Float32Array(5)
    await expectFailure(() => tensor(data, { shape: [2, 3] }), {
      type: ShapeError,
      op: 'tensor',
      message: '5 elements do not fill shape [2, 3]',
      line: 'tensor(data, { shape: [2, 3] })',
    })
  })

  test('ragged arrays', async () => {
    await expectFailure(() => tensor([[1, 2], [3]]), {
      type: ShapeError,
      op: 'tensor',
      message: 'nested arrays are ragged: expected 2 at depth 1, received 1 elements',
      line: 'tensor([[1, 2], [3]])',
    })
  })

  test('one element of several', async () => {
    const a = zeros([2, 3])
    await expectFailure(() => a.item(), {
      type: ShapeError,
      op: 'item',
      message: 'expects a tensor of one element, received shape [2, 3]; use data() or toArray()',
      line: 'a.item()',
    })
  })
})

describe('dims', () => {
  test('a dim that the tensor does not have', async () => {
    const a = zeros([2, 3])
    await expectFailure(() => a.sum(2), {
      type: AxisError,
      op: 'sum',
      message: 'dim 2 is out of range for a tensor of 2 dimensions: expected -2 to 1',
      line: 'a.sum(2)',
    })
  })

  test('a dim named twice', async () => {
    const a = zeros([2, 3])
    await expectFailure(() => a.sum([0, -2]), {
      type: AxisError,
      op: 'sum',
      message: 'dims [0, -2] name a dimension twice',
      line: 'a.sum([0, -2])',
    })
  })

  test('an order that leaves a dim out', async () => {
    const a = zeros([2, 3])
    await expectFailure(() => a.permute(0, 0), {
      type: AxisError,
      op: 'permute',
      message: 'expects each of the 2 dims once, received [0, 0]',
      line: 'a.permute(0, 0)',
    })
  })
})

describe('dtypes', () => {
  test('a name that is none', async () => {
    const dtype = 'float8' as 'float32'
    await expectFailure(() => zeros([2], { dtype }), {
      type: DTypeError,
      op: 'zeros',
      message: "unknown dtype 'float8'; expected one of bool, uint8, int32, float16, bfloat16, float32, float64",
      line: 'zeros([2], { dtype })',
    })
  })

  test('gradients of integers', async () => {
    const a = tensor([1, 2], { dtype: 'int32' })
    await expectFailure(() => a.requireGrad(), {
      type: DTypeError,
      op: 'requireGrad',
      message: 'only floating tensors have gradients, this one is int32',
      line: 'a.requireGrad()',
    })
  })
})

describe('gradients', () => {
  test('backward through more than one element', async () => {
    const a = ones([2, 3], { requiresGrad: true }).mul(2)
    await expectFailure(() => a.backward(), {
      type: GradError,
      op: 'backward',
      message:
        'expects a scalar, received shape [2, 3]; reduce it with sum() or mean(), or pass the gradient that flows into it',
      line: 'a.backward()',
    })
  })

  test('backward where no gradient flows', async () => {
    const a = ones([2]).sum()
    await expectFailure(() => a.backward(), {
      type: GradError,
      op: 'backward',
      message:
        'no gradient flows to this tensor: none of the tensors it was computed from requires one (or it was made inside noGrad)',
      line: 'a.backward()',
    })
  })

  test('a gradient of another shape', async () => {
    const a = ones([2, 3], { requiresGrad: true }).mul(2)
    const gradient = ones([3, 2])
    await expectFailure(() => a.backward(gradient), {
      type: ShapeError,
      op: 'backward',
      message: 'gradient [3, 2] and tensor [2, 3] differ',
      line: 'a.backward(gradient)',
    })
  })

  test('backward twice through one graph', async () => {
    const a = ones([2], { requiresGrad: true }).mul(2).sum()
    a.backward()
    await expectFailure(() => a.backward(), {
      type: GradError,
      op: 'backward',
      message:
        'the graph of this reduce result was released by an earlier backward(); pass { retainGraph: true } to that call',
      line: 'a.backward()',
    })
  })

  test('changing what was computed', async () => {
    const a = ones([2], { requiresGrad: true }).mul(2)
    await expectFailure(() => a.assign(ones([2])), {
      type: GradError,
      op: 'assign',
      message: 'only leaves can be assigned; this tensor was computed from others',
      line: 'a.assign(ones([2]))',
    })
    const leaf = zeros([2])
    await expectFailure(() => leaf.assign(ones([3])), {
      type: ShapeError,
      op: 'assign',
      message: 'cannot assign [3] to a leaf of shape [2]',
      line: 'leaf.assign(ones([3]))',
    })
  })
})

describe('values', () => {
  test('a negative size', async () => {
    await expectFailure(() => zeros([2, -3]), {
      type: ValueError,
      op: 'zeros',
      message: 'sizes must be whole numbers ≥ 0, received [2, -3]',
      line: 'zeros([2, -3])',
    })
  })

  test('int64 beyond int32', async () => {
    const data = new BigInt64Array([1n, 2n ** 40n])
    await expectFailure(() => tensor(data), {
      type: ValueError,
      op: 'tensor',
      message: 'int64 value 1099511627776 at position 1 does not fit into int32',
      line: 'tensor(data)',
    })
  })

  test('a device that is not here', async () => {
    await expectFailure(() => setDevice('abacus'), {
      type: ValueError,
      op: 'setDevice',
      message: /^setDevice: no device 'abacus' here; available: reference/,
      line: "setDevice('abacus')",
    })
  })
})

describe('stacks', () => {
  test('hold the caller of the caller, and nothing of the library or the engine', () => {
    const helper = (): unknown => zeros([2]).add(zeros([3]))
    try {
      ;[1].map(() => helper())
      expect.unreachable()
    } catch (error) {
      const frames = (error as Error).stack!.split('\n').slice(1)
      expect(frames[0]).toContain('operations.test.ts')
      expect(frames[1]).toContain('operations.test.ts')
      expect(frames.filter((frame) => frame.includes('/src/'))).toEqual([])
    }
  })
})
