import { zeros } from '../tensor/creation.ts'
import { openRun, restoreModel } from './trained-run.ts'
import { screenOn } from './terminal/screen.ts'

/** Shows the layers of a run's network. */
export async function printSummary(path: string): Promise<void> {
  const { model, inputShape, inputDtype = 'float32' } = await restoreModel(await openRun(path))
  const screen = screenOn(process.stdout)
  for (const line of String(model.summary(zeros(inputShape, { dtype: inputDtype }))).split('\n'))
    screen.line(`  ${line}`)
}
