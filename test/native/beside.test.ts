/** Steps that take long go on beside the program: nothing but the waiting changes. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  compile,
  F,
  IndexError,
  manualSeed,
  nn,
  optim,
  realize,
  setDevice,
  type Tensor,
  tensor,
} from '../../src/index.ts'
import { device } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'

const machine = nativeTarget() instanceof NativeTarget

/** Wide enough for some 20 ms a step. */
const width = 1024
const rows = 256

const waves = (shape: number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(2.7 * i)),
    { shape },
  )

interface Training {
  readonly model: nn.Module
  readonly optimizer: optim.SGD
  readonly y: Tensor
  readonly bad: Tensor
  step(labels?: Tensor): Tensor
}

/** Two steps have been taken, so that it is known how long one takes. */
function training(compiled = false): Training {
  manualSeed(4)
  const model = new nn.Sequential(
    new nn.Linear(64, width),
    new nn.ReLU(),
    new nn.Linear(width, width),
    new nn.Linear(width, 5),
  )
  const optimizer = new optim.SGD(model.parameters(), { lr: 0.05, momentum: 0.9 })
  const x = waves([rows, 64])
  const labels = Int32Array.from({ length: rows }, (_, i) => i % 5)
  const y = tensor(labels, { dtype: 'int32' })
  const bad = tensor(labels.with(100, 5), { dtype: 'int32' })
  const plain = (target: Tensor): Tensor => {
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), target)
    loss.backward()
    optimizer.step()
    return loss
  }
  const step = compiled ? compile(plain) : plain
  for (let i = 0; i < 2; i++) step(y).itemSync()
  return { model, optimizer, y, bad, step: (target = y) => step(target) }
}

/** A digest of all parameters and counts of steps: there are more than a million. */
function valuesOf({ model, optimizer }: Training): string {
  const digest = createHash('sha256')
  for (const p of model.parameters()) digest.update(p.dataSync())
  for (const { step } of optimizer.state.values()) digest.update(String(step))
  return digest.digest('hex')
}

describe.skipIf(!machine)('beside the program', () => {
  const before = device().name
  beforeAll(() => setDevice('native'))
  afterAll(() => setDevice(before))

  test.each([false, true])('timers fire while a step is awaited (compiled: %s)', async (compiled) => {
    const { step } = training(compiled)
    const loss = step()
    expect(loss.isRealized).toBe(false)
    let fired = 0
    const timer = setInterval(() => fired++, 1)
    await loss.item()
    clearInterval(timer)
    expect(fired).toBeGreaterThan(0)
    expect(loss.isRealized).toBe(true)
  })

  test.each([false, true])('awaiting, looking at once and never looking end alike (compiled: %s)', async (compiled) => {
    const trained = async (look: (loss: Tensor) => unknown): Promise<string> => {
      const it = training(compiled)
      for (let i = 0; i < 6; i++) await look(it.step())
      return valuesOf(it)
    }
    const expected = await trained((loss) => loss.itemSync())
    expect(await trained((loss) => loss.item())).toEqual(expected)
    expect(await trained(() => undefined)).toEqual(expected)
    expect(await trained((loss) => realize(loss))).toEqual(expected)
  })

  test('a run that fails rejects what is awaited, and changes no leaf', async () => {
    const it = training()
    const untroubled = training()
    const kept = valuesOf(it)
    const loss = it.step(it.bad)
    const grad = it.model.parameters()[0]!.grad!
    await expect(loss.item()).rejects.toThrow(IndexError)
    await expect(loss.item()).rejects.toThrow(/crossEntropy/)
    await expect(grad.data()).rejects.toThrow(IndexError)
    expect(valuesOf(it)).toEqual(kept)
    for (let i = 0; i < 3; i++) expect(await it.step().item()).toBe(await untroubled.step().item())
    expect(valuesOf(it)).toEqual(valuesOf(untroubled))
  })

  test('when nobody waits the next step says so, and what was recorded since is taken back', async () => {
    const it = training()
    const kept = valuesOf(it)
    it.step(it.bad)
    expect(() => it.step()).toThrow(IndexError)
    expect(valuesOf(it)).toEqual(kept)
    expect(Number.isFinite(await it.step().item())).toBe(true)
  })

  test('several may wait for one run, and others record meanwhile', async () => {
    const it = training()
    const untroubled = training()
    const loss = it.step()
    const [weight] = it.model.parameters() as [Tensor]
    const recorded = weight.mul(2)
    const [first, second, doubled, own] = await Promise.all([loss.item(), loss.data(), recorded.data(), weight.data()])
    expect(first).toBe(await untroubled.step().item())
    expect([...second]).toEqual([first])
    expect([...doubled.slice(0, 9)]).toEqual([...own.slice(0, 9)].map((w) => 2 * w))
    it.step()
    const kept = weight.data()
    it.step()
    it.step()
    const [old, now] = [await kept, await weight.data()]
    expect(old).not.toEqual(now)
  })
})
