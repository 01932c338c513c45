import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError, StateDictError, ValueError } from '../core/errors.ts'
import { TensorDataset } from '../data/tensor-dataset.ts'
import { ReLU } from '../nn/activations/rectifiers.ts'
import { Sequential } from '../nn/containers.ts'
import { mseLoss } from '../nn/functional/losses/regression.ts'
import { saveSafetensors } from '../io/safetensors.ts'
import { BatchNorm1d } from '../nn/layers/batch-norm.ts'
import { Linear } from '../nn/layers/linear.ts'
import { SGD } from '../optim/sgd.ts'
import { arange } from '../tensor/creation.ts'
import { manualSeed, randn } from '../tensor/random.ts'
import { cachedFeatures, freezeBatchNorm, gradualUnfreezing, layerwiseGroups, replaceHead } from './fine-tuning.ts'
import { Lora, loadLora } from './lora.ts'

const make = (): Sequential =>
  new Sequential({ body: new Linear(4, 6), norm: new BatchNorm1d(6), act: new ReLU(), head: new Linear(6, 3) })

const trained = (model: Sequential): string[] =>
  model
    .namedParameters()
    .filter(([, { requiresGrad }]) => requiresGrad)
    .map(([name]) => name)

describe('heads, rates and freezing', () => {
  test('a new head is where the old one was', () => {
    const model = make()
    const head = replaceHead(model, 5)
    expect(model.at('head')).toBe(head)
    expect(model.stateDict()['head.weight']?.shape).toEqual([5, 6])
    expect(model.forward(randn([2, 4])).shape).toEqual([2, 5])
    expect(() => replaceHead(new ReLU(), 2)).toThrow(ValueError)
  })

  test('earlier stages learn more slowly, and what is between them as the one before', () => {
    const groups = layerwiseGroups(make(), ['body', 'head'], { lr: 1, decay: 0.5 })
    expect(groups.map(({ lr, params }) => [lr, params.length])).toEqual([
      [0.5, 4],
      [1, 2],
    ])
    expect(() => layerwiseGroups(make(), ['body', 'tail'], { lr: 1 })).toThrow("no parameter is below 'tail'")
  })

  test('stages are freed from the output on', () => {
    const model = make()
    const free = gradualUnfreezing(model, ['body', 'head'])
    expect(trained(model)).toEqual(['head.weight', 'head.bias'])
    expect(free()).toBe(true)
    expect(trained(model)).toHaveLength(6)
    expect(free()).toBe(false)
  })

  test('frozen batch normalisation keeps its statistics in training', async () => {
    const model = make()
    const undo = freezeBatchNorm(model)
    model.train()
    const norm = model.at('norm') as unknown as BatchNorm1d
    await model.forward(randn([8, 4])).data()
    expect(norm.runningMean?.toArraySync()).toEqual([0, 0, 0, 0, 0, 0])
    undo()
    await model.forward(randn([8, 4])).data()
    expect(norm.runningMean?.toArraySync()).not.toEqual([0, 0, 0, 0, 0, 0])
  })
})

test('features are computed once for all samples, in order', async () => {
  const images = new TensorDataset(arange(10).reshape(5, 2), Int32Array.of(4, 3, 2, 1, 0))
  const found = await cachedFeatures(images, (x) => x.sum(1, { keepdim: true }).mul(2), { batchSize: 2 })
  const [rows, labels] = found.batch([0, 4, 1])
  expect([rows.toArraySync(), labels.toArraySync()]).toEqual([
    [[2], [34], [10]],
    [4, 0, 3],
  ])
})

