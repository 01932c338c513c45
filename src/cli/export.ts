import { copyFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { DataLoader } from '../data/data-loader.ts'
import { exportOnnx } from '../io/onnx/onnx.ts'
import { saveModel } from '../models/saved.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { UsageError } from './failure.ts'
import type { Prepared, Publication } from './recipes/recipe.ts'
import { RunFolder } from './run-folder.ts'
import { screenOn } from './terminal/screen.ts'
import { loadRun } from './train.ts'

export interface ExportOptions {
  readonly out?: string
  readonly onnx?: boolean
  readonly json?: boolean
}

/** Writes a run's trained model to a folder of its own, as `fromPretrained` and others read it. */
export async function exportRun(
  path: string,
  { out = join(path, 'export'), onnx = false, json = false }: ExportOptions,
): Promise<void> {
  const run = new RunFolder(path)
  const { recipe: name } = await run.readConfig()
  if (name === 'mnist') throw new UsageError(`runs of recipe mnist have their weights in ${run.modelPath}`)
  const { recipe, settings, prepared } = await loadRun(path)
  const { classes = [] } = prepared
  const published: Publication = (await recipe.publish?.(prepared, settings)) ?? {
    model: prepared.model,
    config: { recipe: name, settings, ...(classes.length > 0 && { classes }) },
  }
  const { model, config, files = [] } = published
  await saveModel(out, model, { config })
  for (const file of files) await copyFile(file, join(out, basename(file)))
  const written = ['config.json', 'model.safetensors', ...files.map((file) => basename(file))]
  if (onnx) {
    const { inputs, inputNames } = published.example ?? { inputs: [await someInput(prepared)], inputNames: ['input'] }
    await exportOnnx(model, inputs, join(out, 'model.onnx'), { inputNames, outputNames: ['output'] })
    written.push('model.onnx')
  }
  const screen = screenOn(json ? process.stderr : process.stdout)
  screen.line(`  ${written.join(', ')} in ${out}`)
  if (json) process.stdout.write(`${JSON.stringify({ folder: out, files: written })}\n`)
}

/** Inputs of the test data, with the shape and dtype that the model takes. */
async function someInput({ test }: Prepared): Promise<Tensor> {
  for await (const [input] of test instanceof DataLoader ? test : new DataLoader(test)) return input
  throw new UsageError('there is no test data to record the model with')
}
