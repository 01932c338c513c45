import { manualSeed } from '../tensor/random.ts'
import { UsageError } from './failure.ts'
import { predictMnist } from './mnist/predict.ts'
import { RunFolder } from './run-folder.ts'
import { screenOn } from './terminal/screen.ts'
import { openRun, restoreModel } from './trained-run.ts'

export interface PredictOptions {
  readonly json?: boolean
}

/** Lets the recipe that a run was trained by show what its network makes of `image`. */
export async function predict(path: string, image: string, { json = false }: PredictOptions): Promise<void> {
  const run = new RunFolder(path)
  const { recipe: name } = await run.readConfig()
  if (name === 'mnist') return predictMnist(run, image, json)
  const opened = await openRun(path)
  if (!opened.recipe.predict)
    throw new UsageError(`recipe '${name}' has no predictions of single inputs; gradus eval ${path} tests it`)
  const restored = await restoreModel(opened)
  // What writes draws at random: every time the same.
  manualSeed(opened.settings.seed)
  const { lines, data } = await opened.recipe.predict(restored, image)
  const screen = screenOn(json ? process.stderr : process.stdout)
  for (const line of lines) screen.line(`  ${line}`)
  if (json) process.stdout.write(`${JSON.stringify(data)}\n`)
}
