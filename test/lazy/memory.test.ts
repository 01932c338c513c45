/**
 * Memory of superseded values is used again. Nothing that a program holds may show it: what was handed out keeps its value, and
 * what is asked for too late is refused. Everything holds on every device.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { F, manualSeed, nn, optim, StaleError, setDevice, Tensor, tensor } from '../../src/index.ts'
import { device } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'

const machine = nativeTarget() instanceof NativeTarget

/** Wide enough that no result is a small one. */
const width = 300

class Net extends nn.Module {
  hidden = new nn.Linear(4, width)
  output = new nn.Linear(width, 3)
  forward(x: Tensor): Tensor {
    return this.output.forward(this.hidden.forward(x).tanh())
  }
}

function training(): {
  model: Net
  optimizer: optim.Adam
  step(labels?: Tensor): Tensor
} {
  manualSeed(3)
  const model = new Net()
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 })
  const x = tensor(
    Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    { shape: [6, 4] },
  )
  const y = tensor([0, 1, 2, 0, 1, 2], { dtype: 'int32' })
  const step = (labels = y): Tensor => {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), labels)
    loss.backward()
    optimizer.step()
    return loss
  }
  return { model, optimizer, step }
}

const bytes = (x: Tensor): number[] => [...x.dataSync()]

describe.each(['reference', ...(machine ? ['native'] : [])])('%s', (name) => {
  const before = device().name
  beforeEach(() => setDevice(name))
  afterEach(() => setDevice(before))

  test('the loss is the same whether it is read before the step, after it or never', async () => {
    const trained = async (when: 'before' | 'after' | 'never' | 'late'): Promise<number[]> => {
      const { model, optimizer, step } = training()
      const kept: Tensor[] = []
      for (let i = 0; i < 20; i++) {
        if (when === 'before') {
          const x = tensor(
            Float32Array.from({ length: 24 }, (_, j) => Math.sin(j)),
            { shape: [6, 4] },
          )
          optimizer.zeroGrad()
          const loss = F.crossEntropy(model.forward(x), tensor([0, 1, 2, 0, 1, 2], { dtype: 'int32' }))
          loss.backward()
          await loss.item()
          optimizer.step()
          kept.push(loss)
        } else {
          const loss = step()
          if (when === 'after') await loss.item()
          if (when !== 'never') kept.push(loss)
        }
      }
      const losses = await Promise.all(kept.map((loss) => loss.item()))
      return [...losses.slice(0, 20), ...bytes(model.hidden.weight)]
    }
    const after = await trained('after')
    // Two plans instead of one may round otherwise.
    for (const [i, value] of (await trained('before')).entries()) expect(value).toBeCloseTo(after[i]!, 5)
    expect(await trained('late')).toEqual(after)
    expect(await trained('never')).toEqual(after.slice(20))
  })

  test('a tensor that was no result is computed from the version before, and refused later', async () => {
    const { model, step } = training()
    const { weight } = model.hidden
    step()
    const old = bytes(weight)
    const between = weight.mul(2) // used by another, so that no step computes it
    const sum = between.sum()
    step()
    expect(bytes(between)).toEqual(old.map((w) => Math.fround(2 * w)))
    const late = weight.mul(2)
    const lateSum = late.sum()
    const value = bytes(weight).reduce((total, w) => total + 2 * w, 0)
    for (const steps of [2, 8]) {
      for (let i = 0; i < steps; i++) step()
      await expect(late.data()).rejects.toThrow(StaleError)
      await expect(late.data()).rejects.toThrow(/read it \(await t\.data\(\)\) or realize\(t\) before the next update/)
    }
    // What was computed in time stays, however old it is.
    expect(bytes(between)).toEqual(old.map((w) => Math.fround(2 * w)))
    expect(await lateSum.item()).toBeCloseTo(value, 2)
    expect(await sum.item()).toBeCloseTo(
      old.reduce((total, w) => total + 2 * w, 0),
      2,
    )
    expect(Number.isFinite(await step().item())).toBe(true)
  })

  test('what is refused takes nothing else with it', async () => {
    const { model, optimizer, step } = training()
    const { weight } = model.hidden
    step()
    const late = weight.mul(2)
    late.sum()
    for (let i = 0; i < 3; i++) step()
    const expected = bytes(weight).map((w) => Math.fround(w + 1))
    weight.assign(weight.add(1))
    await expect(late.data()).rejects.toThrow(StaleError)
    expect(bytes(weight)).toEqual(expected)
    // A derivative that needs the old version is refused when it is to be computed, and leaves everything as it is.
    optimizer.zeroGrad()
    late.mul(late).sum().backward()
    expect(() => optimizer.step()).toThrow(StaleError)
    expect(bytes(weight)).toEqual(expected)
    expect(Number.isFinite(await step().item())).toBe(true)
  })

  test('a gradient that is held keeps its value', () => {
    const { model, step } = training()
    step()
    const grad = model.hidden.weight.grad!
    const values = bytes(grad)
    for (let i = 0; i < 10; i++) step()
    expect(bytes(grad)).toEqual(values)
    expect(bytes(model.hidden.weight.grad!)).not.toEqual(values)
  })

  test('leaves that share a gradient do not share its end', () => {
    const [a, b] = [
      tensor(new Float32Array(width), { requiresGrad: true }),
      tensor(new Float32Array(width)).requireGrad(),
    ]
    const [first, second] = [new optim.SGD([a], { lr: 1 }), new optim.SGD([b], { lr: 1 })]
    a.add(b).mul(2).sum().backward()
    first.step()
    for (let i = 0; i < 5; i++) {
      first.zeroGrad()
      a.mul(i).sum().backward()
      first.step()
    }
    expect(bytes(b.grad!)).toEqual(new Array(width).fill(2))
    second.step()
    expect(bytes(b)).toEqual(new Array(width).fill(-2))
  })

  test('a leaf that was assigned another keeps its value when that one moves on', () => {
    const { model, step } = training()
    const target = tensor(new Float32Array(4 * width), { shape: [width, 4] })
    step()
    step()
    target.assign(model.hidden.weight)
    const values = bytes(target)
    expect(values).toEqual(bytes(model.hidden.weight))
    const copy = model.hidden.weight.detach()
    for (let i = 0; i < 5; i++) step()
    expect(bytes(target)).toEqual(values)
    expect(bytes(copy)).toEqual(values)
  })

  test('state dicts keep the values they were taken with', () => {
    const { model, optimizer, step } = training()
    step()
    step()
    const [weights, state] = [model.stateDict(), optimizer.stateDict()]
    const snapshot = (): number[][] => [
      ...Object.values(weights).map(bytes),
      ...Object.values(state.state).flatMap((entries) =>
        Object.values(entries).flatMap((value) => (value instanceof Tensor ? [bytes(value)] : [])),
      ),
    ]
    const taken = snapshot()
    for (let i = 0; i < 10; i++) step()
    expect(snapshot()).toEqual(taken)
    const now = model.hidden.weight
    const trained = bytes(now)
    model.loadStateDict(weights)
    optimizer.loadStateDict(state)
    for (let i = 0; i < 10; i++) step()
    expect(bytes(now)).toEqual(trained)
  })

  test('logging every 100 steps sees what reading in every step sees', async () => {
    const losses = async (every: number): Promise<number[]> => {
      const { step } = training()
      const seen: number[] = []
      for (let i = 1; i <= 300; i++) {
        const loss = step()
        if (i % every !== 0) continue
        const value = await loss.item()
        if (i % 100 === 0) seen.push(value)
      }
      return seen
    }
    const seen = await losses(100)
    expect(seen).toHaveLength(3)
    expect(seen).toEqual(await losses(1))
  })

  test('a bad label in the middle of training changes no leaf', () => {
    const { model, optimizer, step } = training()
    const untroubled = training()
    const bad = tensor([0, 1, 2, 7, 1, 2], { dtype: 'int32' })
    const values = (): number[][] => [
      ...model.parameters().map(bytes),
      ...[...optimizer.state.values()].flatMap((state) => [bytes(state.expAvg as Tensor), [state.step as number]]),
    ]
    for (let i = 0; i < 5; i++) [step(), untroubled.step()]
    const kept = values()
    expect(() => step(bad)).toThrow(/crossEntropy/)
    expect(values()).toEqual(kept)
    expect(() => step(bad)).toThrow(/crossEntropy/)
    for (let i = 0; i < 5; i++) [step(), untroubled.step()]
    expect(model.parameters().map(bytes)).toEqual(untroubled.model.parameters().map(bytes))
  })
})

test.skipIf(!machine)('2,000 steps hold the memory of the process flat', () => {
  const before = device().name
  setDevice('native')
  const { step } = training()
  const resident = (): number => {
    globalThis.gc!()
    return process.memoryUsage().rss
  }
  for (let i = 0; i < 500; i++) step()
  const early = resident()
  for (let i = 0; i < 2000; i++) step()
  expect(resident()).toBeLessThan(1.05 * early)
  setDevice(before)
})

test.skipIf(!machine)('the device may change in the middle of training', () => {
  const { model, step } = training()
  const before = device().name
  const losses: number[] = []
  for (let i = 0; i < 12; i++) {
    setDevice(i % 3 === 0 ? 'reference' : 'native')
    losses.push(step().itemSync())
  }
  setDevice('reference')
  const alone = training()
  for (const loss of losses) expect(loss).toBeCloseTo(alone.step().itemSync(), 4)
  for (const [i, p] of model.parameters().entries())
    for (const [j, value] of bytes(alone.model.parameters()[i]!).entries()) expect(bytes(p)[j]).toBeCloseTo(value, 3)
  setDevice(before)
})
