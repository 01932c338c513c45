import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DType, dtypes, isFloating, promoteTypes } from '../core/dtype.ts'
import { tryBroadcast } from '../core/shape.ts'
import { DTypeError, full, ShapeError, type Tensor, tensor, ValueError } from '../index.ts'

/* Laws that hold for all dtypes, shapes and values. */

const anyDType = fc.constantFrom<DType>(...dtypes)
const anyShape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
const numeric = dtypes.filter((dtype) => dtype !== 'bool')
/** Never −0, which arithmetic does not keep apart from 0. */
const finite = fc.double({ min: -100, max: 100, noNaN: true }).map((x) => x + 0)
const list = fc.array(finite, { minLength: 1, maxLength: 12 })
const whole = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const doubles = (values: number[]): Tensor => tensor(values, { dtype: 'float64' })

/** Two shapes that broadcast: one shape, in each of two copies some sizes made 1 and leading ones dropped. */
const broadcastable = anyShape.chain((shape) => {
  const weakened = fc
    .tuple(fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.nat(shape.length))
    .map(([ones, dropped]) => shape.map((n, d) => (ones[d] ? 1 : n)).slice(dropped))
  return fc.tuple(weakened, weakened)
})

describe('promotion', () => {
  test('of two dtypes is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(anyDType, anyDType, anyDType, (a, b, c) => {
        expect(promoteTypes(a, b)).toBe(promoteTypes(b, a))
        expect(promoteTypes(a, a)).toBe(a)
        expect(promoteTypes(promoteTypes(a, b), c)).toBe(promoteTypes(a, promoteTypes(b, c)))
        expect(isFloating(promoteTypes(a, b))).toBe(isFloating(a) || isFloating(b))
      }),
    )
  })

  test('does not depend on the order of the operands, whatever their ranks', () => {
    fc.assert(
      fc.property(anyDType, anyDType, fc.boolean(), fc.boolean(), (a, b, scalarA, scalarB) => {
        const x = full(scalarA ? [] : [2], 1, { dtype: a })
        const y = full(scalarB ? [] : [2], 1, { dtype: b })
        expect(x.add(y).dtype).toBe(y.add(x).dtype)
        expect(x.mul(y).dtype).toBe(x.add(y).dtype)
        expect(x.maximum(y).dtype).toBe(x.add(y).dtype)
        expect(x.lt(y).dtype).toBe('bool')
        expect(isFloating(x.div(y).dtype)).toBe(true)
        if (scalarA === scalarB) expect(x.add(y).dtype).toBe(promoteTypes(a, b))
      }),
    )
  })

  test('lets a scalar tensor change the category only', () => {
    fc.assert(
      fc.property(fc.constantFrom(...numeric), anyDType, (a, b) => {
        const sum = full([2], 1, { dtype: a }).add(full([], 1, { dtype: b })).dtype
        expect(sum).toBe(isFloating(b) && !isFloating(a) ? b : a)
      }),
    )
  })

  test('lets a number change the category only', () => {
    fc.assert(
      fc.property(fc.constantFrom(...numeric), fc.integer({ min: 0, max: 100 }), finite, (dtype, n, x) => {
        expect(full([2], 1, { dtype }).add(n).dtype).toBe(dtype)
        const mixed = full([2], 1, { dtype }).add(x).dtype
        expect(mixed).toBe(isFloating(dtype) || Number.isInteger(x) ? dtype : 'float32')
      }),
    )
    expect(full([2], 1, { dtype: 'bool' }).add(2).dtype).toBe('int32')
  })

  test('is refused where there is no meaning', () => {
    const bools = full([2], 1, { dtype: 'bool' })
    expect(() => bools.sub(bools)).toThrow(DTypeError)
    expect(() => bools.neg()).toThrow('neg: expects integer dtype or floating dtype, received bool')
    expect(() => tensor([1]).bitwiseAnd(1)).toThrow('bitwiseAnd: expects bool or integer dtype, received float32')
    expect(() => tensor([1]).gcd(2)).toThrow('gcd: expects integer dtype, received float32')
    expect(() => tensor([1], { dtype: 'int32' }).frac()).toThrow(
      "frac: expects a floating dtype, received int32; convert with .to('float32')",
    )
    expect(() => tensor([1], { dtype: 'int32' }).mean()).toThrow('mean: expects a floating dtype, received int32')
    expect(() => tensor([1], { dtype: 'int32' }).pow(-1)).toThrow(ValueError)
    expect(() => tensor([1]).isClose(tensor([1], { dtype: 'float64' }))).toThrow('expects two tensors of one dtype')
    expect(() => tensor([1]).clamp(undefined)).toThrow('clamp: expects min, max or both')
    expect(() => tensor([1]).polygamma(-1)).toThrow('expects a whole order ≥ 0, received -1')
  })
})

