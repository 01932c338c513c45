import { zeros } from '../tensor/creation.ts'
import { loadRun } from './train.ts'
import { screenOn } from './terminal/screen.ts'

/** Shows the layers of a run's network. */
export async function printSummary(path: string): Promise<void> {
  const { prepared } = await loadRun(path)
  const screen = screenOn(process.stdout)
  const { inputShape, inputDtype = 'float32' } = prepared
  for (const line of String(prepared.model.summary(zeros(inputShape, { dtype: inputDtype }))).split('\n'))
    screen.line(`  ${line}`)
}
