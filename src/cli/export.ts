import { copyFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { saveModel } from '../models/saved.ts'
import { UsageError } from './failure.ts'
import { RunFolder } from './run-folder.ts'
import { screenOn } from './terminal/screen.ts'
import { loadRun } from './train.ts'

export interface ExportOptions {
  readonly out?: string
  readonly json?: boolean
}

/** Writes a run's trained model to a folder of its own, as `fromPretrained` and others read it. */
export async function exportRun(
  path: string,
  { out = join(path, 'export'), json = false }: ExportOptions,
): Promise<void> {
  const run = new RunFolder(path)
  const { recipe: name } = await run.readConfig()
  if (name === 'mnist') throw new UsageError(`runs of recipe mnist have their weights in ${run.modelPath}`)
  const { recipe, settings, prepared } = await loadRun(path)
  const { classes = [] } = prepared
  const {
    model,
    config,
    files = [],
  } = (await recipe.publish?.(prepared, settings)) ?? {
    model: prepared.model,
    config: { recipe: name, settings, ...(classes.length > 0 && { classes }) },
  }
  await saveModel(out, model, { config })
  for (const file of files) await copyFile(file, join(out, basename(file)))
  const written = ['config.json', 'model.safetensors', ...files.map((file) => basename(file))]
  const screen = screenOn(json ? process.stderr : process.stdout)
  screen.line(`  ${written.join(', ')} in ${out}`)
  if (json) process.stdout.write(`${JSON.stringify({ folder: out, files: written })}\n`)
}
