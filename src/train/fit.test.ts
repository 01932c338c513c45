import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StateDictError, ValueError } from '../core/errors.ts'
import { DataLoader } from '../data/data-loader.ts'
import { Stream } from '../data/stream.ts'
import { TensorDataset } from '../data/tensor-dataset.ts'
import { Sequential } from '../nn/containers.ts'
import { crossEntropy } from '../nn/functional/losses/classification.ts'
import { mseLoss } from '../nn/functional/losses/regression.ts'
import { BatchNorm1d } from '../nn/layers/batch-norm.ts'
import { Dropout } from '../nn/layers/dropout.ts'
import { Linear } from '../nn/layers/linear.ts'
import { Adam } from '../optim/adam.ts'
import { CosineAnnealingLR } from '../optim/schedules/cosine.ts'
import { SGD } from '../optim/sgd.ts'
import { tensor } from '../tensor/creation.ts'
import { manualSeed, randn } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { f1 } from './classification-metrics.ts'
import { evaluate } from './evaluate.ts'
import * as training from './fit.ts'
import type { FitOptions, History, ValidationRecord } from './fit-options.ts'
import { historyFile } from './logs/history-file.ts'
import { accuracy } from './metrics.ts'

/** y = 3·a − 2·b + noise, as batches or samples. */
function line(count: number, seed = 0): TensorDataset<readonly [Tensor, Tensor]> {
  manualSeed(seed)
  const x = randn([count, 2])
  return new TensorDataset(x, x.matmul(tensor([[3], [-2]])).add(randn([count, 1]).mul(0.1)))
}

/** Two noisy moons' worth of classes. */
function classes(count: number, seed = 0): TensorDataset<readonly [Tensor, Tensor]> {
  manualSeed(seed)
  const x = randn([count, 2])
  return new TensorDataset(x, x.square().sum(1).gt(1.4).to('int32'))
}

const zeroed = (): Linear => {
  const model = new Linear(2, 1)
  model.weight.assign(tensor([[0, 0]]))
  model.bias?.assign(tensor([0]))
  return model
}

const weights = (model: { parameters(): Tensor[] }): number[] =>
  model.parameters().flatMap((p) => Array.from(p.dataSync()))

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-fit-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('steps', () => {
  test('batches of any size whose gradients are added up are one big batch', async () => {
    const [whole, parts] = [zeroed(), zeroed()]
    const data = line(20)
    const [x, y] = data.batch([...Array(20).keys()])
    const one = { loss: mseLoss, epochs: 1 }
    await training.fit(whole, {
      ...one,
      train: new DataLoader(data, { batchSize: 20 }),
      optimizer: new SGD(whole.parameters(), { lr: 0.1 }),
    })
    const uneven = {
      async *[Symbol.asyncIterator]() {
        for (const [from, to] of [
          [0, 7],
          [7, 8],
          [8, 20],
        ] as const)
          yield [x.narrow(0, from, to - from), y.narrow(0, from, to - from)] as const
      },
    }
    const history = await training.fit(parts, {
      ...one,
      train: uneven,
      optimizer: new SGD(parts.parameters(), { lr: 0.1 }),
      accumulate: 4,
    })
    expect(history.epochs[0]?.steps).toBe(1)
    for (const [i, weight] of weights(parts).entries()) expect(weight).toBeCloseTo(weights(whole)[i]!, 6)
  })

  test('clipping bounds the step', async () => {
    for (const [options, bound] of [
      [{ clipNorm: 0.01 }, 0.01],
      [{ clipValue: 0.001 }, 0.001 * Math.sqrt(3)],
    ] as const) {
      const model = zeroed()
      await training.fit(model, {
        ...options,
        train: new DataLoader(line(8), { batchSize: 8 }),
        loss: mseLoss,
        epochs: 1,
        optimizer: new SGD(model.parameters(), { lr: 1 }),
      })
      expect(Math.hypot(...weights(model))).toBeLessThanOrEqual(bound * 1.0001)
      expect(Math.hypot(...weights(model))).toBeGreaterThan(bound * 0.98)
    }
  })

  test('streams, whose length nobody knows, are walked anew each epoch', async () => {
    const data = line(30)
    const stream = new Stream(function* () {
      for (let i = 0; i < 30; i++) yield data.get(i)
    })
      .shuffle({ buffer: 8 })
      .batch(8)
    const model = zeroed()
    const seen: number[] = []
    const { epochs } = await training.fit(model, {
      ...{
        train: stream,
        optimizer: new Adam(model.parameters(), { lr: 0.1 }),
        loss: mseLoss,
        epochs: 12,
        readEvery: 3,
      },
      onStep: ({ step, stepsPerEpoch }) => seen.push(step, stepsPerEpoch) as never,
    })
    expect(epochs.map(({ steps }) => steps)).toEqual(new Array(12).fill(4))
    expect(seen.slice(0, 4)).toEqual([3, Number.POSITIVE_INFINITY, 4, Number.POSITIVE_INFINITY])
    expect(epochs.at(-1)?.train['loss']).toBeLessThan(1)
  })
})

