import { describe, expect, test } from 'vitest'
import { observeRuns } from '../../test/observed-runs.ts'
import { bytesPerElement } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import { evaluationOrder } from '../graph/interpret.ts'
import { expand, type Node } from '../graph/node.ts'
import { postorder } from '../graph/walk.ts'
import {
  bernoulli,
  checkpoint,
  customGrad,
  enableGrad,
  full,
  GradError,
  grad,
  gradients,
  manualSeed,
  noGrad,
  rand,
  randn,
  type Tensor,
  tensor,
  valueAndGrad,
} from '../index.ts'

const wide = (data: number | number[]): Tensor => tensor(data, { dtype: 'float64' })
const expectClose = (x: Tensor, expected: number[], digits = 9): void => {
  const data = x.dataSync()
  expect(data.length).toBe(expected.length)
  for (const [i, value] of expected.entries()) expect(data[i]).toBeCloseTo(value, digits)
}

describe('backward', () => {
  test('accumulates over calls and over uses', () => {
    const x = wide([1, 2]).requireGrad()
    x.mul(x).sum().backward()
    x.mul(3).sum().backward()
    expectClose(x.grad!, [5, 7])
  })

  test('reaches leaves only, unless a result retains its gradient', () => {
    const x = wide([1, 2]).requireGrad()
    const plain = x.mul(2)
    const kept = x.mul(3).retainGrad()
    plain.mul(kept).sum().backward()
    expect(plain.grad).toBeUndefined()
    expectClose(kept.grad!, [2, 4])
    expectClose(x.grad!, [12, 24])
  })

  test('tells leaves from results', () => {
    const x = wide([1]).requireGrad()
    const y = x.mul(2)
    expect([x.isLeaf, y.isLeaf, y.detach().isLeaf, y.requiresGrad, y.detach().requiresGrad]).toEqual([
      true,
      false,
      true,
      true,
      false,
    ])
    expect(() => y.requireGrad(false)).toThrow('requireGrad: only leaves can be changed; use detach()')
    expect(() => tensor([1], { dtype: 'int32' }).requireGrad()).toThrow('only floating tensors have gradients')
  })

  test('starts from the gradient it is given', () => {
    const x = wide([1, 2]).requireGrad()
    x.square().backward(wide([10, 100]))
    expectClose(x.grad!, [20, 400])
  })

  test('passes a cast between floats and ends at one to integers', () => {
    const x = tensor([0.1, 2]).requireGrad()
    x.to('float64')
      .square()
      .to('float16')
      .mul(tensor([1, 10], { dtype: 'float16' }))
      .sum()
      .backward()
    expect(x.grad!.dtype).toBe('float32')
    expectClose(x.grad!, [Math.fround(0.1) * 2, 40])
    expect(x.to('int32').requiresGrad).toBe(false)
    expectClose(grad(grad((y: Tensor) => y.to('float64').pow(3).sum()))(tensor([2])), [12])
  })

  test('refuses what has no meaning', () => {
    const x = wide([1, 2]).requireGrad()
    expect(() => x.square().backward()).toThrow(GradError)
    expect(() => x.square().backward()).toThrow('expects a scalar, received shape [2]; reduce it with sum() or mean()')
    expect(() => wide([1]).backward()).toThrow('no gradient flows to this tensor')
    const y = x.square().sum()
    y.backward()
    expect(() => y.backward()).toThrow('pass { retainGraph: true }')
  })

  test('may be repeated when the graph is retained', () => {
    const x = wide([3]).requireGrad()
    const y = x.square().sum()
    y.backward(undefined, { retainGraph: true })
    y.backward()
    expectClose(x.grad!, [12])
  })

  test('with createGraph leaves gradients that can be differentiated', () => {
    const x = wide([3]).requireGrad()
    x.pow(3).sum().backward(undefined, { createGraph: true })
    const first = x.grad!
    x.grad = undefined
    first.sum().backward()
    expectClose(x.grad!, [18])
  })
})