describe('broadcasting', () => {
  test('gives the shape of NumPy’s rule, in either order', () => {
    fc.assert(
      fc.property(broadcastable, ([a, b]) => {
        const shape = tryBroadcast(a, b)!
        expect(full(a, 1).add(full(b, 1)).shape).toEqual(shape)
        expect(full(b, 1).add(full(a, 1)).shape).toEqual(shape)
        expect(shape.length).toBe(Math.max(a.length, b.length))
        for (const one of [a, b]) expect(tryBroadcast(one, shape)).toEqual(shape)
      }),
    )
  })

  test('is associative', () => {
    fc.assert(
      fc.property(anyShape, anyShape, anyShape, (a, b, c) => {
        const ab = tryBroadcast(a, b)
        const bc = tryBroadcast(b, c)
        if (ab && bc) expect(tryBroadcast(ab, c)).toEqual(tryBroadcast(a, bc))
      }),
    )
  })

  test('equals expanding first', () => {
    fc.assert(
      fc.property(broadcastable, ([a, b]) => {
        const count = (shape: number[]): Tensor => {
          const size = shape.reduce((product, n) => product * n, 1)
          return tensor(
            Float64Array.from({ length: size }, (_, i) => i + 1),
            { shape },
          )
        }
        const [x, y] = [count(a), count(b)]
        const shape = [...tryBroadcast(a, b)!]
        expect(x.sub(y).toArraySync()).toEqual(x.expand(shape).sub(y.expand(shape)).toArraySync())
      }),
      { numRuns: 60 },
    )
  })

  test('sums gradients over what was repeated', () => {
    fc.assert(
      fc.property(broadcastable, ([a, b]) => {
        const x = full(a, 2, { dtype: 'float64', requiresGrad: true })
        const y = full(b, 3, { dtype: 'float64' })
        const product = x.mul(y)
        product.sum().backward()
        const repeats = x.size === 0 ? 0 : product.size / x.size
        expect(x.grad!.dataSync().every((g) => g === 3 * repeats)).toBe(true)
        expect(x.grad!.shape).toEqual(a)
      }),
      { numRuns: 60 },
    )
  })

  test('refuses sizes that differ and are not 1', () => {
    fc.assert(
      fc.property(anyShape, anyShape, (a, b) => {
        fc.pre(!tryBroadcast(a, b))
        expect(() => full(a, 1).add(full(b, 1))).toThrow(ShapeError)
      }),
    )
    expect(() => full([2, 3], 1).add(full([4], 1))).toThrow('add: shapes [2, 3] and [4] do not broadcast')
  })
})

