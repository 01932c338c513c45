/** Models that TensorFlow.js saved, with its own outputs (tfjs-golden.mjs). */
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError, ValueError } from '../../src/core/errors.ts'
import { loadNpy } from '../../src/io/npy.ts'
import { loadLayersModel } from '../../src/io/tfjs/layers-model.ts'
import { loadTfjs } from '../../src/io/tfjs/model-json.ts'
import { tensor } from '../../src/tensor/creation.ts'

const at = (...names: string[]): string => fileURLToPath(new URL(['data', ...names].join('/'), import.meta.url))

/** Pixels as the script makes them. */
const pixels = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => ((i * 7919 + ((i * i) % 251)) % 256) / 255)

describe('layers', () => {
  test('branches, shared layers, padding at odd sizes, and what depends on the order of elements', async () => {
    const model = await loadLayersModel(at('tfjs-branched', 'model.json'))
    model.eval()
    const rows = tensor(pixels(2 * 9 * 8 * 3), { shape: [2, 9, 8, 3] })
    const y = model.forward(rows.permute(0, 3, 1, 2))
    const golden = await loadNpy(at('tfjs-branched', 'output.npy'))
    expect(y.shape).toEqual(golden.shape)
    expect(await y.sub(golden).abs().max().item()).toBeLessThan(1e-5)
  })

  test('rows: embedding, dense, normalisation, activations', async () => {
    const model = await loadLayersModel(at('tfjs-small', 'model.json'))
    model.eval()
    const y = model.forward(
      tensor(
        [
          [0, 3, 6],
          [1, 1, 5],
        ],
        { dtype: 'int32' },
      ),
    )
    const golden = await loadNpy(at('tfjs-small', 'output.npy'))
    expect(await y.sub(golden).abs().max().item()).toBeLessThan(1e-4)
  })

  test('can be trained, named and cut', async () => {
    const model = await loadLayersModel(at('tfjs-branched', 'model.json'))
    const x = tensor(pixels(9 * 8 * 3), { shape: [1, 3, 9, 8] })
    const features = model.forwardTo(model.layerNames[2]!, x)
    expect(features.rank).toBe(4)
    model.forward(x).select(1, 0).sum().backward()
    for (const [, parameter] of model.namedParameters()) expect(parameter.grad?.shape).toEqual(parameter.shape)
    expect(() => model.forwardTo('absent', x)).toThrow(ValueError)
    expect(() => model.forward()).toThrow('takes 1 inputs, received 0')
  })
})

test('a part of a layers model: its layers, what they take, and the images that it is for', async () => {
  const model = await loadLayersModel(at('tfjs-branched', 'model.json'))
  expect(model.imageShape).toEqual([3, 9, 8])
  const x = tensor(pixels(2 * 9 * 8 * 3), { shape: [2, 3, 9, 8] })
  model.eval()
  for (const name of model.layerNames) {
    const part = model.upTo(name)
    expect(part.layerNames.length).toBeLessThanOrEqual(model.layerNames.length)
    expect(part.forward(x).shape).toEqual(model.forwardTo(name, x).shape)
    expect(await part.forward(x).sub(model.forwardTo(name, x)).abs().max().item()).toBe(0)
    for (const before of model.inputsOf(name)) expect(part.layerNames).toContain(before)
  }
  const [first = '', second = ''] = model.layerNames
  expect(model.upTo(first).layerNames).toEqual([first])
  expect([model.inputsOf(first), model.inputsOf(second)]).toEqual([[], [first]])
  expect(
    model
      .upTo(first)
      .parameters()
      .every((parameter) => model.parameters().includes(parameter)),
  ).toBe(true)
  expect(() => model.upTo('absent')).toThrow("no layer is called 'absent'")
})

describe('refusals', () => {
  let folder = ''
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gradus-tfjs-'))
    await cp(at('tfjs-small'), folder, { recursive: true })
  })
  afterEach(() => rm(folder, { recursive: true }))

  /** The small model with its model.json changed. */
  // biome-ignore lint/suspicious/noExplicitAny: a JSON of any form
  async function changed(edit: (json: any) => unknown): Promise<string> {
    const path = join(folder, 'model.json')
    const json = JSON.parse(await readFile(path, 'utf8'))
    await writeFile(path, JSON.stringify(edit(json) ?? json))
    return path
  }

  // biome-ignore lint/suspicious/noExplicitAny: a JSON of any form
  test.each<[string, (json: any) => unknown]>([
    ['has no modelTopology', () => ({})],
    ['is not a model.json', () => []],
    ['has no weightsManifest', (json) => ({ ...json, weightsManifest: 3 })],
    [
      'which is no plain file name',
      (json) => {
        json.weightsManifest[0].paths[0] = '../secret'
      },
    ],
    [
      'no such file or folder',
      (json) => {
        json.weightsManifest[0].paths[0] = 'absent.bin'
      },
    ],
    ['is cut short', (json) => void json.weightsManifest[0].paths.pop()],
    ['the weights of a group take', (json) => void json.weightsManifest[0].weights.pop()],
    [
      'has dtype "string"',
      (json) => {
        json.weightsManifest[0].weights[0].dtype = 'string'
      },
    ],
    [
      'has a damaged shape',
      (json) => {
        json.weightsManifest[0].weights[0].shape = [-1]
      },
    ],
    [
      'two weights are called',
      (json) => {
        json.weightsManifest[0].weights[1].name = json.weightsManifest[0].weights[0].name
      },
    ],
    [
      'is quantised as "int4"',
      (json) => {
        json.weightsManifest[0].weights[0].quantization = { dtype: 'int4' }
      },
    ],
    [
      'is a Lambda; known are Activation, Add',
      (json) => {
        json.modelTopology.config.layers.at(-1).class_name = 'Lambda'
      },
    ],
    [
      'has no layers',
      (json) => {
        json.modelTopology.config.layers = []
      },
    ],
  ])('%s', async (problem, edit) => {
    const path = await changed(edit)
    await expect(loadLayersModel(path)).rejects.toThrow(FileError)
    await expect(loadLayersModel(path)).rejects.toThrow(problem)
  })

  test('quantised weights are widened', async () => {
    await writeFile(join(folder, 'q.bin'), Uint8Array.of(0, 255, 10, 0x00, 0x3c))
    const weights = [
      { name: 'a', shape: [2], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1 } },
      { name: 'b', shape: [1], dtype: 'int32', quantization: { dtype: 'uint8', scale: 1, min: -3 } },
      { name: 'c', shape: [1], dtype: 'float32', quantization: { dtype: 'float16' } },
    ]
    const path = await changed((json) => ({ ...json, weightsManifest: [{ paths: ['q.bin'], weights }] }))
    const { tensors } = await loadTfjs(path)
    expect(tensors.get('a')?.toArraySync()).toEqual([-1, 126.5])
    expect([tensors.get('b')?.dtype, tensors.get('b')?.toArraySync()]).toEqual(['int32', [7]])
    expect([tensors.get('c')?.dtype, tensors.get('c')?.toArraySync()]).toEqual(['float32', [1]])
  })
})
