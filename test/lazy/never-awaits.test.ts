/** Loops that never look at a value: they must end where loops that do end, and hold on to nothing on the way. */
import { setTimeout } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { F, optim, type Tensor, tensor } from '../../src/index.ts'

vi.setConfig({ testTimeout: 60_000 })

const steps = 2000

/** A thousand kept batches are 64 MB; what V8 compiles in the meantime is less than this. */
const noise = 8 * 2 ** 20

/** Bytes alive after a collection; V8 frees array buffers beside the program, so it gets the time to. */
async function alive(): Promise<number> {
  for (let i = 0; i < 3; i++) {
    globalThis.gc!()
    await setTimeout(20)
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function waves(shape: number[], phase: number): Tensor {
  const size = shape.reduce((product, n) => product * n, 1)
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(phase + 2.7 * i)),
    { shape },
  )
}

interface Network {
  readonly parameters: readonly Tensor[]
  loss(x: Tensor): Tensor
}

function network(): Network {
  const parameters = [waves([8, 4], 0), waves([8], 1), waves([1, 8], 2)].map((p) => p.requireGrad())
  const [w1, b1, w2] = parameters as [Tensor, Tensor, Tensor]
  return { parameters, loss: (x) => F.mseLoss(F.linear(F.linear(x, w1, b1).tanh(), w2), x.sum(1, { keepdim: true })) }
}

const data = new Float32Array(4096 * 4)

/** Four new rows, as part of 64 KB of new data, so that a step that is kept shows. */
function batchOf(step: number): Tensor {
  for (let i = 0; i < 16; i++) data[i] = Math.sin(step + 2.7 * i)
  return tensor(data, { shape: [4096, 4] }).narrow(0, 0, 4)
}

async function train(
  update: (net: Network) => () => void,
  look: boolean,
): Promise<{ weights: number[]; grown: number }> {
  const net = network()
  const apply = update(net)
  let early = 0
  for (let step = 0; step < steps; step++) {
    const loss = net.loss(batchOf(step))
    loss.backward()
    apply()
    if (look) await loss.item()
    if (step === steps / 2) early = await alive()
  }
  const grown = (await alive()) - early
  const weights = (await Promise.all(net.parameters.map((p) => p.data()))).flatMap((values) => [...values])
  return { weights, grown }
}

const optimizers: Record<string, (net: Network) => () => void> = {
  'SGD with momentum': ({ parameters }) => {
    const optimizer = new optim.SGD(parameters, { lr: 1e-2, momentum: 0.9 })
    return () => {
      optimizer.step()
      optimizer.zeroGrad()
    }
  },
  Adam: ({ parameters }) => {
    const optimizer = new optim.Adam(parameters, { lr: 1e-3 })
    return () => {
      optimizer.step()
      optimizer.zeroGrad()
    }
  },
  'an update by hand':
    ({ parameters }) =>
    () => {
      for (const p of parameters) {
        p.assign(p.sub(p.grad!.mul(1e-2)))
        p.grad = undefined
      }
    },
}

test.each(Object.entries(optimizers))('%s: memory stays flat and weights are the same', async (_, update) => {
  const silent = await train(update, false)
  const looking = await train(update, true)
  expect(silent.weights.some((w) => Number.isNaN(w))).toBe(false)
  expect(silent.weights).toEqual(looking.weights)
  expect(silent.grown).toBeLessThan(noise)
  expect(looking.grown).toBeLessThan(noise)
})

test('running statistics that nobody reads hold memory flat', async () => {
  const mean = tensor([0, 0, 0, 0])
  let early = 0
  for (let step = 0; step < steps; step++) {
    mean.assign(mean.mul(0.9).add(batchOf(step).mean(0).mul(0.1)))
    if (step === steps / 2) early = await alive()
  }
  expect((await alive()) - early).toBeLessThan(noise)
  let expected = [0, 0, 0, 0]
  for (let step = steps - 300; step < steps; step++) {
    const now = await batchOf(step).mean(0).data()
    expected = expected.map((m, i) => m * 0.9 + now[i]! * 0.1)
  }
  for (const [i, value] of (await mean.data()).entries()) expect(value).toBeCloseTo(expected[i]!, 5)
})