describe('noGrad and enableGrad', () => {
  test('switch recording off and on, and back when done', () => {
    const x = wide([1]).requireGrad()
    const [outer, inner] = noGrad(() => [x.mul(2), enableGrad(() => x.mul(2))])
    expect([outer?.requiresGrad, inner?.requiresGrad, x.mul(2).requiresGrad]).toEqual([false, true, true])
  })

  test('switch back after an error', () => {
    const x = wide([1]).requireGrad()
    expect(() =>
      noGrad(() => {
        throw new RangeError('inside')
      }),
    ).toThrow('inside')
    expect(x.mul(2).requiresGrad).toBe(true)
  })

  test('refuse asynchronous functions', async () => {
    const x = wide([1]).requireGrad()
    expect(() => noGrad(async () => x.mul(2))).toThrow(GradError)
    expect(() =>
      noGrad(async () => {
        throw new RangeError('must not end the process')
      }),
    ).toThrow('noGrad: expects a synchronous function, received one that returns a promise')
    expect(() => enableGrad(() => x.data())).toThrow('enableGrad: expects a synchronous function')
    await Promise.resolve()
    expect(x.mul(2).requiresGrad).toBe(true)
  })
})

describe('grad', () => {
  test('gives the gradient of a function, zero where it does not depend on its argument', () => {
    expectClose(grad((x: Tensor) => x.square().sum())(wide([1, -2])), [2, -4])
    expectClose(grad((_x: Tensor) => wide(3))(wide([1, -2])), [0, 0])
  })

  test('differentiates by the arguments that are named', () => {
    const fn = (x: Tensor, scale: number, y: Tensor): Tensor => x.mul(y).mul(scale).sum()
    const by = grad(fn, { argNums: [2, 0] })(wide([1, 2]), 10, wide([3, 4]))
    expect(by.map((dx) => dx.toArraySync())).toEqual([
      [10, 20],
      [30, 40],
    ])
    expectClose(grad(fn, { argNums: 2 })(wide([1, 2]), 10, wide([3, 4])), [10, 20])
  })

  test('comes with the value', () => {
    const [value, dx] = valueAndGrad((x: Tensor) => x.exp().sum())(wide([0, 1]))
    expectClose(value, [1 + Math.E])
    expectClose(dx, [1, Math.E])
    const [, both] = valueAndGrad((x: Tensor, y: Tensor) => x.mul(y).sum(), { argNums: [0, 1] })(wide([2]), wide([5]))
    expect(both.map((d) => d.itemSync())).toEqual([5, 2])
    expect([value.requiresGrad, dx.requiresGrad]).toEqual([false, false])
  })

  test('nests: the third derivative of sin(x²) and of x⁵', () => {
    const third = (fn: (x: Tensor) => Tensor): ((x: Tensor) => Tensor) => grad(grad(grad(fn)))
    const x = 0.7
    const expected = -12 * x * Math.sin(x * x) - 8 * x ** 3 * Math.cos(x * x)
    expectClose(third((t) => t.square().sin())(wide(x)), [expected])
    expectClose(third((t) => t.pow(5))(wide(x)), [60 * x * x])
  })

  test('nests by several variables', () => {
    const fn = (x: Tensor, y: Tensor): Tensor => x.pow(3).mul(y.square())
    const mixed = grad((x: Tensor, y: Tensor) => grad(fn, { argNums: 1 })(x, y), { argNums: 0 })
    expectClose(mixed(wide(2), wide(5)), [3 * 4 * 2 * 5])
    // the inner variable shadows the outer one, which still counts where it is read directly
    expectClose(grad((x: Tensor) => grad((y: Tensor) => y.mul(x).square())(x))(wide(3)), [6 * 9])
  })

  test('flows on to leaves: a gradient penalty', () => {
    const w = wide([2, 3]).requireGrad()
    const penalty = grad((x: Tensor) => x.square().mul(w).sum())(wide([1, 2]))
      .square()
      .sum()
    penalty.backward() // Σ (2 x w)²
    expectClose(w.grad!, [16, 96])
    expect(noGrad(() => grad((x: Tensor) => x.mul(w).sum())(wide([1, 2]))).requiresGrad).toBe(false)
  })

  test('works inside noGrad', () => {
    expectClose(
      noGrad(() => grad((x: Tensor) => x.square().sum())(wide([4]))),
      [8],
    )
  })

  test('leaves the grad of its arguments alone', () => {
    const x = wide([1]).requireGrad()
    grad((y: Tensor) => y.square().sum())(x)
    expect(x.grad).toBeUndefined()
  })

  test('refuses what has no meaning', () => {
    expect(() => grad((x: Tensor) => x.mul(2))(wide([1, 2]))).toThrow(
      'returns one floating number, received float64 [2]',
    )
    expect(() => grad((x: Tensor) => x.argMax())(wide([1, 2]))).toThrow('received int32 []')
    expect(() => grad((x: Tensor) => x.sum())(tensor([1], { dtype: 'int32' }))).toThrow(
      'is int32; floating dtypes only',
    )
    expect(() => grad((x: number) => wide(x))(3)).toThrow('argument 0 is to be differentiated by, but is no tensor')
    expect(() => grad((async () => wide(1)) as unknown as () => Tensor, { argNums: [] })()).toThrow('synchronous')
    expect(() => grad((() => 3) as unknown as (x: Tensor) => Tensor)(wide(1))).toThrow(
      'returns one tensor, received number',
    )
  })
})