describe('arithmetic', () => {
  test('a = b · ⌊a / b⌋ + (a mod b), whose sign is that of b', () => {
    fc.assert(
      fc.property(whole, whole, (a, b) => {
        fc.pre(b !== 0 && !(a === -(2 ** 31) && b === -1))
        const [x, y] = [tensor([a], { dtype: 'int32' }), tensor([b], { dtype: 'int32' })]
        const rest = x.remainder(y)
        expect(y.mul(x.floorDivide(y)).add(rest).itemSync()).toBe(a)
        expect(rest.sign().itemSync() * Math.sign(b)).toBeGreaterThanOrEqual(0)
        const truncated = x.div(y, { roundingMode: 'trunc' })
        expect(y.mul(truncated).add(x.fmod(y)).itemSync()).toBe(a)
        expect(truncated.itemSync()).toBe(Math.trunc(a / b) + 0)
      }),
    )
  })

  test('gcd · lcm = |a · b|', () => {
    const small = fc.integer({ min: -1000, max: 1000 })
    fc.assert(
      fc.property(small, small, (a, b) => {
        const [x, y] = [tensor([a], { dtype: 'int32' }), tensor([b], { dtype: 'int32' })]
        expect(x.gcd(y).mul(x.lcm(y)).itemSync()).toBe(Math.abs(a * b))
      }),
    )
  })

  test('exactly one of <, =, > holds; ≤ and ≥ are their unions', () => {
    const number = fc.oneof(finite, fc.constantFrom(0, -0, Infinity, -Infinity))
    fc.assert(
      fc.property(number, number, (a, b) => {
        const [x, y] = [doubles([a]), doubles([b])]
        const holds = (t: Tensor): number => t.itemSync()
        expect(holds(x.lt(y)) + holds(x.eq(y)) + holds(x.gt(y))).toBe(1)
        expect(holds(x.le(y))).toBe(holds(x.lt(y)) | holds(x.eq(y)))
        expect(holds(x.ge(y))).toBe(holds(x.gt(y)) | holds(x.eq(y)))
        expect(holds(x.ne(y))).toBe(1 - holds(x.eq(y)))
      }),
    )
  })

  test('integers wrap as in C', () => {
    fc.assert(
      fc.property(whole, whole, (a, b) => {
        const [x, y] = [tensor([a], { dtype: 'int32' }), tensor([b], { dtype: 'int32' })]
        expect(x.add(y).itemSync()).toBe((a + b) | 0)
        expect(x.mul(y).itemSync()).toBe(Math.imul(a, b))
      }),
    )
  })
})