describe('LoRA', () => {
  let folder = ''
  beforeEach(async () => {
    manualSeed(3)
    folder = await mkdtemp(join(tmpdir(), 'gradus-lora-'))
  })
  afterEach(() => rm(folder, { recursive: true }))

  const x = randn([5, 4])

  async function learn(model: Sequential, lora: Lora): Promise<void> {
    const optimizer = new SGD(lora.parameters(), { lr: 0.1 })
    for (let i = 0; i < 3; i++) {
      optimizer.zeroGrad()
      mseLoss(model.forward(x), randn([5, 3])).backward()
      optimizer.step()
    }
  }

  test('changes nothing at first, learns beside frozen weights, and merges into them', async () => {
    const model = make().eval()
    const before = await model.forward(x).data()
    const weights = model.stateDict()
    const lora = new Lora(model, { rank: 2, alpha: 4, target: ['body', 'head'] })
    expect(await model.forward(x).data()).toEqual(before)
    expect(lora.parameters().map(({ shape }) => shape)).toEqual([
      [2, 4],
      [6, 2],
      [2, 6],
      [3, 2],
    ])
    await learn(model, lora)
    expect(await model.stateDict()['body.weight']?.data()).toEqual(await weights['body.weight']?.data())
    const adapted = await model.forward(x).data()
    expect(adapted).not.toEqual(before)
    lora.merge()
    const merged = await model.forward(x).data()
    for (const [i, value] of merged.entries()) expect(value).toBeCloseTo(adapted[i]!, 5)
    expect(Object.keys(model.stateDict())).toEqual(Object.keys(weights))
  })

  test('is taken away again', async () => {
    const model = make().eval()
    const before = await model.forward(x).data()
    const lora = new Lora(model, { target: /head/ })
    await learn(model, lora)
    lora.remove()
    expect(await model.forward(x).data()).toEqual(before)
  })

  test('is stored alone, in the form of PEFT, and loaded onto the same network', async () => {
    const model = make().eval()
    const copy = make().eval()
    copy.loadStateDict(model.stateDict())
    const lora = new Lora(model, { rank: 2, target: /head/ })
    await learn(model, lora)
    await lora.save(folder)
    expect((await readdir(folder)).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
    expect(Object.keys(lora.stateDict())).toEqual([
      'base_model.model.head.lora_A.weight',
      'base_model.model.head.lora_B.weight',
    ])
    const loaded = await loadLora(copy, folder)
    expect(loaded.paths).toEqual(['head'])
    expect(await copy.forward(x).data()).toEqual(await model.forward(x).data())
  })

  test('brings the layers that PEFT saved whole beside it', async () => {
    const model = make().eval()
    const copy = make().eval()
    const lora = new Lora(model, { rank: 2, target: ['body'] })
    await lora.save(folder)
    const { weight, bias } = model.getSubmodule('head') as Linear
    const head = { 'base_model.model.head.weight': weight, 'base_model.model.head.bias': bias! }
    await saveSafetensors(join(folder, 'adapter_model.safetensors'), { ...lora.stateDict(), ...head })
    await loadLora(copy, folder)
    expect(await (copy.getSubmodule('head') as Linear).weight.data()).toEqual(await weight.data())
    await saveSafetensors(join(folder, 'adapter_model.safetensors'), { ...lora.stateDict(), elsewhere: weight })
    await expect(loadLora(make(), folder)).rejects.toThrow('the model has no place for elsewhere')
  })

  test('refuses other kinds of adapters, and what does not fit', async () => {
    expect(() => new Lora(make(), { target: ['query'] })).toThrow('no linear layer fits query; there are body, head')
    expect(() => new Lora(make(), { rank: 0 })).toThrow(ValueError)
    await expect(loadLora(make(), folder)).rejects.toThrow('has no adapter_config.json')
    await new Lora(make(), { target: ['head'] }).save(folder)
    const config = JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8'))
    const write = (changes: object): Promise<void> =>
      writeFile(join(folder, 'adapter_config.json'), JSON.stringify({ ...config, ...changes }))
    await write({ use_dora: true })
    await expect(loadLora(make(), folder)).rejects.toThrow(FileError)
    await write({ rank_pattern: { head: 4 } })
    await expect(loadLora(make(), folder)).rejects.toThrow('rank_pattern is not supported')
    await write({ target_modules: ['body', 'head'] })
    await expect(loadLora(make(), folder)).rejects.toThrow(StateDictError)
  })
})
