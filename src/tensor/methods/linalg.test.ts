import { describe, expect, test } from 'vitest'
import { AxisError, DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { cdist, einsum, ones, tensor, zeros } from '../../index.ts'

describe('products', () => {
  test('name both shapes and what differs', () => {
    expect(() => zeros([2, 3]).matmul(zeros([4, 5]))).toThrow('matmul: inner dimensions differ: [2, 3] · [4, 5]: 3 ≠ 4')
    expect(() => zeros([2, 3]).mm(zeros([3]))).toThrow(
      'mm: expects 2 and 2 dimensions, received [2, 3] · [3]; matmul takes others',
    )
    expect(() => zeros([2, 3, 4]).bmm(zeros([3, 4, 5]))).toThrow('bmm: batch sizes differ: [2, 3, 4] · [3, 4, 5]')
    expect(() => zeros([2, 3, 4]).matmul(zeros([3, 4, 5]))).toThrow(ShapeError)
    expect(() => zeros([]).matmul(zeros([2]))).toThrow(ShapeError)
    expect(() => zeros([2]).addmm(zeros([2, 3]), zeros([3, 4]))).toThrow(ShapeError)
    expect(() => zeros([2, 4]).cross(zeros([2, 4]))).toThrow(ShapeError)
  })

  test('of bools are refused', () => {
    const x = tensor([[true]])
    expect(() => x.matmul(x)).toThrow(DTypeError)
  })

  test('of integers wrap like all integer arithmetic, and do not round', async () => {
    const x = tensor([[2 ** 30 + 1, 2 ** 30]], { dtype: 'int32' })
    expect(await x.matmul(x.t()).item()).toBe(Number(BigInt.asIntN(32, (2n ** 30n + 1n) ** 2n + 2n ** 60n)))
  })

  test('of different dtypes are promoted', () => {
    expect(ones([2, 2], { dtype: 'float64' }).matmul(ones([2, 2])).dtype).toBe('float64')
    expect(ones([2, 2], { dtype: 'int32' }).matmul(ones([2, 2])).dtype).toBe('float32')
  })

  test('powers are those of whole numbers', () => {
    expect(() => zeros([2, 2]).matrixPower(-1)).toThrow(ValueError)
    expect(() => zeros([2, 3]).matrixPower(2)).toThrow(ShapeError)
  })

  test('tensordot pairs its dims', () => {
    expect(() => zeros([2, 3]).tensordot(zeros([3, 2]), [[0], [1, 0]])).toThrow(ValueError)
    expect(() => zeros([2, 3]).tensordot(zeros([3, 2]), 3)).toThrow(AxisError)
    expect(() => zeros([2, 3]).tensordot(zeros([4, 2]), 1)).toThrow(ShapeError)
  })
})

describe('einsum', () => {
  test.each([
    ['ij,jk->il', ValueError, "einsum: 'ij,jk->il': the output names 'l', which no operand has"],
    ['ij,jk->ii', ValueError, "einsum: 'ij,jk->ii': the output names 'i' twice"],
    ['ij->j', ValueError, "einsum: 'ij->j': 1 terms for 2 operands"],
    ['i1,jk', ValueError, "einsum: 'i1,jk': 'i1' is not a list of letters with at most one '...'"],
    ['ij,jk->i->k', ValueError, "einsum: 'ij,jk->i->k': '->' may stand only once"],
    ['ijk,jk', ShapeError, "einsum: 'ijk' names 3 dimensions, operand 0 has shape [2, 3]"],
    ['ij,jk', ShapeError, "einsum: 'ij,jk': 'j' has size 3 and, in operand 1 of shape [4, 5], size 4"],
    ['...,...', ShapeError, "einsum: '...,...': '...' has size 2 and, in operand 1 of shape [4, 5], size 4"],
  ])('refuses %s', (equation, type, message) => {
    expect(() => einsum(equation, zeros([2, 3]), zeros([4, 5]))).toThrow(type)
    expect(() => einsum(equation, zeros([2, 3]), zeros([4, 5]))).toThrow(message)
  })

  test('multiplies the pair with the smallest result first', () => {
    const wide = zeros([2, 1000])
    const out = einsum('ai,bi,bc->ac', wide, zeros([3, 1000]), zeros([3, 4]))
    const sizes: number[] = []
    const visit = (node: typeof out.node): void => {
      if (node.op.name === 'contract') sizes.push(node.shape.reduce((a, b) => a * b, 1))
      node.inputs.forEach(visit)
    }
    visit(out.node)
    expect(sizes).toEqual([8, 6])
  })
})

describe('cdist', () => {
  test('takes the largest difference for p = Infinity', async () => {
    const x = tensor([[0, 3]]).requireGrad()
    const d = cdist(
      x,
      tensor([
        [1, -1],
        [5, 2],
      ]),
      { p: Number.POSITIVE_INFINITY },
    )
    expect(await d.toArray()).toEqual([[4, 5]])
    d.sum().backward()
    expect(await x.grad?.toArray()).toEqual([[-1, 1]])
  })

  test('checks rows and exponent', () => {
    expect(() => cdist(zeros([2, 3]), zeros([2, 4]))).toThrow(ShapeError)
    expect(() => cdist(zeros([2, 3]), zeros([2, 3]), { p: -1 })).toThrow(ValueError)
  })
})