describe('validation and when to stop', () => {
  test('every n steps, by callbacks, with streaming metrics', async () => {
    const model = new Linear(2, 2)
    const checks: ValidationRecord[] = []
    const calls: string[] = []
    const metrics = { accuracy, f1: f1({ classes: 2 }) }
    const validation = classes(40, 1)
    await training.fit(model, {
      ...{ train: classes(40), validation, optimizer: new SGD(model.parameters(), { lr: 0.1 }), loss: crossEntropy },
      ...{ metrics, epochs: 2, batchSize: 8, validateEvery: 3 },
      callbacks: [
        {
          onTrainBegin: () => void calls.push('begin'),
          onValidation: (check) => void checks.push(check),
          onEpoch: ({ epoch, validation: figures }) => void calls.push(`${epoch} ${Object.keys(figures ?? {}).sort()}`),
          onTrainEnd: ({ ended }) => void calls.push(ended),
        },
      ],
    })
    expect(checks.map(({ epoch, totalSteps }) => [epoch, totalSteps])).toEqual([
      [1, 3],
      [2, 6],
      [2, 9],
    ])
    expect(checks[0]?.isBest).toBe(true)
    expect(calls).toEqual(['begin', '1 accuracy,f1,loss', '2 accuracy,f1,loss', 'complete'])
    const again = await evaluate(model, validation, { metrics })
    expect(again['f1']).toBeGreaterThan(0)
  })

  test('without a number of epochs until it converges, then the best weights', async () => {
    const model = zeroed()
    const validation = line(50, 2)
    const checks: ValidationRecord[] = []
    const { epochs, ended } = await training.fit(model, {
      ...{ train: line(40), validation, optimizer: new SGD(model.parameters(), { lr: 0.2 }), loss: mseLoss },
      ...{
        batchSize: 8,
        patience: 3,
        minDelta: 1e-4,
        callbacks: [{ onValidation: (check) => void checks.push(check) }],
      },
    })
    expect(ended).toBe('converged')
    const best = checks.findLast(({ isBest }) => isBest)!
    expect(epochs.length).toBe(best.epoch + 3)
    expect((await evaluate(model, validation, { loss: mseLoss }))['loss']).toBe(best.figures['loss'])
  })

  test('a metric decides which weights are best and when to stop, though the loss falls on', async () => {
    /** Best where the outputs have variance 1, which they pass on their way from 0 to 13. */
    const strength = (output: Tensor): Tensor => output.square().mean().sub(1).abs()
    const perEpoch: number[][] = []
    const train = async (options: Partial<FitOptions>): Promise<[number[], History]> => {
      const model = zeroed()
      perEpoch.length = 0
      const history = await training.fit(model, {
        ...{ train: line(40), validation: line(50, 2), optimizer: new SGD(model.parameters(), { lr: 0.01 }) },
        ...{ loss: mseLoss, epochs: 12, batchSize: 8, patience: 2, restoreBest: true },
        onEpoch: () => void perEpoch.push(weights(model)),
        ...options,
      })
      return [weights(model), history]
    }
    const low = { metrics: { distance: strength }, monitor: 'distance', mode: 'min' } as const
    const high = { metrics: { nearness: (y: Tensor) => strength(y).neg() }, monitor: 'nearness', mode: 'max' } as const
    const alone = { ...low, metrics: {}, validationMetrics: low.metrics }
    for (const options of [low, high, alone]) {
      const [final, { epochs, ended }] = await train(options)
      const figures = epochs.map(({ validation }) => Math.abs(validation![options.monitor]!))
      const best = figures.indexOf(Math.min(...figures))
      expect([best > 0, epochs.length, ended]).toEqual([true, best + 3, 'patience'])
      expect(final).toEqual(perEpoch[best])
      expect(Object.keys(epochs[0]!.train)).toEqual(['loss', ...Object.keys(options.metrics)])
      const losses = epochs.map(({ validation }) => validation!['loss']!)
      expect(losses).toEqual([...losses].sort((a, b) => b - a))
    }
    expect((await train({}))[1].ended).toBe('complete')
  })

  test('ema and swa end with averaged weights', async () => {
    const plain = { train: line(40), loss: mseLoss, epochs: 4, batchSize: 8 }
    const train = async (options: Partial<FitOptions>, afterEpoch?: (weights: number[]) => void): Promise<number[]> => {
      const model = zeroed()
      const optimizer = new SGD(model.parameters(), { lr: 0.3 })
      await training.fit(model, { ...plain, optimizer, onEpoch: () => afterEpoch?.(weights(model)), ...options })
      return weights(model)
    }
    const perEpoch: number[][] = []
    await train({}, (now) => perEpoch.push(now))
    const swa = await train({ swaFrom: 3 })
    for (const [i, weight] of swa.entries()) expect(weight).toBeCloseTo((perEpoch[2]![i]! + perEpoch[3]![i]!) / 2, 5)
    const perStep: number[][] = []
    const model = zeroed()
    await training.fit(model, {
      ...plain,
      optimizer: new SGD(model.parameters(), { lr: 0.3 }),
      readEvery: 1,
      onStep: () => void perStep.push(weights(model)),
    })
    let average = [0, 0, 0]
    for (const step of perStep) average = average.map((value, i) => 0.8 * value + 0.2 * step[i]!)
    const ema = await train({ ema: 0.8 })
    for (const [i, weight] of ema.entries()) expect(weight).toBeCloseTo(average[i]!, 5)
  })

  test('swa measures the statistics of batch normalisation anew', async () => {
    manualSeed(0)
    const norm = new BatchNorm1d(2)
    const model = new Sequential(norm, new Linear(2, 1))
    const data = line(64)
    const train = new DataLoader(data, { batchSize: 32 })
    await training.fit(model, {
      train,
      loss: mseLoss,
      epochs: 2,
      swaFrom: 1,
      optimizer: new SGD(model.parameters(), { lr: 0.1 }),
    })
    const mean = data
      .batch([...Array(64).keys()])[0]
      .mean(0)
      .dataSync()
    for (const [i, value] of norm.runningMean!.dataSync().entries()) expect(value).toBeCloseTo(mean[i]!, 5)
  })

  test('refuses what makes no sense together', async () => {
    const model = zeroed()
    const good = { train: line(4), optimizer: new SGD(model.parameters(), { lr: 1 }), loss: mseLoss }
    await expect(training.fit(model, good)).rejects.toThrow('until it converges needs a validation set')
    await expect(training.fit(model, { ...good, epochs: 1, ema: 0.9, swaFrom: 1 })).rejects.toThrow('received both')
    await expect(training.fit(model, { ...good, epochs: 1, ema: 1 })).rejects.toThrow(ValueError)
    const watched = { ...good, validation: line(4), metrics: { accuracy }, epochs: 1 }
    await expect(training.fit(model, { ...watched, monitor: 'f1', mode: 'max' })).rejects.toThrow(
      "monitor expects 'loss' or 'accuracy', received 'f1'",
    )
    await expect(training.fit(model, { ...watched, monitor: 'accuracy' })).rejects.toThrow(
      "mode must be 'min' or 'max' where 'accuracy' is monitored, received none",
    )
    await expect(training.fit(model, { ...good, epochs: 1, monitor: 'loss' })).rejects.toThrow(
      'monitor needs a validation set',
    )
    const step = { paramGroups: [], zeroGrad: () => {}, step: () => {} }
    await expect(training.fit(model, { ...good, optimizer: step, epochs: 1, checkpoint: { folder } })).rejects.toThrow(
      'checkpoints need the optimizer to have stateDict()',
    )
  })
})

