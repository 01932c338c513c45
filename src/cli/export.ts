import { copyFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { writeFileAtomic } from '../io/atomic-file.ts'
import { exportOnnx } from '../io/onnx/onnx.ts'
import { saveModel } from '../models/saved.ts'
import { zeros } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Publication, RecipeModel } from './recipes/recipe.ts'
import { screenOn } from './terminal/screen.ts'
import { openRun, restoreModel } from './trained-run.ts'

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
  const run = await openRun(path)
  const { recipe, settings, config: about } = run
  const restored = await restoreModel(run)
  const { classes } = restored
  const published: Publication = (await recipe.publish?.(restored)) ?? {
    model: restored.model,
    config: { recipe: recipe.name, settings, ...(classes && { classes }), ...(about.known as object) },
  }
  const { model, config, files = [], json: contents = {} } = published
  await saveModel(out, model, { config })
  for (const file of files) await copyFile(file, join(out, basename(file)))
  for (const [name, content] of Object.entries(contents))
    await writeFileAtomic(join(out, name), `${JSON.stringify(content, null, 2)}\n`)
  const others = new Set([...files.map((file) => basename(file)), ...Object.keys(contents)])
  const written = ['config.json', 'model.safetensors', ...others]
  if (onnx) {
    const { inputs, inputNames } = published.example ?? { inputs: [emptyInput(restored)], inputNames: ['input'] }
    await exportOnnx(model, inputs, join(out, 'model.onnx'), { inputNames, outputNames: ['output'] })
    written.push('model.onnx')
  }
  const screen = screenOn(json ? process.stderr : process.stdout)
  screen.line(`  ${written.join(', ')} in ${out}`)
  if (json) process.stdout.write(`${JSON.stringify({ folder: out, files: written })}\n`)
}

/** A batch of one sample with the shape and dtype that the model takes. */
function emptyInput({ inputShape, inputDtype = 'float32' }: RecipeModel): Tensor {
  return zeros(inputShape, { dtype: inputDtype })
}
