import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { writeFileAtomic } from '../io/atomic-file.ts'
import { importPackage } from '../data/packages.ts'
import { fileError } from '../core/system-error.ts'
import { type Chart, curves } from './charts.ts'
import { confusionMatrixChart } from './confusion-chart.ts'
import { UsageError } from './failure.ts'
import { type HistoryLine, RunFolder } from './run-folder.ts'
import { screenOn } from './terminal/screen.ts'

export interface PlotOptions {
  readonly out: string
  readonly json?: boolean
}

/**
 * Writes the curves of runs, one picture a figure, with a line for each run; and the confusion matrix of each classifier. All as
 * SVG and PNG.
 */
export async function plotRuns(paths: readonly string[], { out, json = false }: PlotOptions): Promise<void> {
  const runs = await Promise.all(
    paths.map(async (path) => ({
      name: path,
      history: (await new RunFolder(path).readHistory()).filter((line) => 'epoch' in line),
    })),
  )
  const empty = runs.find(({ history }) => history.length === 0)
  if (empty) throw new UsageError(`${empty.name} has no finished epoch to draw`)
  const charts = chartsOf(runs)
  await mkdir(out, { recursive: true }).catch((error: unknown) => {
    throw fileError('plot', out, error)
  })
  const written: string[] = []
  for (const chart of charts) written.push(...(await draw(await curves(chart), join(out, chart.name))))
  for (const path of paths) {
    const matrix = (await new RunFolder(path).readResult())?.confusion
    if (!matrix) continue
    const name = paths.length > 1 ? `confusion-${path.replaceAll(/[\\/]+/g, '-').replace(/^-/, '')}` : 'confusion'
    written.push(...(await draw(await confusionMatrixChart(matrix, `confusion of ${path}`), join(out, name))))
  }
  const screen = screenOn(json ? process.stderr : process.stdout)
  for (const path of written) screen.line(`  ${path}`)
  if (json) process.stdout.write(`${JSON.stringify({ files: written })}\n`)
}

interface RunHistory {
  readonly name: string
  readonly history: readonly HistoryLine[]
}

/** Every figure of training and validation, and the learning rate. */
function chartsOf(runs: readonly RunHistory[]): Chart[] {
  const figures = new Set(
    runs.flatMap(({ history }) => history.flatMap(({ train }) => Object.keys((train ?? {}) as object))),
  )
  const several = runs.length > 1
  const line = (name: string, part: string): string => (several ? `${name}, ${part}` : part)
  const charts = [...figures].map(
    (figure): Chart => ({
      name: figure,
      title: figure,
      points: runs.flatMap(({ name, history }) =>
        history.flatMap((record) =>
          (['train', 'validation'] as const).flatMap((part) => {
            const value = (record[part] as Record<string, number> | undefined)?.[figure]
            return value === undefined ? [] : [{ x: record['epoch'] as number, y: value, line: line(name, part) }]
          }),
        ),
      ),
    }),
  )
  const rates: Chart = {
    name: 'lr',
    title: 'schedule: learning rate',
    points: runs.flatMap(({ name, history }) =>
      history.map((record) => ({ x: record['epoch'] as number, y: record['lr'] as number, line: name })),
    ),
  }
  return [...charts, rates]
}

async function draw(svg: string, path: string): Promise<string[]> {
  await writeFileAtomic(`${path}.svg`, svg)
  const { default: sharp } = await importPackage<typeof import('sharp')>('plot', 'PNG pictures are encoded by', 'sharp')
  await writeFileAtomic(`${path}.png`, [await sharp(Buffer.from(svg), { density: 144 }).png().toBuffer()])
  return [`${path}.svg`, `${path}.png`]
}
