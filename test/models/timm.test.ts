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
import type { Architecture } from '../../src/models/architecture.ts'
import { fromPretrained } from '../../src/models/pretrained.ts'
import { asOwn, toPublished } from '../../src/models/published.ts'
import { loadModel, saveModel } from '../../src/models/saved.ts'
import { timmArchitecture } from '../../src/models/timm.ts'
import { withoutTrace } from '../../src/runtime/realize.ts'
import { tensor } from '../../src/tensor/creation.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { filled, seedOf, uniform } from './filling.ts'
import { type Digest, readGolden } from './vision-cases.ts'

interface Golden {
  readonly config: Readonly<Record<string, unknown>>
  readonly names: Digest
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

const settingsOf = (config: Golden['config']): Settings =>
  new Settings(config, (problem) => new FileError('test', problem))

const architectureOf = (config: Golden['config']): Architecture =>
  timmArchitecture(String(config['architecture']), settingsOf(config))

/** Shapes by timm's names of the network that `config` describes. */
function shapesOf(config: Golden['config']): [name: string, shape: readonly number[]][] {
  const { make, published = asOwn } = architectureOf(config)
  // Random weights are recorded, and never computed.
  return withoutTrace(() =>
    Object.entries(toPublished(make(settingsOf(config)).stateDict(), published)).map(([name, x]) => [name, x.shape]),
  )
}

function digestOf(config: Golden['config']): Digest {
  const text = shapesOf(config)
    .map(([name, shape]) => `${name} [${shape.join(',')}]\n`)
    .sort()
  return { entries: text.length, sha256: createHash('sha256').update(text.join('')).digest('hex') }
}

const checkpoint = ({ config }: Golden): Record<string, Tensor> =>
  Object.fromEntries(shapesOf(config).map(([name, shape]) => [name, filled(name, shape)]))

describe.each(Object.entries(models))('%s', (_, golden) => {
  const { published = asOwn } = architectureOf(golden.config)

  test('its names and shapes are those of published weights', () => {
    expect(digestOf(golden.config)).toEqual(golden.names)
  })

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
    const parameters = model.namedParameters().map(([own, parameter]) => [published.name(own), parameter] as const)
    expect(parameters.map(([path]) => path).sort()).toEqual(Object.keys(golden.gradients).sort())
    const gradients = await Promise.all(parameters.map(([, parameter]) => parameter.grad!.data()))
    for (const [at, [path, parameter]] of parameters.entries()) {
      const known = uniform(seedOf(`${path} gradient`), parameter.size)
      const gradient = gradients[at]!
      const product = known.reduce((sum, k, i) => sum + k * gradient[i]!, 0)
      const [expected, norm] = golden.gradients[path]!
      expect([path, Math.abs(product - expected) <= 1e-3 * norm + 1e-6]).toEqual([path, true])
    }
  })
})

/** Some of each kind; the others differ by tables of names, which the digests hold. */
describe.each(['vit_tiny_patch16_224', 'convnext_tiny', 'mobilenetv2_035', 'mobilenetv3_small_050'])('%s', (name) => {
  const golden = models[name]!
  const { published = asOwn, head } = architectureOf(golden.config)

  test('a saved model has the names and shapes again, but for other classes', async () => {
    const source = await publish(golden.config, checkpoint(golden))
    const { model } = await fromPretrained(source, { numLabels: 3 })
    const out = join(folder, 'saved')
    const config = { ...golden.config, num_classes: 3 }
    await saveModel(out, model, { config })
    const saved = await loadTensors(join(out, 'model.safetensors'))
    const shapes = Object.fromEntries([...saved].map(([key, x]) => [key, [...x.shape]]))
    expect(shapes).toEqual(Object.fromEntries(shapesOf(config)))
    expect(shapes[published.name(`${head}.weight`)]![0]).toBe(3)
    expect((await fromPretrained(out)).missing).toEqual([])
    const again = await loadModel(out, (given) => architectureOf(given).make(settingsOf(given)))
    const path = model.namedParameters()[0]![0]
    expect(await again.getParameter(path).data()).toEqual(await model.getParameter(path).data())
  })

  test('what is missing is the head alone; other weights are named', async () => {
    const [weight, bias] = [`${head}.weight`, `${head}.bias`]
    const { [published.name(weight)]: _w, [published.name(bias)]: _b, ...body } = checkpoint(golden)
    const { missing, unexpected } = await fromPretrained(
      await publish(golden.config, { ...body, 'other.bias': tensor([1]) }),
    )
    expect([missing, unexpected]).toEqual([[weight, bias], ['other.bias']])
    const [first] = Object.keys(body).sort() as [string]
    const { [first]: lost, ...rest } = body
    await expect(fromPretrained(await publish(golden.config, rest))).rejects.toThrow(
      `the weights lack '${first}' [${lost!.shape.join(', ')}]; they have `,
    )
  })
})

test.each(Object.keys(names))('%s: all names and shapes are those of published weights', (architecture) => {
  expect(digestOf({ architecture })).toEqual(names[architecture])
})

test.each<[string, object]>([
  ["architecture 'vit_so400m_patch14_siglip_224' is not known", { architecture: 'vit_so400m_patch14_siglip_224' }],
  [
    'model_args: reg_tokens is not supported; expected embed_dim, depth',
    { architecture: 'vit_tiny_patch16_224', model_args: { reg_tokens: 4 } },
  ],
  [
    'model_args: dims [8,16,24,32] are not supported; expected each twice the one before',
    { architecture: 'convnext_tiny', model_args: { dims: [8, 16, 24, 32] } },
  ],
  [
    'model_args: drop_rate is not supported; expected none',
    { architecture: 'mobilenetv2_100', model_args: { drop_rate: 0.1 } },
  ],
  ['num_classes is 0: the network has no head', { architecture: 'vit_small_patch16_224', num_classes: 0 }],
  ['global_pool "max" is not supported', { architecture: 'efficientnet_b0', global_pool: 'max' }],
  ['global_pool "avg" is not supported', { architecture: 'vit_tiny_patch16_224', global_pool: 'avg' }],
])('refuses a configuration: %s', async (problem, config) => {
  await expect(fromPretrained(await publish(config, { a: tensor([1]) }))).rejects.toThrow(problem)
})
