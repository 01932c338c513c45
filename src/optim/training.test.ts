import { describe, expect, test } from 'vitest'
import { observeRuns } from '../../test/observed-runs.ts'
import { IndexError } from '../core/errors.ts'
import type { Node } from '../graph/node.ts'
import { postorder } from '../graph/walk.ts'
import { crossEntropy } from '../nn/functional/losses/classification.ts'
import { tensor } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import * as optim from './index.ts'

/* What laziness could break in a training loop, and does not. */

/** {@link structureOf} all realisations so far. */
const structures: string[] = []

observeRuns((roots) => structures.push(structureOf(roots)))

/** Everything a plan may depend on: ops, attributes but not the values of scalars, shapes, who reads whom. */
function structureOf(roots: readonly Node[]): string {
  const numbers = new Map<Node, number>()
  for (const node of postorder(roots, (x) => (x.value ? undefined : x.inputs))) numbers.set(node, numbers.size)
  return [...numbers.keys()]
    .map((node) => {
      const { op, attrs, dtype, shape } = node
      if (node.value) return `leaf ${dtype} ${shape}`
      return `${op.name} ${op.name === 'scalar' ? '' : JSON.stringify(attrs)} ${dtype} ${shape} (${node.inputs.map((x) => numbers.get(x))})`
    })
    .join('\n')
}

const x = tensor([
  [0.5, -1],
  [2, 0.3],
  [-0.7, 1.1],
])
const y = tensor([[1], [-0.5], [0.2]])

const weights = (): Tensor => tensor([[0.3, -0.8]], { requiresGrad: true })

const loss = (w: Tensor): Tensor => {
  const error = x.matmul(w.transpose(0, 1)).tanh().sub(y)
  return error.mul(error).mean()
}

type Train = (w: Tensor, optimizer: optim.Optimizer, step: number) => unknown

async function trained(steps: number, each: Train): Promise<number[]> {
  const w = weights()
  const optimizer = new optim.Adam([w], { lr: 0.01 })
  for (let step = 0; step < steps; step++) await each(w, optimizer, step)
  return [...(await w.data())]
}

describe('reading', () => {
  const plain: Train = (w, optimizer) => {
    optimizer.zeroGrad()
    loss(w).backward()
    optimizer.step()
  }

  test.each<[string, Train]>([
    [
      'the loss before backward()',
      async (w, optimizer) => {
        optimizer.zeroGrad()
        const value = loss(w)
        await value.item()
        value.backward()
        optimizer.step()
      },
    ],
    [
      'the loss between backward() and step()',
      async (w, optimizer) => {
        optimizer.zeroGrad()
        const value = loss(w)
        value.backward()
        await value.item()
        optimizer.step()
      },
    ],
    [
      'loss, gradient and weights after step()',
      async (w, optimizer) => {
        optimizer.zeroGrad()
        const value = loss(w)
        value.backward()
        optimizer.step()
        await value.item()
        await w.grad?.data()
        await w.data()
      },
    ],
  ])('%s does not change what is learned', async (_, each) => {
    expect(await trained(50, each)).toEqual(await trained(50, plain))
  })

  test('gives the loss before the step, whenever it happens', async () => {
    const w = weights()
    const optimizer = new optim.SGD([w], { lr: 0.1 })
    const before = await loss(w).item()
    const value = loss(w)
    value.backward()
    optimizer.step()
    expect(await value.item()).toBe(before)
    expect(await loss(w).item()).toBeLessThan(before)
  })
})

test('a tensor recorded before step() and read after it has the old value', async () => {
  const w = weights()
  const optimizer = new optim.SGD([w], { lr: 0.1 })
  const old = await w.data()
  const doubled = w.mul(2)
  loss(w).backward()
  optimizer.step()
  expect([...(await doubled.data())]).toEqual([...old.map((value) => 2 * value)])
  expect([...(await w.data())]).not.toEqual([...old])
})

