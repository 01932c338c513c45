/** Adapters of PEFT on text models (generate_peft.py). */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { FileError } from '../../src/core/errors.ts'
import { Settings } from '../../src/io/settings.ts'
import { architectureOf } from '../../src/models/architectures.ts'
import { loadLora } from '../../src/models/lora.ts'
import type { Module } from '../../src/nn/module.ts'
import { tensor } from '../../src/tensor/creation.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { checkpointFor } from './filling.ts'

const read = (path: string): never =>
  JSON.parse(readFileSync(new URL(`data/${path}`, import.meta.url), 'utf8')) as never
const golden: { tokens: number[][]; values: Record<string, number[]> } = read('peft/values.json')
const { models }: { models: Record<string, { config: Record<string, unknown> }> } = read('text.json')
const tokens = tensor(golden.tokens, { dtype: 'int32' })

test.each(Object.keys(golden.values))('%s computes with adapters what it does in Python, also merged', async (name) => {
  const { config } = models[name]!
  const labels = Object.keys((config['id2label'] as object | undefined) ?? { no: 0, yes: 1 }).length
  const settings = new Settings({ ...config, num_labels: labels }, (problem) => new FileError('test', problem))
  const model = architectureOf(settings, [name], undefined).make(settings) as Module & { forward(x: Tensor): Tensor }
  model.loadStateDict(checkpointFor(model), { strict: false })
  model.eval()
  const off = async (): Promise<number> => {
    const values = await model.forward(tokens).flatten().data()
    return Math.max(...golden.values[name]!.map((wanted, i) => Math.abs(values[i]! - wanted)))
  }
  expect(await off()).toBeGreaterThan(1e-2)
  const lora = await loadLora(model, fileURLToPath(new URL(`data/peft/${name}`, import.meta.url)))
  expect(await off()).toBeLessThan(1e-5)
  lora.merge()
  expect(await off()).toBeLessThan(1e-5)
})
