import { UsageError } from './failure.ts'
import { predictMnist } from './mnist/predict.ts'
import { RunFolder } from './run-folder.ts'

export interface PredictOptions {
  readonly json?: boolean
}

/** Lets the recipe that a run was trained by show what its network makes of `image`. */
export async function predict(path: string, image: string, { json = false }: PredictOptions): Promise<void> {
  const run = new RunFolder(path)
  const { recipe } = await run.readConfig()
  if (recipe !== 'mnist')
    throw new UsageError(`${path} was trained by recipe '${recipe}', which this version does not know`)
  await predictMnist(run, image, json)
}