test('6,000 steps that never await hold memory flat and learn the same as ones that do', async () => {
  const used = (): number => {
    // What the first collection frees of array buffers is counted by the next.
    for (let i = 0; i < 2; i++) globalThis.gc?.()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  expect(globalThis.gc).toBeTypeOf('function')
  const start: number[] = []
  const never = await trained(6000, (w, optimizer, step) => {
    optimizer.zeroGrad()
    loss(w).backward()
    optimizer.step()
    structures.length = 0
    // Until then V8 still compiles what runs.
    if (step === 3000) start.push(used())
    if (step === 5999) start.push(used())
    return undefined
  })
  const always = await trained(6000, async (w, optimizer) => {
    optimizer.zeroGrad()
    const value = loss(w)
    value.backward()
    optimizer.step()
    await value.item()
    structures.length = 0
  })
  expect(never).toEqual(always)
  const [early = 0, late = 0] = start
  // One forgotten step would keep dozens of nodes, a hundred bytes and more each.
  expect((late - early) / 2999).toBeLessThan(100)
})

describe('a class label out of range in the middle of training', () => {
  const classify = (w: Tensor, label: number): Tensor =>
    crossEntropy(w.mul(3), tensor([label], { dtype: 'int32' })).add(w.mul(w).sum())

  test.each([
    ['SGD', (w: Tensor) => new optim.SGD([w], { lr: 0.1, momentum: 0.9 })],
    ['Adam', (w: Tensor) => new optim.Adam([w], { lr: 0.1 })],
    ['NAdam', (w: Tensor) => new optim.NAdam([w], { lr: 0.1 })],
  ])('is an IndexError and leaves weights and state of %s as they were', async (_, make) => {
    const step = (w: Tensor, optimizer: optim.Optimizer, label: number): void => {
      optimizer.zeroGrad()
      classify(w, label).backward()
      optimizer.step()
    }
    const w = weights()
    const optimizer = make(w)
    step(w, optimizer, 0)
    const before = [...w.dataSync()]
    const state = JSON.stringify(await valuesOf(optimizer))
    expect(() => step(w, optimizer, 7)).toThrow(IndexError)
    expect([...w.dataSync()]).toEqual(before)
    expect(JSON.stringify(await valuesOf(optimizer))).toBe(state)
    step(w, optimizer, 1)

    const clean = weights()
    const other = make(clean)
    for (const label of [0, 1]) step(clean, other, label)
    expect([...w.dataSync()]).toEqual([...clean.dataSync()])
  })

  test('is an IndexError from LBFGS, too, whose parameters go back to where they were', async () => {
    const w = weights()
    const optimizer = new optim.LBFGS([w], { lineSearchFn: 'strong_wolfe' })
    const before = [...w.dataSync()]
    let calls = 0
    const closure = (): Tensor => {
      optimizer.zeroGrad()
      const value = classify(w, calls++ < 2 ? 0 : 7)
      value.backward()
      return value
    }
    await expect(optimizer.step(closure)).rejects.toThrow(IndexError)
    expect(calls).toBeGreaterThan(2)
    expect([...w.dataSync()]).toEqual(before)
  })
})

async function valuesOf(optimizer: optim.Optimizer): Promise<unknown> {
  const entries = Object.entries(optimizer.stateDict().state[0] ?? {})
  return Promise.all(entries.map(async ([name, value]) => [name, await (value as Tensor).toArray()]))
}

describe('every step has the structure of the first', () => {
  const all: [string, (w: Tensor) => optim.Optimizer][] = [
    ['SGD', (w) => new optim.SGD([w], { momentum: 0.9, dampening: 0.1, weightDecay: 0.1 })],
    ['Nesterov', (w) => new optim.SGD([w], { momentum: 0.9, nesterov: true })],
    ['Adam', (w) => new optim.Adam([w], { amsgrad: true, weightDecay: 0.1 })],
    ['AdamW', (w) => new optim.AdamW([w])],
    ['RMSprop', (w) => new optim.RMSprop([w], { centered: true, momentum: 0.9 })],
    ['Adagrad', (w) => new optim.Adagrad([w], { lrDecay: 0.1 })],
    ['Adadelta', (w) => new optim.Adadelta([w])],
    ['NAdam', (w) => new optim.NAdam([w])],
    ['RAdam', (w) => new optim.RAdam([w])],
    ['Adamax', (w) => new optim.Adamax([w])],
    ['ASGD', (w) => new optim.ASGD([w], { t0: 3 })],
    ['Rprop', (w) => new optim.Rprop([w])],
    ['Lion', (w) => new optim.Lion([w])],
    ['Adafactor', (w) => new optim.Adafactor([w])],
    ['Muon', (w) => new optim.Muon([w])],
  ]
  test.each(all)('%s', async (_, make) => {
    const w = weights()
    const optimizer = make(w)
    structures.length = 0
    for (const lr of [0.3, 0.1, 1, 0, 0.2, 0.1, 0.1, 0.1]) {
      for (const group of optimizer.paramGroups) group.lr = lr
      optimizer.zeroGrad()
      loss(w).backward()
      await optimizer.step()
    }
    expect(structures).toHaveLength(8)
    expect(new Set(structures).size).toBe(1)
  })
})
