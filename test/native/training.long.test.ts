import { describe, expect, test } from 'vitest'
import { F, manualSeed, nn, optim, randint, randn, type Tensor } from '../../src/index.ts'
import { registerTarget, setDevice } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'

/* Whole training runs by machine code against the interpreter, and what must not happen from step to step. */

const target = nativeTarget()

const models: Readonly<Record<string, { make: () => nn.Module & { forward(x: Tensor): Tensor }; input: number[] }>> = {
  mlp: {
    make: () => new nn.Sequential(new nn.Linear(20, 32), new nn.ReLU(), new nn.Linear(32, 10)),
    input: [16, 20],
  },
  cnn: {
    make: () =>
      new nn.Sequential(
        new nn.Conv2d(1, 6, 5, { padding: 2 }),
        new nn.BatchNorm2d(6),
        new nn.ReLU(),
        new nn.MaxPool2d(2),
        new nn.Conv2d(6, 8, 3),
        new nn.GELU(),
        new nn.Flatten(),
        new nn.Dropout(0.3),
        new nn.Linear(128, 10),
      ),
    input: [8, 1, 12, 12],
  },
}

interface Run {
  readonly losses: number[]
  /** Plans compiled after the second step. */
  readonly late: number
}

async function train(name: string, device: string, steps: number): Promise<Run> {
  setDevice(device)
  manualSeed(1)
  const { make, input } = models[name]!
  const model = make()
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-2 })
  const schedule = new optim.CosineAnnealingLR(optimizer, steps)
  const losses: number[] = []
  let settled = 0
  for (let step = 0; step < steps; step++) {
    const x = randn(input)
    const y = randint(0, 10, [input[0]!])
    await Promise.all([x.data(), y.data()])
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    optimizer.step()
    schedule.step()
    losses.push(await loss.item())
    if (step === 1 && target instanceof NativeTarget) settled = target.compiled
  }
  return { losses, late: target instanceof NativeTarget ? target.compiled - settled : 0 }
}

if (target instanceof NativeTarget) registerTarget(target)

describe.skipIf('reason' in target).each(Object.keys(models))('%s', (name) => {
  test('losses are those of the interpreter, and nothing is compiled after the second step', async () => {
    const expected = await train(name, 'reference', 30)
    const actual = await train(name, 'native', 30)
    for (const [step, loss] of actual.losses.entries()) {
      expect(Math.abs(loss - expected.losses[step]!), `loss of step ${step}`).toBeLessThan(1e-4)
    }
    expect(actual.late).toBe(0)
  })
})