/** Smooth functions with a point inside their domain. */
const smooth: [string, (x: Tensor) => Tensor, number][] = [
  ['exp', (x) => x.exp(), 0.3],
  ['exp2', (x) => x.exp2(), 0.3],
  ['expm1', (x) => x.expm1(), 0.3],
  ['log', (x) => x.log(), 0.7],
  ['log2', (x) => x.log2(), 0.7],
  ['log10', (x) => x.log10(), 0.7],
  ['log1p', (x) => x.log1p(), 0.7],
  ['sin', (x) => x.sin(), 0.4],
  ['cos', (x) => x.cos(), 0.4],
  ['tan', (x) => x.tan(), 0.4],
  ['asin', (x) => x.asin(), 0.4],
  ['acos', (x) => x.acos(), 0.4],
  ['atan', (x) => x.atan(), 0.4],
  ['sinh', (x) => x.sinh(), 0.4],
  ['cosh', (x) => x.cosh(), 0.4],
  ['tanh', (x) => x.tanh(), 0.4],
  ['asinh', (x) => x.asinh(), 0.4],
  ['acosh', (x) => x.acosh(), 1.9],
  ['atanh', (x) => x.atanh(), 0.4],
  ['sigmoid', (x) => x.sigmoid(), 0.4],
  ['logit', (x) => x.logit(), 0.3],
  ['sinc', (x) => x.sinc(), 0.3],
  ['erf', (x) => x.erf(), 0.3],
  ['erfc', (x) => x.erfc(), 0.3],
  ['erfinv', (x) => x.erfinv(), 0.3],
  ['lgamma', (x) => x.lgamma(), 1.3],
  ['digamma', (x) => x.digamma(), 1.3],
  ['polygamma', (x) => x.polygamma(1), 1.3],
  ['i0', (x) => x.i0(), 1.3],
  ['sqrt', (x) => x.sqrt(), 0.7],
  ['rsqrt', (x) => x.rsqrt(), 0.7],
  ['reciprocal', (x) => x.reciprocal(), 0.7],
  ['square', (x) => x.square(), 0.7],
  ['pow', (x) => x.pow(2.5), 0.7],
  ['pow as exponent', (x) => full([], 3, { dtype: 'float64' }).pow(x), 0.7],
  ['div', (x) => x.div(x.square().add(1)), 0.7],
  ['atan2', (x) => x.atan2(x.square().add(0.5)), 0.7],
  ['hypot', (x) => x.hypot(x.square().add(0.5)), 0.7],
  ['logaddexp', (x) => x.logaddexp(x.square()), 0.7],
  ['logaddexp2', (x) => x.logaddexp2(x.square()), 0.7],
  ['xlogy', (x) => x.xlogy(x.add(1)), 0.7],
  ['lerp', (x) => x.lerp(x.square(), x.exp()), 0.7],
  ['addcdiv', (x) => x.addcdiv(x.square(), x.exp(), { value: 2 }), 0.7],
  ['softmax', (x) => steps(x).softmax(0).select(0, 1), 0.7],
  ['logSoftmax', (x) => steps(x).logSoftmax(0).select(0, 1), 0.7],
  ['logSumExp', (x) => steps(x).logSumExp(), 0.7],
  ['logcumsumexp', (x) => steps(x).logcumsumexp(0).select(0, 2), 0.7],
  ['cumprod', (x) => steps(x).cumprod(0).sum(), 0.7],
  ['prod', (x) => steps(x).prod(), 0.7],
  ['var', (x) => steps(x).var(), 0.7],
  ['std', (x) => steps(x).std(), 0.7],
  ['norm', (x) => steps(x).norm(), 0.7],
  ['norm 3', (x) => steps(x).norm(3), 0.7],
  [
    'corrcoef',
    (x) =>
      steps(x)
        .mul(wide([1, 3, -2]))
        .add(x)
        .reshape(1, 3)
        .cov(),
    0.7,
  ],
]

