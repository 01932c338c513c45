import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { device } from '../runtime/device.ts'
import { NativeTarget, nativeTarget } from '../runtime/native/target.ts'
import {
  compile,
  defaultGenerator,
  F,
  GradError,
  IndexError,
  manualSeed,
  nn,
  optim,
  setDevice,
  ShapeError,
  type Tensor,
  tensor,
  ValueError,
} from '../index.ts'

const target = nativeTarget()
const machine = target instanceof NativeTarget

const waves = (shape: number[], phase = 0): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(phase + 2.7 * i)),
    { shape },
  )

class Net extends nn.Module {
  hidden = new nn.Linear(4, 16)
  norm = new nn.BatchNorm1d(16)
  dropout = new nn.Dropout(0.3)
  output = new nn.Linear(16, 3)
  forward(x: Tensor): Tensor {
    return this.output.forward(this.dropout.forward(F.relu(this.norm.forward(this.hidden.forward(x)))))
  }
}

const makers: Record<string, (parameters: Tensor[]) => optim.Optimizer & { step(): undefined }> = {
  SGD: (p) => new optim.SGD(p, { lr: 0.1, momentum: 0.9, dampening: 0.1, nesterov: false, weightDecay: 1e-3 }),
  Adam: (p) => new optim.Adam(p, { lr: 1e-2, amsgrad: true }),
  NAdam: (p) => new optim.NAdam(p),
  RAdam: (p) => new optim.RAdam(p),
  Adafactor: (p) => new optim.Adafactor(p),
  ASGD: (p) => new optim.ASGD(p),
}

interface Trained {
  readonly losses: number[]
  readonly state: number[]
  /** How often the function was gone through. */
  readonly calls: number
}

/** Trains 12 steps: three batches of one size, then one of another, again and again, with all that may change in between. */
async function train(make: keyof typeof makers, compiled: boolean, clip: boolean): Promise<Trained> {
  manualSeed(5)
  const model = new Net()
  const optimizer = makers[make]!(model.parameters())
  const schedule = new optim.StepLR(optimizer, 2, { gamma: 0.5 })
  let calls = 0
  const plain = (x: Tensor, y: Tensor): Tensor => {
    calls++
    optimizer.zeroGrad()
    const loss = F.crossEntropy(model.forward(x), y)
    loss.backward()
    if (clip) nn.utils.clipGradNorm(model.parameters(), 0.1)
    optimizer.step()
    return loss
  }
  const step = compiled ? compile(plain) : plain
  const losses: number[] = []
  for (let i = 0; i < 12; i++) {
    const rows = i % 4 === 3 ? 5 : 8
    const y = tensor(
      Int32Array.from({ length: rows }, (_, j) => (i + j) % 3),
      { dtype: 'int32' },
    )
    losses.push(await step(waves([rows, 4], i), y).item())
    schedule.step()
  }
  const dict = optimizer.stateDict()
  const moments = Object.values(dict.state).flatMap((entries) => Object.values(entries)) as Tensor[]
  const tensors = [...Object.values(model.stateDict()), ...moments, ...model.parameters().map((p) => p.grad!)]
  return { losses, state: tensors.flatMap((x) => [...x.dataSync()]), calls }
}

