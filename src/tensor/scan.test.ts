import { describe, expect, test } from 'vitest'
import {
  GradError,
  grad,
  manualSeed,
  noGrad,
  randn,
  scan,
  ShapeError,
  stack,
  type Tensor,
  tensor,
  ValueError,
  zeros,
} from '../index.ts'
import { interpret } from '../graph/interpret.ts'
import type { Node } from '../graph/node.ts'
import { scanOp } from '../graph/ops/scan.ts'

async function expectNear(actual: Tensor, expected: Tensor, tolerance = 1e-9): Promise<void> {
  expect(actual.shape).toEqual(expected.shape)
  const [a, b] = [await actual.data(), await expected.data()]
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!), `element ${i}`).toBeLessThan(tolerance)
}

const options = { dtype: 'float64', requiresGrad: true } as const

/** A cell with everything a derivative may meet: products, sums, slices, gates, an elementwise and an unused weight. */
interface Weights {
  readonly u: Tensor
  readonly w: Tensor
  readonly b: Tensor
  readonly peephole: Tensor
}

function cell({ u, w, b, peephole }: Weights) {
  return ([h, c]: readonly [Tensor, Tensor], x: Tensor): [[Tensor, Tensor], Tensor] => {
    const gates = x.matmul(u).add(h.matmul(w)).add(b)
    const [f, i] = gates.chunk(2, -1) as [Tensor, Tensor]
    const next = c.mul(f.add(c.mul(peephole)).sigmoid()).add(i.tanh())
    const out = next.tanh().mul(i.sigmoid())
    return [[out, next], out.mul(next).sum(-1)]
  }
}

/** The same in a plain loop. */
function loop<S, Y extends Tensor>(
  fn: (s: S, x: Tensor) => readonly [S, Y],
  init: S,
  xs: Tensor,
  reverse = false,
): [S, Tensor] {
  let state = init
  const ys: Y[] = []
  const steps = [...xs.shape.slice(0, 1)].flatMap((n) => Array.from({ length: n }, (_, t) => (reverse ? n - 1 - t : t)))
  for (const t of steps) {
    const [next, y] = fn(state, xs.select(0, t))
    state = next
    ys[t] = y
  }
  return [state, stack(ys)]
}

function problem(): { weights: Weights; init: [Tensor, Tensor]; xs: Tensor; all: Tensor[] } {
  manualSeed(3)
  const weights = {
    u: randn([3, 8], options),
    w: randn([4, 8], options),
    b: randn([8], options),
    peephole: randn([4], options),
  }
  const init: [Tensor, Tensor] = [randn([2, 4], options), randn([2, 4], options)]
  const xs = randn([5, 2, 3], options)
  return { weights, init, xs, all: [...Object.values(weights), ...init, xs] }
}

/** A scalar that depends on every output. */
const score = ([[h, c], ys]: readonly [readonly [Tensor, Tensor], Tensor]): Tensor =>
  h.mul(1.3).sum().add(c.mul(c).sum()).add(ys.mul(ys).sum())

describe.each([false, true])('scan, reverse %s', (reverse) => {
  test('gives the values and gradients of the loop', async () => {
    const { weights, init, xs, all } = problem()
    const [state, ys] = scan(cell(weights), init, xs, { reverse })
    const [expected, rows] = loop(cell(weights), init, xs, reverse)
    await expectNear(ys, rows)
    await expectNear(state[0], expected[0])
    score([state, ys]).backward()
    const found = all.map((x) => x.grad!)
    for (const x of all) x.grad = undefined
    score([expected, rows]).backward()
    for (const [i, x] of all.entries()) await expectNear(found[i]!, x.grad!)
  })

  test('gives second derivatives of the loop', async () => {
    const { weights, init, xs, all } = problem()
    const second = async (result: Tensor): Promise<Tensor[]> => {
      for (const x of all) x.grad = undefined
      result.backward(undefined, { createGraph: true })
      const sum = all.map((x) => x.grad!.mul(x.grad!).sum()).reduce((a, b) => a.add(b))
      for (const x of all) x.grad = undefined
      sum.backward()
      return all.map((x) => x.grad!)
    }
    const actual = await second(score(scan(cell(weights), init, xs, { reverse })))
    const expected = await second(score(loop(cell(weights), init, xs, reverse)))
    for (const [i, x] of actual.entries()) await expectNear(x, expected[i]!, 1e-7)
  })
})