describe('reductions', () => {
  test('over all dims equal reductions one after the other', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(finite, finite, finite), { minLength: 1, maxLength: 5 }), (rows) => {
        const x = tensor(rows, { dtype: 'float64' })
        expect(x.sum().itemSync()).toBeCloseTo(x.sum(0).sum().itemSync(), 9)
        expect(x.amax().itemSync()).toBe(x.amax(1).amax().itemSync())
        expect(x.logSumExp().itemSync()).toBeCloseTo(x.logSumExp(0).logSumExp().itemSync(), 9)
        expect(x.countNonzero().itemSync()).toBe(x.countNonzero(0).sum().itemSync())
      }),
    )
  })

  test('agree with each other', () => {
    fc.assert(
      fc.property(list, (values) => {
        const x = doubles(values)
        const [least, most] = [Math.min(...values), Math.max(...values)]
        expect([x.min().itemSync(), x.max().itemSync()]).toEqual([least, most])
        expect([x.quantile(0).itemSync(), x.quantile(1).itemSync()]).toEqual([least, most])
        expect(values[x.argMax().itemSync()]).toBe(most)
        expect(x.kthvalue(1).values.itemSync()).toBe(least)
        expect(x.median().itemSync()).toBe(x.kthvalue(Math.ceil(values.length / 2)).values.itemSync())
        expect(x.cumsum(0).dataSync().at(-1)).toBeCloseTo(x.sum().itemSync(), 9)
        expect(x.cummax(0).values.dataSync().at(-1)).toBe(most)
        const mean = x.mean().itemSync()
        expect(mean).toBeGreaterThanOrEqual(least - 1e-9)
        expect(mean).toBeLessThanOrEqual(most + 1e-9)
        const spread = x.square().mean().itemSync() - mean * mean
        expect(x.var(undefined, { correction: 0 }).itemSync()).toBeCloseTo(spread, 7)
        expect(x.norm(1).itemSync()).toBeGreaterThanOrEqual(x.norm(2).itemSync() - 1e-9)
        expect(x.norm(2).itemSync()).toBeGreaterThanOrEqual(x.norm(Infinity).itemSync() - 1e-9)
      }),
    )
  })

  test('softmax is positive, sums to 1 and does not see a shift', () => {
    fc.assert(
      fc.property(list, finite, (values, shift) => {
        const y = doubles(values).softmax(0)
        expect(y.sum().itemSync()).toBeCloseTo(1, 12)
        expect(y.dataSync().every((p) => p >= 0)).toBe(true)
        const moved = doubles(values).add(shift).softmax(0)
        expect(y.sub(moved).abs().amax().itemSync()).toBeLessThan(1e-12)
        expect(doubles(values).logSoftmax(0).exp().sub(y).abs().amax().itemSync()).toBeLessThan(1e-12)
      }),
    )
  })

  test('diff undoes cumsum', () => {
    fc.assert(
      fc.property(fc.array(whole, { minLength: 1, maxLength: 12 }), (values) => {
        const x = tensor(values, { dtype: 'int32' })
        expect(
          x
            .cumsum(0)
            .diff(1, 0, { prepend: tensor([0], { dtype: 'int32' }) })
            .toArraySync(),
        ).toEqual(values)
      }),
    )
  })

  test('refuse what has no meaning', () => {
    const none = full([0, 3], 1)
    expect(() => none.amax()).toThrow('max: no max over zero elements: shape [0, 3], dims [0, 1]')
    expect(() => none.argMax(0)).toThrow(ValueError)
    expect(() => none.median(0)).toThrow('no median over zero elements: shape [0, 3], dim 0')
    expect(() => none.quantile(0.5)).toThrow('no quantile over zero elements')
    expect(() => full([3], 1).quantile(1.5)).toThrow('quantile: expects 0 ≤ q ≤ 1, received 1.5')
    expect(() => full([3], 1).kthvalue(4)).toThrow('expects k from 1 to 3, the size of dim 0, received 4')
    expect(() => full([3], 1).sum(1)).toThrow('sum: dim 1 is out of range for a tensor of 1 dimensions')
    expect(() => full([3, 3], 1).sum([0, -2])).toThrow('name a dimension twice')
    expect(() => full([3], 1).histc({ bins: 0 })).toThrow('expects at least one bin, received 0')
    expect(() => full([3], 1).histc({ min: 2, max: 1 })).toThrow('expects min ≤ max')
    expect(() => full([3], 1).histogram(0)).toThrow('histogram: expects at least one bin, received 0')
    expect(() => full([3], 1).histogram(2, { range: [1, 0] })).toThrow('expects a range [low, high], received [1, 0]')
    expect(() => full([3], 1).histogram(2, { weight: full([2], 1) })).toThrow('expects weights [3], received [2]')
    expect(() => full([2, 3], 1).sumToSize(2)).toThrow('sumToSize: [2] does not broadcast to [2, 3]')
    expect(() => full([2, 2, 2], 1).cov()).toThrow(
      'expects [variables, observations] or [observations], received [2, 2, 2]',
    )
    expect(() => full([2, 3], 1).cov({ fweights: full([2], 1) })).toThrow('expects weights [3], received [2]')
    expect(() => full([], 1).diff()).toThrow(ShapeError)
    expect(() => full([2], 1).diff(-1)).toThrow('expects a whole order ≥ 0')
  })

  test('bincount refuses negative values, other dtypes and shapes', async () => {
    await expect(tensor([-1], { dtype: 'int32' }).bincount()).rejects.toThrow('expects no negative values, received -1')
    await expect(tensor([1]).bincount()).rejects.toThrow('bincount: expects int32 or uint8, received float32')
    await expect(full([2, 2], 1, { dtype: 'int32' }).bincount()).rejects.toThrow('expects one dimension')
    await expect(full([2], 1, { dtype: 'int32' }).bincount({ weights: full([3], 1) })).rejects.toThrow(
      'expects weights [2]',
    )
  })
})
