/** Weights that others trained and published, held to the results that they are known for. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeIdx } from '../../src/data/idx.ts'
import { decodeImage } from '../../src/data/image.ts'
import { FileError } from '../../src/core/errors.ts'
import { loadLlama2c } from '../../src/io/llama2c.ts'
import { loadNpy } from '../../src/io/npy.ts'
import { Settings } from '../../src/io/settings.ts'
import { loadStateDict } from '../../src/io/state-dict.ts'
import { loadLayersModel } from '../../src/io/tfjs/layers-model.ts'
import { cifarResnet20 } from '../../src/models/cifar-resnet.ts'
import { LlamaForCausalLM } from '../../src/models/text/llama.ts'
import { BatchNorm1d, BatchNorm2d } from '../../src/nn/layers/batch-norm.ts'
import { Conv2d } from '../../src/nn/layers/conv.ts'
import { Linear } from '../../src/nn/layers/linear.ts'
import { type Layer, Module } from '../../src/nn/module.ts'
import { setDevice } from '../../src/runtime/device.ts'
import { nativeTarget } from '../../src/runtime/native/target.ts'
import { tensor } from '../../src/tensor/creation.ts'
import { stack } from '../../src/tensor/joining.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

const data = process.env['GRADUS_DATA'] ?? '../shared/data'
const at = (...path: string[]): string => join(data, ...path)
const native = !('reason' in nativeTarget())

beforeAll(() => {
  if (native) setDevice('native')
})
afterAll(() => setDevice('reference'))

/** The class with the largest logit for each row of x, some rows at a time. */
async function classes(model: Layer, x: Tensor, rows = 100): Promise<number[]> {
  const found: number[] = []
  for (let i = 0; i < x.shape[0]!; i += rows) {
    found.push(
      ...(await model
        .forward(x.narrow(0, i, Math.min(rows, x.shape[0]! - i)))
        .argMax(1)
        .data()),
    )
  }
  return found
}

const right = (found: readonly number[], wanted: ArrayLike<number>): number =>
  found.filter((label, i) => label === wanted[i]).length

/** [C, 1, 1] for normalising images. */
const perChannel = (values: number[]): Tensor => tensor(values).reshape(values.length, 1, 1)

describe.skipIf(!native)('with machine code', () => {
  test.skipIf(!existsSync(at('cifar10')))('ResNet-20 from its legacy pickle: 200 of 200 images', async () => {
    const model = cifarResnet20()
    const report = await loadStateDict(model, at('cifar10', 'resnet20-12fca82f.th'))
    expect(report).toEqual({ missing: [], unexpected: [] })
    expect(model.parameters().reduce((sum, { size }) => sum + size, 0)).toBe(269_722)
    model.eval()
    const names = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck']
    const rows = readFileSync(at('cifar10', 'train-200-labels.csv'), 'utf8').trim().split(/\r?\n/)
    const labels = rows.map((row) => row.split(',') as [string, string]).filter(([file]) => file.endsWith('.png'))
    const images = await Promise.all(labels.map(([file]) => decodeImage(at('cifar10', 'train-200', file))))
    const x = stack(images).to('float32').div(255)
    const normal = x.sub(perChannel([0.485, 0.456, 0.406])).div(perChannel([0.229, 0.224, 0.225]))
    const found = await classes(model, normal)
    expect(
      right(
        found,
        labels.map(([, name]) => names.indexOf(name)),
      ),
    ).toBe(200)
  })

  /** The network of tracel-ai/burn's example of importing weights. */
  class Digits extends Module {
    conv1 = new Conv2d(1, 8, 3)
    conv2 = new Conv2d(8, 16, 3)
    conv3 = new Conv2d(16, 24, 3)
    norm1 = new BatchNorm2d(24)
    fc1 = new Linear(11616, 32)
    fc2 = new Linear(32, 10)
    norm2 = new BatchNorm1d(10)

    forward(x: Tensor): Tensor {
      const y = this.conv3.forward(this.conv2.forward(this.conv1.forward(x).relu()).relu()).relu()
      return this.norm2.forward(this.fc2.forward(this.fc1.forward(this.norm1.forward(y).flatten(1)).relu()))
    }
  }

  test.skipIf(!existsSync(at('mnist'))).each(['mnist.pt', 'mnist.safetensors'])(
    '%s: 99.15 %% of MNIST',
    async (name) => {
      const model = new Digits()
      await loadStateDict(model, at('mnist', name))
      model.eval()
      const read = (file: string): Tensor => decodeIdx(gunzipSync(readFileSync(at('mnist', file))), file)
      const images = read('mnist-t10k-images-idx3-ubyte.gz').to('float32').div(255).sub(0.1307).div(0.3081)
      const labels = await read('mnist-t10k-labels-idx1-ubyte.gz').data()
      expect(right(await classes(model, images.unsqueeze(1), 1000), labels)).toBeGreaterThanOrEqual(9915)
    },
  )

  test.skipIf(!existsSync(at('darknet-tiny')))('darknet-tiny: the logits of TensorFlow.js', async () => {
    const model = await loadLayersModel(at('darknet-tiny', 'model.json'))
    model.eval()
    const golden = await loadNpy(fileURLToPath(new URL('data/darknet-tiny.npy', import.meta.url)))
    const { readdirSync } = await import('node:fs')
    const files = ['ants', 'bees'].flatMap((kind) =>
      readdirSync(at('hymenoptera', 'val', kind))
        .sort()
        .slice(0, 10)
        .map((file) => at('hymenoptera', 'val', kind, file)),
    )
    const images = await Promise.all(
      files.map(async (file) => {
        const image = await decodeImage(file)
        const [, height, width] = image.shape as [number, number, number]
        return image.narrow(1, (height - 224) >> 1, 224).narrow(2, (width - 224) >> 1, 224)
      }),
    )
    const logits = model.forward(stack(images).to('float32').div(255))
    expect(logits.shape).toEqual(golden.shape)
    expect(await logits.sub(golden).abs().max().item()).toBeLessThan(1e-4)
  })

  test.skipIf(!existsSync(at('stories260k')))('stories260K of llama2.c: the text of its author', async () => {
    const { config, tensors } = await loadLlama2c(at('stories260k', 'stories260K.bin'))
    const model = new LlamaForCausalLM(new Settings(config, (problem) => new FileError('test', problem)))
    model.loadStateDict(tensors, { strict: false })
    model.eval()
    const bytes = readFileSync(at('stories260k', 'tok512.bin'))
    const words: string[] = []
    for (let from = 4; from < bytes.length; from += 8 + bytes.readInt32LE(from + 4)) {
      words.push(bytes.toString('utf8', from + 8, from + 8 + bytes.readInt32LE(from + 4)))
    }
    const length = 64
    const ids = [1]
    while (ids.length < length) {
      const tokens = Int32Array.from({ length }, (_, i) => ids[i] ?? 0)
      const next = await model
        .forward(tensor(tokens, { shape: [1, length] }))
        .argMax(-1)
        .data()
      ids.push(next[ids.length - 1]!)
    }
    expect(
      ids
        .slice(1)
        .map((id) => words[id])
        .join(''),
    ).toMatch(
      /^ Once upon a time, there was a little girl named Lily\. She loved to play outside in the park\. One day, she saw a big, red ball\. She wanted to play with it, but it was too high\./,
    )
  })
})