/** Three different functions of x. */
function steps(x: Tensor): Tensor {
  return x.mul(wide([1, -2, 0.5])).add(x.square().mul(wide([0.3, 1, -1])))
}

test.each(smooth)('first to third derivative of %s', (_, fn, at) => {
  let derivative = fn
  for (const digits of [8, 7, 6]) {
    const below = derivative
    derivative = grad(below)
    const h = 1e-3
    const point = (k: number): number => below(wide(at + k * h)).itemSync()
    const difference = (8 * (point(1) - point(-1)) - (point(2) - point(-2))) / (12 * h)
    expect(derivative(wide(at)).itemSync()).toBeCloseTo(difference, digits)
  }
})

describe('gradients', () => {
  test('of results by results and leaves, several at once', () => {
    const x = wide([1, 2]).requireGrad()
    const y = x.square()
    const z = y.mul(x).sum()
    expect(gradients(z, [x, y], { retainGraph: true }).map((g) => g.toArraySync())).toEqual([
      [3, 12],
      [1, 2],
    ])
    expectClose(gradients(z, y)[0]!, [1, 2])
    expect(x.grad).toBeUndefined()
  })

  test('sum over outputs, weighted by gradOutputs', () => {
    const x = wide([1, 2]).requireGrad()
    const [dx] = gradients([x.square(), x.mul(10)], x, { gradOutputs: [wide([1, 10]), wide([1, 1])] })
    expectClose(dx!, [12, 50])
  })

  test('can be differentiated again with createGraph only', () => {
    const x = wide([2]).requireGrad()
    const [plain] = gradients(x.pow(3).sum(), x)
    expect(plain?.requiresGrad).toBe(false)
    const [first] = gradients(x.pow(3).sum(), x, { createGraph: true })
    expectClose(gradients(first!.sum(), x)[0]!, [12])
  })

  test('refuses what has no meaning', () => {
    const x = wide([1, 2]).requireGrad()
    const other = wide([1]).requireGrad()
    const y = x.sum()
    expect(() => gradients(y, other)).toThrow('the outputs do not depend on input 0; pass { allowUnused: true }')
    expectClose(gradients(y, other, { allowUnused: true, retainGraph: true })[0]!, [0])
    expect(() => gradients(y, wide([1]))).toThrow('input 0 does not require a gradient')
    expect(() => gradients(wide(1), x)).toThrow('no gradient flows to output 0')
    expect(() => gradients(x.square(), x)).toThrow('output 0 has shape [2]; reduce it')
    expect(() => gradients(x.square(), x, { gradOutputs: [wide([1])] })).toThrow(
      'gradOutputs[0] has shape [1], output 0 has [2]',
    )
    expect(() => gradients(x.square(), x, { gradOutputs: [] })).toThrow('expects 1 gradOutputs')
    gradients(y, x)
    expect(() => gradients(y, x)).toThrow('was released by an earlier backward()')
  })
})

/** {@link peakBytes} of every realisation so far. */
const peaks: number[] = []

observeRuns((roots) => peaks.push(peakBytes(roots)))

