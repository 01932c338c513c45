/** Exported models in ONNX Runtime; skipped where `npm ci` was not run in this folder. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { describe, expect, test } from 'vitest'
import { FileError } from '../../src/core/errors.ts'
import { encodeOnnx, loadOnnx } from '../../src/io/onnx/onnx.ts'
import { Settings } from '../../src/io/settings.ts'
import { architectureOf } from '../../src/models/architectures.ts'
import { Autoencoder, VariationalAutoencoder } from '../../src/models/autoencoder.ts'
import { noGrad } from '../../src/index.ts'
import type { Module } from '../../src/nn/module.ts'
import { LSTM } from '../../src/nn/recurrent/layers.ts'
import { tensor } from '../../src/tensor/creation.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { leavesOf, rebuild, type Tree } from '../../src/tensor/tree.ts'
import { checkpointFor, seedOf, uniform } from '../models/filling.ts'
import { type ModelName, models, readGolden } from '../models/vision-cases.ts'

/** What is used of ONNX Runtime. */
interface Runtime {
  readonly env: { readonly wasm: { numThreads: number } }
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor
  readonly InferenceSession: { create(model: Uint8Array): Promise<Session> }
}

interface RuntimeTensor {
  readonly data: ArrayLike<number>
  readonly dims: readonly number[]
}

interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  run(feeds: Readonly<Record<string, RuntimeTensor>>): Promise<Readonly<Record<string, RuntimeTensor>>>
}

function runtime(): Runtime | undefined {
  try {
    return createRequire(import.meta.url)('onnxruntime-web') as Runtime
  } catch {
    return undefined
  }
}

const ort = runtime()
if (ort) ort.env.wasm.numThreads = 1

type AnyModule = Module & { forward(...inputs: readonly Tree[]): Tree }

/** Samples of the batch in other order and one more, a size that was not recorded. */
function larger(x: Tensor): Tensor {
  const order = Array.from({ length: 4 }, (_, i) => (i + 1) % x.shape[0]!)
  return x.indexSelect(0, tensor(order, { dtype: 'int32' }))
}

/** The exported model gives in ONNX Runtime, and if it is small read back here, what the module gives, to 1e-4, for a batch of four. */
async function expectEqual(module: Module, examples: readonly Tree[]): Promise<void> {
  const model = module as AnyModule
  const bytes = await encodeOnnx(model, examples)
  const inputs = leavesOf(examples).map(larger)
  model.eval()
  const expected = noGrad(() => leavesOf(model.forward(...rebuild(examples, inputs))))
  const back = bytes.length < 2 ** 21 ? (await loadOnnx(bytes)).forwardAll(...inputs) : []

  const session = await ort!.InferenceSession.create(bytes)
  const feeds: Record<string, RuntimeTensor> = {}
  for (const [i, x] of inputs.entries())
    feeds[session.inputNames[i]!] = new ort!.Tensor(x.dtype, await x.data(), x.shape)
  const received = await session.run(feeds)
  expect(session.outputNames.length).toBe(expected.length)
  for (const [i, name] of session.outputNames.entries()) {
    const values = await expected[i]!.data()
    const { data, dims } = received[name]!
    expect(dims).toEqual(expected[i]!.shape)
    expect(farthest(values, data)).toBeLessThan(1e-4)
    const again = back[i]
    if (again) expect(farthest(values, await again.data())).toBeLessThan(1e-4)
  }
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = a.length === b.length ? 0 : Number.POSITIVE_INFINITY
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!))
  return most
}

function numbers(shape: readonly number[]): Tensor {
  const size = shape.reduce((product, n) => product * n, 1)
  return tensor(Float32Array.from(uniform(seedOf('input'), size)), { shape })
}

describe.skipIf(!ort)('exported models in ONNX Runtime', () => {
  test.each(Object.keys(models) as ModelName[])('%s', async (name) => {
    const model = models[name]()
    model.loadStateDict(checkpointFor(model))
    await expectEqual(model, [numbers(readGolden(name).input)])
  })

  test.each<[string, () => Module, readonly number[]]>([
    ['autoencoder', () => new Autoencoder(), [2, 784]],
    ['variational autoencoder', () => new VariationalAutoencoder(), [2, 784]],
    ['lstm', () => new LSTM(3, 5, { numLayers: 2, bidirectional: true, batchFirst: true }), [2, 4, 3]],
  ])('%s', async (_, make, shape) => {
    const model = make()
    model.loadStateDict(checkpointFor(model))
    await expectEqual(model, [numbers(shape)])
  })

  const text = JSON.parse(readFileSync(new URL('../models/data/text.json', import.meta.url), 'utf8')) as {
    tokens: number[][]
    types: number[][]
    models: Record<string, { config: Record<string, unknown> }>
  }
  const tokens = tensor(text.tokens, { dtype: 'int32' })
  const attentionMask = tokens.ne(1).to('int32')
  const tokenTypeIds = tensor(text.types, { dtype: 'int32' })

  test.each(Object.entries(text.models))('%s', async (name, { config }) => {
    const labels = Object.keys((config['id2label'] as object | undefined) ?? { no: 0, yes: 1 }).length
    const settings = new Settings({ ...config, num_labels: labels }, (problem) => new FileError('test', problem))
    const model = architectureOf(settings, config['architectures'] as string[], undefined).make(settings)
    model.loadStateDict(checkpointFor(model))
    const kinds: { readonly [key: string]: Tensor } = name.startsWith('Bert') ? { tokenTypeIds } : {}
    await expectEqual(model, [tokens, { attentionMask, ...kinds }])
  })
})
