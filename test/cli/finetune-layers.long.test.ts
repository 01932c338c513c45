/** `gradus finetune image` goes on from a layers model of TensorFlow.js, and its run stands alone. */
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { loadOnnx } from '../../src/io/onnx/onnx.ts'
import { loadSafetensors } from '../../src/io/safetensors.ts'
import { ones } from '../../src/tensor/creation.ts'
import { answerOf, gradusHere } from './command.ts'
import { writePictures } from './pictures.ts'

vi.setConfig({ testTimeout: 240_000 })

let folder = ''
const at = (name: string): string => join(folder, name)
const quick = ['--linear-probe', '--epochs', '40', '--head-lr', '0.1', '--workers', '0'] as const

/** A convolution, the means of its channels and a layer for five classes, which takes images of 32 pixels. */
async function writeModel(path: string, layers: readonly object[]): Promise<void> {
  await mkdir(path)
  const weights = { 'conv/kernel': [3, 3, 3, 6], 'conv/bias': [6], 'classes/kernel': [6, 5], 'classes/bias': [5] }
  const sizes = Object.values(weights).map((shape) => shape.reduce((size, n) => size * n))
  const values = Float32Array.from({ length: sizes.reduce((a, b) => a + b) }, (_, i) => Math.sin(12.9898 * i) / 4)
  await writeFile(join(path, 'group1-shard1of1'), new Uint8Array(values.buffer))
  await writeFile(
    join(path, 'model.json'),
    JSON.stringify({
      format: 'layers-model',
      modelTopology: { model_config: { class_name: 'Sequential', config: { name: 'small', layers } } },
      weightsManifest: [
        {
          paths: ['group1-shard1of1'],
          weights: Object.entries(weights).map(([name, shape]) => ({ name, shape, dtype: 'float32' })),
        },
      ],
    }),
  )
}

const conv = {
  class_name: 'Conv2D',
  config: {
    ...{ name: 'conv', batch_input_shape: [null, 32, 32, 3], filters: 6, kernel_size: [3, 3], strides: [1, 1] },
    ...{ padding: 'same', data_format: 'channels_last', activation: 'relu', use_bias: true },
  },
}
const pool = { class_name: 'GlobalAveragePooling2D', config: { name: 'pool', data_format: 'channels_last' } }
const classes = { class_name: 'Dense', config: { name: 'classes', units: 5, activation: 'softmax', use_bias: true } }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-layers-'))
  await writePictures(at('photos'))
  await writeModel(at('model'), [conv, pool, classes])
})
afterAll(() => rm(folder, { recursive: true }))

test('a new head on the features of the old one; neither pictures nor model are needed afterwards', async () => {
  const { code, stdout, stderr } = await gradusHere(
    'finetune',
    'image',
    at('photos'),
    '--from',
    at('model'),
    ...quick,
    '--run',
    at('run'),
  )
  expect([code, stderr]).toEqual([0, ''])
  // 6 features and a bias for each of two classes, beside 168 weights of the convolution: the old head is gone.
  expect(stdout).toContain('14 weights of 182 are trained')
  expect(stdout).toContain('Test accuracy 100.00 %')
  await rename(join(at('photos'), 'sky', '3.png'), at('sky.png'))
  await Promise.all(['photos', 'model'].map((name) => rename(at(name), at(`${name}-elsewhere`))))
  await rename(at('run'), at('moved'))
  const guess = await answerOf('predict', at('moved'), at('sky.png'))
  expect(guess['prediction']).toBe('sky')
  await answerOf('export', at('moved'), '--onnx')
  const [graph, weights] = await Promise.all([
    loadOnnx(join(at('moved'), 'export', 'model.onnx')),
    loadSafetensors(join(at('moved'), 'export', 'model.safetensors')),
  ])
  expect(graph.inputNames).toEqual(['pixel_values'])
  expect([...weights.tensors.keys()].sort()).toEqual([
    'body.conv.layer.bias',
    'body.conv.layer.weight',
    'head.bias',
    'head.weight',
  ])
  expect(graph.forward(ones([2, 3, 32, 32])).shape).toEqual([2, 2])
  const about = JSON.parse(await readFile(join(at('moved'), 'export', 'config.json'), 'utf8'))
  expect(about).toMatchObject({
    label_names: ['leaf', 'sky'],
    features: ['pool'],
    pretrained_cfg: { mean: [0, 0, 0], std: [1, 1, 1] },
  })
  await Promise.all(['photos', 'model'].map((name) => rename(at(`${name}-elsewhere`), at(name))))
})

test('normalisation and features can be named', async () => {
  const options = ['--mean', '0.5', '--std', '0.2,0.25,0.3', '--features', 'conv,pool'] as const
  const from = ['--from', join(at('model'), 'model.json')]
  const { code, stdout, stderr } = await gradusHere(
    'finetune',
    'image',
    at('photos'),
    ...from,
    ...quick,
    ...options,
    '--run',
    at('named'),
  )
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('26 weights of 194 are trained')
  const { known } = JSON.parse(await readFile(join(at('named'), 'config.json'), 'utf8'))
  expect(known.config.pretrained_cfg).toMatchObject({ mean: [0.5, 0.5, 0.5], std: [0.2, 0.25, 0.3] })
})

test.each<[string[], string]>([
  [['--from', 'model', '--features', 'nothing'], "no layer is called 'nothing'; the last are conv, pool, classes"],
  [['--from', 'model', '--mean', '1,2'], "field 'mean' expects one number or three with commas between, received 1,2"],
  [['--from', 'model', '--std', '0'], "field 'std' expects one number or three with commas between, received 0"],
  [['--from', 'alone'], 'no layer with weights stands before the last one, so there are no features to go on from'],
])('refuses %j', async ([, from, ...options], message) => {
  if (from === 'alone') await writeModel(at('alone'), [conv, pool])
  const { code, stderr } = await gradusHere(
    'finetune',
    'image',
    at('photos'),
    '--from',
    at(from!),
    ...options,
    '--run',
    at('none'),
  )
  expect(stderr).toMatch(/^gradus: [^\n]+\n$/)
  expect(stderr).toContain(message)
  expect(code).toBe(2)
})