/** Most bytes alive at once when `roots` are evaluated in the interpreter's order; views own nothing. */
function peakBytes(roots: readonly Node[]): number {
  const below = (node: Node): readonly Node[] => (node.op.evaluate ? node.inputs : [expand(node)])
  const owner = (node: Node): Node => {
    let at = node
    while (at.op.kind === 'view' && at.inputs[0] && sizeOf(at.shape) === sizeOf(at.inputs[0].shape)) at = at.inputs[0]
    return at
  }
  const order = evaluationOrder(roots)
  const lastUse = new Map<Node, number>()
  for (const [i, node] of order.entries()) for (const input of below(node)) lastUse.set(owner(input), i)
  for (const root of roots) lastUse.set(owner(root), order.length)
  let [alive, peak] = [0, 0]
  const ends = new Map<number, number>()
  for (const [i, node] of order.entries()) {
    if (owner(node) === node) {
      const bytes = sizeOf(node.shape) * bytesPerElement(node.dtype)
      alive += bytes
      const end = lastUse.get(node) ?? i
      ends.set(end, (ends.get(end) ?? 0) + bytes)
    }
    peak = Math.max(peak, alive)
    alive -= ends.get(i) ?? 0
  }
  return peak
}

describe('checkpoint', () => {
  /** Two layers whose inner results a derivative needs. */
  const block = (x: Tensor, w: Tensor): Tensor => x.mul(w).tanh().mul(w).sin().mul(w).exp().sub(1).tanh()

  function run(depth: number, size: number, wrapBlock: boolean): { loss: Tensor; leaves: Tensor[] } {
    const leaves = Array.from({ length: depth }, (_, i) =>
      full([], 0.5 + i / 10, { dtype: 'float64', requiresGrad: true }),
    )
    let x = full([size], 0.3, { dtype: 'float64' })
    for (const w of leaves) x = wrapBlock ? checkpoint(block, x, w) : block(x, w)
    const loss = x.sum()
    loss.backward()
    return { loss, leaves }
  }

  test('gives the same value and the same gradients', () => {
    const [plain, wrapped] = [run(4, 3, false), run(4, 3, true)]
    expect(wrapped.loss.itemSync()).toBe(plain.loss.itemSync())
    expect(wrapped.leaves.map((w) => w.grad!.itemSync())).toEqual(plain.leaves.map((w) => w.grad!.itemSync()))
  })

  test('keeps nothing between its ends', () => {
    const size = 1000
    const peak = (depth: number, wrapBlock: boolean): number => {
      const { loss, leaves } = run(depth, size, wrapBlock)
      for (const w of leaves) w.assign(w.sub(w.grad!))
      peaks.length = 0
      loss.itemSync()
      expect(peaks).toHaveLength(1)
      return peaks[0]! / (8 * size)
    }
    const slope = (wrapBlock: boolean): number => (peak(12, wrapBlock) - peak(4, wrapBlock)) / 8
    expect(slope(false)).toBeGreaterThanOrEqual(5) // every inner result of every layer
    expect(slope(true)).toBeLessThan(1.1) // one result a layer
  })

  test('reads tensors from outside, too', () => {
    const w = wide([2, 3]).requireGrad()
    const x = wide([1, 2]).requireGrad()
    checkpoint(() => x.mul(w).square())
      .sum()
      .backward()
    expectClose(w.grad!, [4, 24])
    expectClose(x.grad!, [8, 36])
  })

  test('calls its function once and uses the same random numbers again', () => {
    manualSeed(5)
    const x = full([1000], 1, { dtype: 'float64', requiresGrad: true })
    let calls = 0
    const y = checkpoint((input: Tensor) => {
      calls++
      const mask = bernoulli(full([1000], 0.5, { dtype: 'float64' }))
      return input
        .mul(mask)
        .mul(randn([1000], { dtype: 'float64' }))
        .mul(input)
    }, x)
    const next = rand([1]).itemSync()
    y.sum().backward()
    expect(calls).toBe(1)
    expect(x.grad!.toArraySync()).toEqual(y.mul(2).toArraySync()) // x² · m · r has the derivative 2 · m · r at x = 1
    manualSeed(5)
    bernoulli(full([1000], 0.5))
    randn([1000])
    expect(rand([1]).itemSync()).toBe(next)
  })

  test('nests, in itself and in higher derivatives', () => {
    const cube = (x: Tensor): Tensor => checkpoint((y: Tensor) => checkpoint((z: Tensor) => z.square(), y).mul(y), x)
    expectClose(grad(cube)(wide(3)), [27])
    expectClose(grad(grad(cube))(wide(3)), [18])
    expectClose(grad(grad(grad(cube)))(wide(3)), [6])
  })

  test('reads the barrier that keeps both recordings apart', () => {
    const x = wide([1]).requireGrad()
    checkpoint((y: Tensor) => y.exp().exp(), x)
      .sum()
      .backward()
    const history = postorder([x.grad!.node], (node) => node.inputs)
    expect(history.filter(({ op }) => op.name === 'barrier')).toHaveLength(1)
    expect(history.filter(({ op }) => op.name === 'checkpoint')).toHaveLength(0)
  })

  test('leaves alone what needs no gradient', () => {
    const x = wide([2])
    expect(checkpoint((y: Tensor) => y.square(), x).node.op.name).toBe('mul')
    const leaf = wide([2]).requireGrad()
    expect(checkpoint(() => leaf).node).toBe(leaf.node)
    expect(noGrad(() => checkpoint(() => leaf.square())).requiresGrad).toBe(false)
  })

  test('keeps gradients flowing after its value was read', async () => {
    const x = wide([2]).requireGrad()
    const y = checkpoint((z: Tensor) => z.pow(3).mul(2), x).sum()
    expect(await y.item()).toBe(16)
    y.backward()
    expectClose(x.grad!, [24])
  })

  test('refuses asynchronous functions', () => {
    const later = async (): Promise<Tensor> => wide(1)
    expect(() => checkpoint(later as unknown as () => Tensor)).toThrow('checkpoint: expects a synchronous function')
  })
})