describe('scan', () => {
  test('sums the gradient of a weight in one product over all steps, and keeps gates and states only', () => {
    const { weights, init, xs } = problem()
    const before = score(scan(cell(weights), init, xs))
    before.backward()
    const products: Node[] = []
    const scans: Node[] = []
    const visit = (node: Node, seen = new Set<Node>()): void => {
      const stack = [node]
      while (stack.length > 0) {
        const top = stack.pop()!
        if (seen.has(top)) continue
        seen.add(top)
        if (top.op.name === 'contract') products.push(top)
        if (top.op === (scanOp as unknown)) scans.push(top)
        stack.push(...top.inputs)
      }
    }
    visit(weights.w.grad!.node)
    expect(products.map(({ inputs }) => inputs[0]!.shape)).toContainEqual([5, 2, 8])
    // Forward: states of 5 + 1 steps twice, ys, and what the derivative keeps: two gates and one of both their functions.
    const forward = scans.find(({ inputs }) => inputs.includes(xs.node))!
    expect(forward.shape[0]).toBeLessThanOrEqual(2 * 6 * 8 + 5 * 2 + 4 * 5 * 8)
  })

  test('is the same unrolled', () => {
    const { weights, init, xs } = problem()
    for (const reverse of [false, true]) {
      const [[h], ys] = scan(cell(weights), init, xs, { reverse })
      const [, packed] = [h, ys.node.inputs[0]!.inputs[0]!]
      const unrolled = packed.op.decompose!(packed.inputs, packed.attrs, packed)
      const [a, b] = interpret([packed, unrolled])
      expect(a).toEqual(b)
    }
  })

  test('takes trees, integers beside floats, and no xs', async () => {
    const [{ n, x }, ys] = scan(
      ({ n, x }) => [{ n: n.add(1), x: x.mul(2) }, [n, x.add(n)] as const],
      { n: tensor(0, { dtype: 'int32' }), x: tensor([1, 3]) },
      undefined,
      { length: 4 },
    )
    expect(await n.toArray()).toBe(4)
    expect(await x.toArray()).toEqual([16, 48])
    expect(await ys[0].toArray()).toEqual([0, 1, 2, 3])
    expect(await ys[1].toArray()).toEqual([
      [1, 3],
      [3, 7],
      [6, 14],
      [11, 27],
    ])
  })

  test('takes no steps at all', async () => {
    const h = tensor([1, 2], { requiresGrad: true })
    const [last, ys] = scan((s: Tensor, x: Tensor) => [s.add(x), s.mul(x)], h, zeros([0, 2]))
    expect(await last.toArray()).toEqual([1, 2])
    expect(ys.shape).toEqual([0, 2])
    last.sum().backward()
    expect(await h.grad!.toArray()).toEqual([1, 1])
  })

  test('stops gradients where the state is detached', async () => {
    const { weights, init, xs } = problem()
    const [state] = scan(cell(weights), init, xs.narrow(0, 0, 3))
    const [[h]] = scan(cell(weights), [state[0].detach(), state[1].detach()], xs.narrow(0, 3, 2))
    h.sum().backward()
    const [first, last] = [
      await xs.grad!.narrow(0, 0, 3).abs().sum().item(),
      await xs.grad!.narrow(0, 3, 2).abs().sum().item(),
    ]
    expect(first).toBe(0)
    expect(last).toBeGreaterThan(0)
  })

  test('can be used inside grad and inside itself', async () => {
    const power = (x: Tensor): Tensor =>
      scan((s: Tensor) => [s.mul(x), undefined], x.mul(0).add(1), undefined, { length: 3 })[0]
    const x = tensor(2, { dtype: 'float64' })
    expect(await power(x).item()).toBe(8)
    expect(await grad(power)(x).item()).toBe(12)
    expect(await grad(grad(power))(x).item()).toBe(12)
    const twice = (x: Tensor): Tensor => scan((s: Tensor) => [power(s), undefined], x, undefined, { length: 2 })[0]
    expect(await twice(x).item()).toBe(512)
    expect(await grad(twice)(x).item()).toBe(9 * 256)
  })

  test('shares one body between calls of equal structure', () => {
    const step = (w: Tensor) => (s: Tensor, x: Tensor) => [s.mul(w).add(x), s] as const
    const bodyOf = (w: number): unknown => {
      const [, ys] = noGrad(() => scan(step(tensor(w)), tensor(0), tensor([1, 2, 3])))
      return (
        (ys.node.inputs[0]!.attrs as { body?: unknown }).body ??
        (ys.node.inputs[0]!.inputs[0]!.attrs as { body: unknown }).body
      )
    }
    expect(bodyOf(2)).toBe(bodyOf(3))
  })

  test('refuses what cannot be', async () => {
    const xs = zeros([3, 2])
    expect(() => scan((s: Tensor) => [s, undefined], zeros([2]), undefined)).toThrow(ValueError)
    expect(() => scan((s: Tensor, x: Tensor) => [s.sum(), x], zeros([2]), xs)).toThrow(ShapeError)
    expect(() =>
      scan((s: Tensor, x: { a: Tensor; b: Tensor }) => [s.add(x.a), x.b], zeros([2]), { a: xs, b: zeros([4, 2]) }),
    ).toThrow('expects 3 steps in every x [T, ...], received [4, 2]')
    expect(() => scan((s: Tensor) => s as never, zeros([2]), xs)).toThrow(GradError)
    const start = tensor([1], { requiresGrad: true })
    const [[, sum]] = scan(
      ([n, s]: readonly [Tensor, Tensor]) => [[n.add(1), s.mul(2)] as const, undefined],
      [tensor(0, { dtype: 'int32' }), start] as const,
      undefined,
      { length: 2 },
    )
    expect(() => sum.sum().backward()).toThrow(GradError)
  })
})
