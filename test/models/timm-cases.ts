/** Networks for images by timm's names against timm (generate_timm.py), loaded as it stores them. */
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { FileError } from '../../src/core/errors.ts'
import { saveSafetensors } from '../../src/io/safetensors.ts'
import { Settings } from '../../src/io/settings.ts'
import type { Architecture } from '../../src/models/architecture.ts'
import { fromPretrained } from '../../src/models/pretrained.ts'
import { asOwn, toPublished } from '../../src/models/published.ts'
import { timmArchitecture } from '../../src/models/timm.ts'
import { withoutTrace } from '../../src/runtime/realize.ts'
import { tensor } from '../../src/tensor/creation.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { filled, seedOf, uniform } from './filling.ts'
import { type Digest, readGolden } from './vision-cases.ts'

export interface Golden {
  readonly config: Readonly<Record<string, unknown>>
  readonly names: Digest
  readonly input: readonly number[]
  readonly values: readonly number[]
  /** Of each parameter's gradient, its product with known numbers and its norm. */
  readonly gradients: Readonly<Record<string, readonly [number, number]>>
}

const goldens = readGolden<{ models: Record<string, Golden>; names: Record<string, Digest> }>('timm')

/** Small networks. */
export const models: Readonly<Record<string, Golden>> = goldens.models
/** Of the whole ones, what their parts are called. */
export const names: Readonly<Record<string, Digest>> = goldens.names

/** Writes a repository as timm has it. */
export async function publish(
  folder: string,
  config: object,
  tensors: Readonly<Record<string, Tensor>>,
): Promise<string> {
  await writeFile(join(folder, 'config.json'), JSON.stringify(config))
  await saveSafetensors(join(folder, 'model.safetensors'), tensors)
  return folder
}

export const settingsOf = (config: Golden['config']): Settings =>
  new Settings(config, (problem) => new FileError('test', problem))

export const architectureOf = (config: Golden['config']): Architecture =>
  timmArchitecture(String(config['architecture']), settingsOf(config))

/** Shapes by timm's names of the network that `config` describes. */
export function shapesOf(config: Golden['config']): [name: string, shape: readonly number[]][] {
  const { make, published = asOwn } = architectureOf(config)
  // Random weights are recorded, and never computed.
  return withoutTrace(() =>
    Object.entries(toPublished(make(settingsOf(config)).stateDict(), published)).map(([name, x]) => [name, x.shape]),
  )
}

export function digestOf(config: Golden['config']): Digest {
  const text = shapesOf(config)
    .map(([name, shape]) => `${name} [${shape.join(',')}]\n`)
    .sort()
  return { entries: text.length, sha256: createHash('sha256').update(text.join('')).digest('hex') }
}

export const checkpoint = ({ config }: Golden): Record<string, Tensor> =>
  Object.fromEntries(shapesOf(config).map(([name, shape]) => [name, filled(name, shape)]))

/** Loaded from files in `folder`, the network gives the outputs and gradients that it gives in Python, and its names are timm's. */
export async function expectGolden(name: string, folder: string): Promise<void> {
  const golden = models[name]!
  const { published = asOwn } = architectureOf(golden.config)
  expect(digestOf(golden.config)).toEqual(golden.names)
  const { model, missing, unexpected } = await fromPretrained(await publish(folder, golden.config, checkpoint(golden)))
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
}