describe('customGrad', () => {
  test('uses the custom derivative instead of that of forward', () => {
    const straightThrough = customGrad(
      (x: Tensor) => x.round(),
      (dy) => dy,
    )
    const x = wide([0.4, 1.6]).requireGrad()
    const y = straightThrough(x)
    y.mul(wide([1, 10]))
      .sum()
      .backward()
    expect(y.toArraySync()).toEqual([0, 2])
    expectClose(x.grad!, [1, 10])
  })

  test('knows arguments and value, and is asked once for all arguments', () => {
    let calls = 0
    const product = customGrad(
      (a: Tensor, b: Tensor) => a.mul(b),
      (dy, [a, b], value) => {
        calls++
        return [dy.mul(value).div(a), dy.mul(a).mul(b).div(b)]
      },
    )
    const [a, b] = [wide([2]).requireGrad(), wide([5]).requireGrad()]
    product(a, b).sum().backward()
    expect([a.grad!.itemSync(), b.grad!.itemSync(), calls]).toEqual([5, 2, 1])
  })

  test('can be differentiated again', () => {
    const cube = customGrad(
      (x: Tensor) => x.pow(3),
      (dy, [x]) => dy.mul(3).mul(x.square()),
    )
    expectClose(grad(grad(cube))(wide(2)), [12])
    const exponential = customGrad(
      (x: Tensor) => x.exp(),
      (dy, _args, value) => dy.mul(value),
    )
    expectClose(grad(grad(grad(exponential)))(wide(1)), [Math.E])
  })

  test('works inside a checkpoint', () => {
    const cube = customGrad(
      (x: Tensor) => x.pow(3),
      (dy, [x]) => dy.mul(3).mul(x.square()),
    )
    expectClose(grad(grad((x: Tensor) => checkpoint((y: Tensor) => cube(y.mul(2)), x)))(wide(2)), [96])
  })

  test('may leave arguments without gradient', () => {
    const masked = customGrad(
      (x: Tensor, mask: Tensor) => x.mul(mask),
      (dy, [, mask]) => [dy.mul(mask), undefined],
    )
    const [x, mask] = [wide([2]).requireGrad(), wide([3]).requireGrad()]
    masked(x, mask).sum().backward()
    expectClose(x.grad!, [3])
    expect(mask.grad).toBeUndefined()
    expect(masked(wide([1]), wide([1])).requiresGrad).toBe(false)
  })

  test('says what is wrong with the derivative it was given', () => {
    const x = wide([1, 2]).requireGrad()
    const short = customGrad(
      (a: Tensor, b: Tensor) => a.mul(b),
      (dy) => dy,
    )
    expect(() => short(x, x).sum().backward()).toThrow('customGrad: backward gave 1 gradients for 2 arguments')
    const misshaped = customGrad(
      (a: Tensor) => a.mul(2),
      (dy) => dy.sum(),
    )
    expect(() => misshaped(x).sum().backward()).toThrow('the derivative has float64 [], but input 1 has float64 [2]')
  })
})