describe.each(['reference', ...(machine ? ['native'] : [])])('compile on %s', (name) => {
  const before = device().name
  const repeats = name === 'native'
  beforeEach(() => setDevice(name))
  afterEach(() => setDevice(before))

  test.each(Object.keys(makers))('trains with %s as the plain loop does, bit for bit', async (make) => {
    const plain = await train(make, false, false)
    const compiled = await train(make, true, false)
    expect(compiled.losses).toEqual(plain.losses)
    expect(compiled.state).toEqual(plain.state)
    // Once for each size of batch.
    expect(compiled.calls).toBe(repeats ? 2 : 12)
  })

  test('clips gradients inside', async () => {
    const plain = await train('Adam', false, true)
    const compiled = await train('Adam', true, true)
    expect(compiled.losses).toEqual(plain.losses)
    expect(compiled.state).toEqual(plain.state)
    expect(plain.losses).not.toEqual((await train('Adam', false, false)).losses)
  })

  test('takes and gives lists and objects, and other values as they are', async () => {
    let calls = 0
    const f = compile(({ x, scale }: { x: Tensor; scale: number }, list: Tensor[]) => {
      calls++
      return { sum: list.reduce((a, b) => a.add(b), x.mul(scale)), parts: [x, x.exp()], calls, name: 'f' }
    })
    const [x, y] = [tensor([1, 2]), tensor([10, 20])]
    const first = f({ x, scale: 2 }, [y, y])
    expect(await first.sum.toArray()).toEqual([22, 44])
    const second = f({ x: y, scale: 2 }, [x, y])
    expect(await second.sum.toArray()).toEqual([31, 62])
    expect(second.parts[0]).toBe(y)
    expect(await second.parts[1]!.item?.call(tensor([3]))).toBe(3)
    expect(second.name).toBe('f')
    expect(calls).toBe(repeats ? 1 : 2)
    // Another number, another length of the list, another dtype: gone through again.
    const third = f({ x, scale: 3 }, [y])
    expect(await third.sum.toArray()).toEqual([13, 26])
    f({ x: x.to('float64'), scale: 3 }, [y.to('float64')])
    expect(calls).toBe(repeats ? 3 : 4)
    // Results are tensors of their own.
    expect(await first.sum.toArray()).toEqual([22, 44])
  })

  test('draws new random numbers each time, those of the plain calls', async () => {
    const plain = (x: Tensor): Tensor => F.dropout(x, { p: 0.5 }).add(tensor(0).add(F.dropout(x).sum()))
    const compiled = compile(plain)
    const x = waves([64], 1)
    const run = async (f: typeof plain): Promise<unknown[]> => {
      manualSeed(11)
      const values = []
      for (let i = 0; i < 4; i++) values.push(await f(x).toArray())
      return [values, defaultGenerator.state().calls]
    }
    const expected = await run(plain)
    expect(await run(compiled)).toEqual(expected)
    expect(await run(compiled)).toEqual(expected)
    expect((expected[0] as unknown[])[0]).not.toEqual((expected[0] as unknown[])[1])
  })

  test('follows training and evaluation, parameters that others change, and freezing', async () => {
    manualSeed(1)
    const model = new Net()
    let calls = 0
    const f = compile((x: Tensor) => {
      calls++
      return model.forward(x)
    })
    const x = waves([8, 4])
    model.eval()
    const expected = async (): Promise<unknown> => model.forward(x).toArray()
    expect(await f(x).toArray()).toEqual(await expected())
    model.output.bias!.assign(tensor([1, 2, 3]))
    expect(await f(x).toArray()).toEqual(await expected())
    expect(calls).toBe(repeats ? 1 : 2)
    model.train()
    const seen = await f(x).toArray()
    expect(seen).not.toEqual(await f(x).toArray())
    expect(await model.norm.numBatchesTracked!.item()).toBe(2)
    model.eval()
    expect(await f(x).toArray()).toEqual(await expected())
  })

  test('accumulates gradients over calls where nothing clears them', async () => {
    const w = tensor([1, 2], { requiresGrad: true })
    const accumulate = compile((x: Tensor) => {
      const loss = w.mul(x).sum()
      loss.backward()
      return loss
    })
    for (let i = 1; i <= 4; i++) {
      await accumulate(tensor([i, 10 * i])).item()
      const total = (i * (i + 1)) / 2
      expect(await w.grad!.toArray()).toEqual([total, 10 * total])
    }
    w.grad = undefined
    accumulate(tensor([1, 1]))
    expect(await w.grad!.toArray()).toEqual([1, 1])
  })

  test('one gradient of two leaves stays the gradient of both', async () => {
    const [a, b] = [waves([300]).requireGrad(), waves([300], 1).requireGrad()]
    const f = compile((x: Tensor) => {
      a.grad = undefined
      b.grad = undefined
      a.add(b).mul(x).sum().backward()
    })
    for (let i = 0; i < 5; i++) {
      f(tensor(i))
      expect(await a.grad!.toArray()).toEqual(new Array(300).fill(i))
      expect(await b.grad!.toArray()).toEqual(new Array(300).fill(i))
    }
  })

  test('assigns to its arguments and to leaves it closes over', async () => {
    const total = tensor([0, 0])
    const step = compile((state: Tensor, x: Tensor) => {
      state.assign(state.mul(0.5).add(x))
      total.assign(total.add(state))
    })
    const state = tensor([0, 0])
    for (let i = 0; i < 3; i++) step(state, tensor([1, 2]))
    expect(await state.toArray()).toEqual([1.75, 3.5])
    expect(await total.toArray()).toEqual([1 + 1.5 + 1.75, 2 + 3 + 3.5])
  })

  test('an optimizer option that changes the equations is seen', async () => {
    const losses = async (compiled: boolean): Promise<unknown[]> => {
      const w = tensor([1, 2], { requiresGrad: true })
      const optimizer = new optim.SGD([w], { lr: 0.1 })
      const plain = (): Tensor => {
        optimizer.zeroGrad()
        const loss = w.mul(w).sum()
        loss.backward()
        optimizer.step()
        return loss
      }
      const step = compiled ? compile(plain) : plain
      const seen: unknown[] = []
      for (let i = 0; i < 6; i++) {
        if (i === 2) optimizer.paramGroups[0]!.weightDecay = 0.3
        if (i === 4) optimizer.paramGroups[0]!.lr = 1
        seen.push(await step().item())
      }
      return [...seen, await w.toArray()]
    }
    expect(await losses(true)).toEqual(await losses(false))
  })

  test('throws what the plain function throws, and a failed call changes no leaf', async () => {
    const model = new nn.Linear(4, 3)
    const optimizer = new optim.Adam(model.parameters())
    const step = compile((x: Tensor, y: Tensor) => {
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(x), y)
      loss.backward()
      optimizer.step()
      return loss
    })
    const [x, y] = [waves([2, 4]), tensor([0, 2], { dtype: 'int32' })]
    const values = (): unknown[] => [
      ...model.parameters().map((p) => [...p.dataSync()]),
      ...[...optimizer.state.values()].map(({ step: count }) => count),
    ]
    const initial = values()
    expect(() => step(x, tensor([0, 3], { dtype: 'int32' }))).toThrow(IndexError)
    expect(values()).toEqual(initial)
    step(x, y)
    step(x, y)
    const kept = values()
    expect(() => step(x, tensor([0, 3], { dtype: 'int32' }))).toThrow(IndexError)
    expect(values()).toEqual(kept)
    expect(() => step(waves([2, 5]), y)).toThrow(ShapeError)
    step(x, y)
    expect(values().slice(-2)).toEqual([3, 3])
  })

  test('refuses functions that look at values or that wait, and says so', async () => {
    const x = tensor([1, 2])
    expect(() => compile((y: Tensor) => y.sum().itemSync())(x)).toThrow(
      new ValueError(
        'compile',
        'the function reads a value (item, data, toArray, a boolean mask ...) while it is captured; return the tensor and read it outside',
      ),
    )
    expect(() => compile(async (y: Tensor) => y.exp())(x)).toThrow(ValueError)
    expect(() =>
      compile((y: Tensor) => y.mul(2))(x.requireGrad())
        .sum()
        .backward(),
    ).toThrow(GradError)
    expect(x.mul(3).dataSync()).toEqual(Float32Array.of(3, 6))
  })

  test('reads what was recorded outside as it was then', async () => {
    const w = tensor([1, 2], { requiresGrad: true })
    const outside = w.mul(10)
    const f = compile((x: Tensor) => x.add(outside))
    expect(await f(tensor([1, 1])).toArray()).toEqual([11, 21])
    w.assign(tensor([5, 5]))
    expect(await f(tensor([1, 1])).toArray()).toEqual([11, 21])
  })

  test('what is waiting is computed before, from the leaves as they are', async () => {
    const w = tensor([1, 2])
    w.requireGrad()
    const step = compile(() => w.assign(w.detach().mul(2)))
    step()
    const waiting = w.mul(10)
    step()
    step()
    expect(await waiting.toArray()).toEqual([20, 40])
    expect(await w.toArray()).toEqual([8, 16])
  })

  test('a state dict that is loaded counts', async () => {
    const w = tensor([1, 2], { requiresGrad: true })
    const optimizer = new optim.SGD([w], { lr: 0.1, momentum: 0.9 })
    const step = compile(() => {
      optimizer.zeroGrad()
      w.mul(w).sum().backward()
      optimizer.step()
    })
    step()
    step()
    const [saved, values] = [optimizer.stateDict(), w.detach()]
    const buffer = [...(saved.state[0]!.momentum_buffer as Tensor).dataSync()]
    step()
    const expected = await w.toArray()
    for (let i = 0; i < 3; i++) step()
    w.assign(values)
    optimizer.loadStateDict(saved)
    expect([...(optimizer.state.get(w)!.momentumBuffer as Tensor).dataSync()]).toEqual(buffer)
    step()
    expect(await w.toArray()).toEqual(expected)
  })
})

test.skipIf(!machine)('nothing is compiled to machine code a second time', async () => {
  const before = device().name
  setDevice('native')
  if (!(target instanceof NativeTarget)) return
  const w = waves([7, 5]).requireGrad()
  const optimizer = new optim.Adam([w])
  const step = compile((x: Tensor) => {
    optimizer.zeroGrad()
    const loss = F.dropout(x.matmul(w)).pow(2).mean()
    loss.backward()
    optimizer.step()
    return loss
  })
  const used = device() as NativeTarget
  step(waves([3, 7]))
  step(waves([3, 7], 1))
  const { compiled } = used
  for (let i = 0; i < 20; i++) {
    optimizer.paramGroups[0]!.lr = 1e-3 / (i + 1)
    step(waves([3, 7], i))
  }
  expect(used.compiled).toBe(compiled)
  setDevice(before)
})
