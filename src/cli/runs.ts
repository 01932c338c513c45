import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { FileError } from '../core/errors.ts'
import { RunFolder } from './run-folder.ts'
import { duration, percent } from './terminal/format.ts'
import { screenOn } from './terminal/screen.ts'
import { type Column, heading, row } from './terminal/table.ts'

interface RunSummary {
  readonly run: string
  readonly recipe: string
  readonly started: string
  readonly seed?: number
  readonly epochs: number
  readonly testAccuracy?: number
  readonly testR2?: number
  /** All figures on the test data, and which of them tells most. */
  readonly test?: Readonly<Record<string, number>>
  /** The same on the data that was watched, where there is none to test on. */
  readonly validation?: Readonly<Record<string, number>>
  readonly headline?: string
  readonly seconds?: number
}

/** Lists the runs in a folder, oldest first. */
export async function printRuns(folder: string, { json = false }: { readonly json?: boolean }): Promise<void> {
  const runs = await findRuns(folder)
  if (json) return void process.stdout.write(`${JSON.stringify({ runs })}\n`)
  const screen = screenOn(process.stdout)
  if (runs.length === 0) return screen.line(`  no runs in ${folder}; gradus train mnist makes one`)
  const columns: Column[] = [
    { title: 'run', width: Math.max(...runs.map(({ run }) => run.length)) + 2 },
    { title: 'started', width: 19 },
    { title: 'seed', width: 7 },
    { title: 'epochs', width: 9 },
    { title: 'test', width: Math.max(9, ...runs.map((run) => shownTest(run).length + 2)) },
    { title: 'time', width: 8 },
  ]
  screen.line(screen.colors.bold(heading(columns)))
  for (const { run, started, seed, epochs, seconds, ...figures } of runs) {
    const cells = [
      run,
      started.slice(0, 16).replace('T', ' '),
      String(seed ?? '-'),
      String(epochs),
      shownTest(figures),
      seconds === undefined ? '-' : duration(seconds),
    ]
    screen.line(row(cells, columns))
  }
}

/** The figure that tells most: `98.2 %`, `R² 0.84`, `loss 1.620`, `val. 93.5 %`. */
function shownTest({ testAccuracy, testR2, test, validation, headline = '' }: Partial<RunSummary>): string {
  if (testAccuracy !== undefined) return percent(testAccuracy)
  if (testR2 !== undefined) return `R² ${testR2.toFixed(2)}`
  const [value, watched] = [test?.[headline], validation?.[headline]]
  if (value !== undefined) return `${headline} ${value.toFixed(3)}`
  if (watched === undefined) return '-'
  return `val. ${headline === 'accuracy' ? percent(watched) : `${headline} ${watched.toFixed(3)}`}`
}

async function findRuns(folder: string): Promise<RunSummary[]> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    throw new FileError('runs', `there is no folder ${folder}`, { cause: error })
  }
  const runs: RunSummary[] = []
  for (const name of names) {
    const summary = await summarize(join(folder, name)).catch((error: unknown) => {
      if (error instanceof FileError) return undefined
      throw error
    })
    if (summary) runs.push(summary)
  }
  return runs.sort((a, b) => (a.started < b.started ? -1 : 1))
}

/** Throws a {@link FileError} for a folder that is no run, or one that has just begun. */
async function summarize(path: string): Promise<RunSummary> {
  const run = new RunFolder(path)
  const { recipe, started, settings } = await run.readConfig()
  const history = await run.readHistory()
  const last = history.at(-1)
  const result = await run.readResult()
  const test = (result?.test ?? last?.['test']) as
    | (Record<string, number> & { accuracy?: number; r2?: number })
    | undefined
  return {
    run: path,
    recipe,
    started,
    seed: settings['seed'] as number,
    epochs: history.filter(({ epoch }) => epoch !== undefined).length,
    ...(test?.accuracy !== undefined && { testAccuracy: test.accuracy }),
    ...(test?.r2 !== undefined && { testR2: test.r2 }),
    ...(result?.test && { test: result.test }),
    ...(result?.validation && { validation: result.validation }),
    ...(result?.headline !== undefined && { headline: result.headline }),
    ...((test ?? result) && { seconds: result?.seconds ?? (last?.['seconds'] as number) }),
  }
}
