/** Networks for images by timm's names against timm (generate_timm.py), loaded as it stores them. */
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError } from '../../src/core/errors.ts'
import { saveSafetensors } from '../../src/io/safetensors.ts'
import { Settings } from '../../src/io/settings.ts'
import { loadTensors } from '../../src/io/weights.ts'
import { fromPretrained } from '../../src/models/pretrained.ts'
import { saveModel } from '../../src/models/saved.ts'
import { timmArchitecture } from '../../src/models/timm.ts'
import { withoutTrace } from '../../src/runtime/realize.ts'
import { tensor } from '../../src/tensor/creation.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { filled, seedOf, uniform } from './filling.ts'
import { type Digest, readGolden } from './vision-cases.ts'

interface Golden {
  readonly config: Readonly<Record<string, unknown>>
  readonly shapes: Readonly<Record<string, readonly number[]>>
  readonly input: readonly number[]
  readonly values: readonly number[]
  /** Of each parameter's gradient, its product with known numbers and its norm. */
  readonly gradients: Readonly<Record<string, readonly [number, number]>>
}

const { models, names } = readGolden<{ models: Record<string, Golden>; names: Record<string, Digest> }>('timm')

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-timm-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function publish(config: object, tensors: Readonly<Record<string, Tensor>>): Promise<string> {
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await saveSafetensors(join(folder, 'model.safetensors'), tensors)
  return folder
}

const checkpoint = ({ shapes }: Golden): Record<string, Tensor> =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, filled(name, shape)]))

describe.each(Object.entries(models))('%s', (name, golden) => {
  const publishedName = (own: string): string => {
    const config = new Settings({}, (problem) => new FileError('test', problem))
    return timmArchitecture(name, config).publishedName?.(own) ?? own
  }

  test('its weights give the outputs and gradients that they give in Python', async () => {
    const { model, missing, unexpected } = await fromPretrained(await publish(golden.config, checkpoint(golden)))
    expect([missing, unexpected]).toEqual([[], []])
    const size = golden.input.reduce((n, extent) => n * extent, 1)
    const x = tensor(Float32Array.from(uniform(seedOf('input'), size)), { shape: golden.input })
    const y = model.forward(x)
    const values = await y.data()
    expect(values.length).toBe(golden.values.length)
    for (const [i, value] of golden.values.entries()) expect(Math.abs(values[i]! - value)).toBeLessThan(1e-4)

    const weights = tensor(Float32Array.from(uniform(seedOf('loss'), y.size)), { shape: y.shape })
    y.mul(weights).sum().backward()
    const parameters = model.namedParameters().map(([own, parameter]) => [publishedName(own), parameter] as const)
    expect(parameters.map(([path]) => path).sort()).toEqual(Object.keys(golden.gradients).sort())
    for (const [path, parameter] of parameters) {
      const known = uniform(seedOf(`${path} gradient`), parameter.size)
      const gradient = await parameter.grad!.data()
      const product = known.reduce((sum, k, i) => sum + k * gradient[i]!, 0)
      const [expected, norm] = golden.gradients[path]!
      expect([path, Math.abs(product - expected) <= 1e-3 * norm + 1e-6]).toEqual([path, true])
    }
  })

  test('a saved model has the names and shapes again', async () => {
    const source = await publish(golden.config, checkpoint(golden))
    const { model } = await fromPretrained(source, { numLabels: 3 })
    const out = join(folder, 'saved')
    await saveModel(out, model, { config: { ...golden.config, num_classes: 3 } })
    const saved = await loadTensors(join(out, 'model.safetensors'))
    const shapes = Object.fromEntries([...saved].map(([key, x]) => [key, [...x.shape]]))
    const head = Object.entries(golden.shapes).map(([key, [rows, ...rest]]) => [
      key,
      key.startsWith('head.') ? [3, ...rest] : [rows!, ...rest],
    ])
    expect(shapes).toEqual(Object.fromEntries(head))
    expect((await fromPretrained(out)).missing).toEqual([])
  })
})

test.each(Object.keys(names))('%s: all names and shapes are those of published weights', (name) => {
  const config = new Settings({ architecture: name }, (problem) => new FileError('test', problem))
  const { make, publishedName = (own) => own } = timmArchitecture(name, config)
  // Random weights are recorded, and never computed.
  const entries = withoutTrace(() => Object.entries(make(config).stateDict()))
  const text = entries.map(([own, { shape }]) => `${publishedName(own)} [${shape.join(',')}]\n`).sort()
  expect({ entries: text.length, sha256: createHash('sha256').update(text.join('')).digest('hex') }).toEqual(
    names[name],
  )
})

test('what is missing is the head alone; other weights are named', async () => {
  const [golden] = Object.values(models)
  const { 'head.weight': _, 'head.bias': __, ...body } = checkpoint(golden!)
  const { missing, unexpected } = await fromPretrained(
    await publish(golden!.config, { ...body, 'head_dist.bias': tensor([1]) }),
  )
  expect([missing, unexpected]).toEqual([['heads.head.weight', 'heads.head.bias'], ['head_dist.bias']])
  const { 'blocks.1.attn.qkv.bias': ___, ...lost } = body
  await expect(fromPretrained(await publish(golden!.config, lost))).rejects.toThrow(
    "the weights lack 'blocks.1.attn.qkv.bias' [48]; they have blocks.0.attn.proj.bias",
  )
})

test.each<[string, object]>([
  ["architecture 'vit_so400m_patch14_siglip_224' is not known", { architecture: 'vit_so400m_patch14_siglip_224' }],
  [
    'model_args: reg_tokens is not supported; expected embed_dim, depth',
    { architecture: 'vit_tiny_patch16_224', model_args: { reg_tokens: 4 } },
  ],
  ['global_pool "avg" is not supported', { architecture: 'vit_tiny_patch16_224', global_pool: 'avg' }],
])('refuses a configuration: %s', async (problem, config) => {
  await expect(fromPretrained(await publish(config, { a: tensor([1]) }))).rejects.toThrow(problem)
})
