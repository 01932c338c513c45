/** Networks for images by timm's names; more of them in timm.long.test.ts. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { loadTensors } from '../../src/io/weights.ts'
import { fromPretrained } from '../../src/models/pretrained.ts'
import { asOwn } from '../../src/models/published.ts'
import { loadModel, saveModel } from '../../src/models/saved.ts'
import { tensor } from '../../src/tensor/creation.ts'
import {
  architectureOf,
  checkpoint,
  digestOf,
  expectGolden,
  models,
  names,
  publish,
  settingsOf,
  shapesOf,
} from './timm-cases.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-timm-'))
})
afterEach(() => rm(folder, { recursive: true }))

test.each([
  ...['vit_tiny_patch16_224', 'convnext_tiny', 'vgg11', 'mobilenetv2_035', 'mobilenetv3_small_050'],
  ...['tf_mobilenetv3_small_minimal_100', 'tf_efficientnet_b0'],
])('%s: its weights give the outputs and gradients that they give in Python', (name) => expectGolden(name, folder))

/** Some of each kind; the others differ by tables of names, which the digests hold. */
describe.each(['vit_tiny_patch16_224', 'convnext_tiny', 'mobilenetv2_035', 'mobilenetv3_small_050'])('%s', (name) => {
  const golden = models[name]!
  const { published = asOwn, head } = architectureOf(golden.config)

  test('a saved model has the names and shapes again, but for other classes', async () => {
    const source = await publish(folder, golden.config, checkpoint(golden))
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
      await publish(folder, golden.config, { ...body, 'other.bias': tensor([1]) }),
    )
    expect([missing, unexpected]).toEqual([[weight, bias], ['other.bias']])
    const [first] = Object.keys(body).sort() as [string]
    const { [first]: lost, ...rest } = body
    await expect(fromPretrained(await publish(folder, golden.config, rest))).rejects.toThrow(
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
  await expect(fromPretrained(await publish(folder, config, { a: tensor([1]) }))).rejects.toThrow(problem)
})