describe('checkpoints', () => {
  const make = (): Sequential => {
    manualSeed(5)
    return new Sequential(new Linear(2, 8), new BatchNorm1d(8), new Dropout(0.2), new Linear(8, 2))
  }
  const train = async (
    into: string,
    stopAfter?: number,
    change: Partial<FitOptions> = {},
  ): Promise<[number[], unknown]> => {
    const data = { train: classes(40), validation: classes(16, 1) }
    const model = make()
    const optimizer = new Adam(model.parameters(), { lr: 0.02 })
    const controller = new AbortController()
    const history = await training.fit(model, {
      ...{
        ...data,
        optimizer,
        loss: crossEntropy,
        metrics: { accuracy, f1: f1({ classes: 2 }) },
        epochs: 3,
        batchSize: 8,
        readEvery: 1,
      },
      ...{ schedule: new CosineAnnealingLR(optimizer, 15), scheduleEvery: 'step', ema: 0.9, signal: controller.signal },
      ...{ restoreBest: true, patience: 50 },
      checkpoint: { folder: join(folder, into), every: 2, resume: true },
      callbacks: [historyFile(join(folder, `${into}.jsonl`))],
      onStep: ({ totalSteps }) => {
        if (totalSteps === stopAfter) controller.abort()
      },
      ...change,
    })
    return [weights(model), { ...history, epochs: history.epochs.map((record) => ({ ...record, seconds: 0 })) }]
  }
  const lines = async (name: string): Promise<unknown[]> =>
    (await readFile(join(folder, `${name}.jsonl`), 'utf8'))
      .trim()
      .split('\n')
      .map((text) => ({ ...JSON.parse(text), seconds: 0 }))

  test('an interrupted training, taken up again, ends with the same bits and the same history', async () => {
    const whole = await train('whole')
    await train('cut', 4)
    await train('cut', 7)
    expect(await train('cut')).toEqual(whole)
    expect(await lines('cut')).toEqual(await lines('whole'))
    expect((await readdir(join(folder, 'cut'))).length).toBe(3)
  })

  test('so does one in which a metric decides', async () => {
    const byAccuracy = { monitor: 'accuracy', mode: 'max' } as const
    const whole = await train('whole', undefined, byAccuracy)
    await train('cut', 4, byAccuracy)
    await train('cut', 11, byAccuracy)
    expect(await train('cut', undefined, byAccuracy)).toEqual(whole)
  })

  test('a damaged checkpoint is passed over, and the one before is used', async () => {
    const whole = await train('whole')
    await train('cut', 9)
    const newest = (await readdir(join(folder, 'cut'))).sort().at(-1)!
    await truncate(join(folder, 'cut', newest), 500)
    expect(await train('cut')).toEqual(whole)
  })

  test('one of another model is refused', async () => {
    await train('cut', 4)
    const other = zeroed()
    const options = { train: line(8), optimizer: new SGD(other.parameters(), { lr: 1 }), loss: mseLoss, epochs: 1 }
    const resumed = training.fit(other, { ...options, checkpoint: { folder: join(folder, 'cut'), resume: true } })
    await expect(resumed).rejects.toThrow(StateDictError)
    await expect(resumed).rejects.toThrow(
      /step-0000000\d\.safetensors does not fit: loadStateDict: the entries do not fit Linear/,
    )
  })
})
