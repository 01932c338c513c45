import { join } from 'node:path'
import { AdamW } from '../optim/adam.ts'
import { CosineAnnealingLR } from '../optim/schedules/cosine.ts'
import { saveStateDict } from '../io/state-dict.ts'
import { device } from '../runtime/device.ts'
import { manualSeed } from '../tensor/random.ts'
import { fit } from '../train/fit.ts'
import type { History } from '../train/fit-options.ts'
import { historyFile } from '../train/logs/history-file.ts'
import { tensorBoard } from '../train/logs/tensorboard.ts'
import { DataLoader } from '../data/data-loader.ts'
import { UsageError } from './failure.ts'
import { stopOnInterrupt } from './interrupt.ts'
import { BestValidation, bestEpoch, figureLines, type Measurable, measured, type Monitored } from './outcome.ts'
import { recipeNamed } from './recipes/all.ts'
import type { Prepared } from './recipes/recipe.ts'
import { type CommonSettings, parseSettings } from './recipes/settings.ts'
import { EpochReport } from './report.ts'
import { checkIsFree, createRunFolder, type RunFolder } from './run-folder.ts'
import { count, duration } from './terminal/format.ts'
import { screenOn } from './terminal/screen.ts'
import { loadWeights, type OpenRun, openRun, restoreModel } from './trained-run.ts'
import { version } from './version.ts'

export interface RunOptions {
  readonly run?: string
  readonly json?: boolean
}

/** Trains by a recipe in a new run folder. `given` is checked against the recipe's settings. */
export async function trainRecipe(name: string, given: unknown, { run, json = false }: RunOptions): Promise<void> {
  const recipe = recipeNamed(name)
  const settings = parseSettings(recipe.settings, given, `train ${name}`)
  if (run !== undefined) await checkIsFree(run)
  manualSeed(settings.seed)
  const prepared = await recipe.prepare(settings)
  monitorOf(prepared, settings)
  const folder = await createRunFolder(name, run)
  await folder.keep(prepared.files ?? [])
  await folder.writeConfig({
    gradus: version,
    recipe: name,
    settings: { ...settings },
    known: prepared.known,
    parameters: parametersOf(prepared),
    device: device().name,
    node: process.version,
    started: new Date().toISOString(),
  })
  await runTraining(folder, prepared, settings, json, false)
}

/** Takes a run up where it stopped: at its newest whole checkpoint, or from the beginning. */
export async function resumeRun(path: string, { json = false }: RunOptions): Promise<void> {
  const { folder, recipe, settings } = await openRun(
    path,
    'runs of recipe mnist take a minute and cannot be resumed; train again',
  )
  manualSeed(settings.seed)
  await runTraining(folder, await recipe.prepare(settings), settings, json, true)
}

/** Loss and metrics of a trained run on its test data, or on `data`. */
export async function evaluateRun(
  path: string,
  data: string | undefined,
  { json = false }: Pick<RunOptions, 'json'>,
): Promise<void> {
  const run = await openRun(path, 'runs of recipe mnist are tested when they end: see gradus runs')
  const { folder, recipe, settings } = run
  const tested =
    data === undefined ? await loadWeights(folder, await recipe.prepare(settings)) : await otherTest(run, data)
  const outcome = await measured(tested)
  const screen = screenOn(json ? process.stderr : process.stdout)
  for (const line of [...figureLines(outcome, tested.headline, screen.colors), ...outcome.lines])
    screen.line(`  ${line}`)
  if (json) process.stdout.write(`${JSON.stringify(outcome.figures)}\n`)
}

/** The trained model of a run and data that somebody names. */
async function otherTest(run: OpenRun, data: string): Promise<Measurable> {
  const { recipe, settings } = run
  if (!recipe.testOn)
    throw new UsageError(
      `runs of recipe ${recipe.name} are tested on their own test data: gradus eval ${run.folder.path}`,
    )
  const restored = await restoreModel(run)
  const { model, test } = await recipe.testOn(data, restored, settings)
  return { ...restored, model, test, validation: test }
}

/** The figure that decides which epoch is kept. Throws a {@link UsageError} when somebody chose one that there is not. */
function monitorOf({ monitors }: Prepared, { monitor = Object.keys(monitors)[0]! }: CommonSettings): Monitored {
  const mode = Object.hasOwn(monitors, monitor) ? monitors[monitor] : undefined
  if (mode) return { monitor, mode }
  throw new UsageError(`field 'monitor' expects ${Object.keys(monitors).join(' or ')}, received ${monitor}`)
}

function parametersOf({ model }: Prepared): number {
  return model.parameters().reduce((sum, { size }) => sum + size, 0)
}

async function runTraining(
  folder: RunFolder,
  prepared: Prepared,
  settings: CommonSettings,
  json: boolean,
  resume: boolean,
): Promise<void> {
  const started = performance.now()
  const screen = screenOn(json ? process.stderr : process.stdout)
  const { model, learner = model, train, validation, test, loss, metrics, headline } = prepared
  const { epochs, batchSize, lr, weightDecay, seed, ema, clipNorm, accumulate, patience } = settings
  const monitored = monitorOf(prepared, settings)
  const batches = train instanceof DataLoader ? train.length : Math.ceil(train.length / batchSize)
  const optimizer = new AdamW(prepared.parameters ?? model.parameters(), { lr, weightDecay })
  const schedule = new CosineAnnealingLR(optimizer, epochs * Math.ceil(batches / accumulate))

  screen.line()
  screen.line(`  ${count(parametersOf(prepared))} parameters, seed ${seed}, device ${device().name}`)
  for (const fact of prepared.facts) screen.line(`  ${fact}`)
  screen.line()
  const report = new EpochReport(screen, screenOn(process.stderr), {
    epochs,
    batchSize: batchSize * accumulate,
    ...{ headline, monitored },
  })
  const watched = test ? undefined : new BestValidation(prepared)
  const interrupt = stopOnInterrupt(screen, () => report.clear())
  let history: History
  try {
    history = await fit(learner, {
      ...{
        train,
        validation,
        loss,
        metrics,
        optimizer,
        schedule,
        scheduleEvery: 'step',
        epochs,
        batchSize,
        seed,
        accumulate,
      },
      ...{ ...monitored, restoreBest: true, signal: interrupt.signal, readEvery: 5 },
      ...(watched && { validationMetrics: watched.metrics }),
      ...(ema !== undefined && { ema }),
      ...(clipNorm !== undefined && { clipNorm }),
      ...(patience !== undefined && { patience }),
      checkpoint: { folder: join(folder.path, 'checkpoints'), keep: 2, resume },
      callbacks: [
        historyFile(folder.historyPath),
        tensorBoard(join(folder.path, 'logs')),
        report,
        ...(watched ? [watched] : []),
      ],
    })
  } finally {
    report.clear()
    interrupt[Symbol.dispose]()
    for (const loader of [train, validation]) if (loader instanceof DataLoader) await loader.close()
  }
  if (history.ended === 'aborted') {
    screen.line(`  Stopped and saved; go on with: gradus resume ${folder.path}`)
    if (json) process.stdout.write(`${JSON.stringify({ ended: 'aborted', run: folder.path })}\n`)
    return
  }
  await saveStateDict(model, folder.modelPath)
  const outcome = await (watched?.outcome() ?? measured(prepared))
  const { part, figures, lines, confusion } = outcome
  const seconds = (performance.now() - started) / 1000
  await folder.writeResult({
    ...{ [part]: figures, headline, ended: history.ended, seconds },
    ...(confusion && { confusion }),
  })

  screen.line()
  const best = bestEpoch(history.epochs, monitored)
  const [first, ...others] = figureLines(outcome, headline, screen.colors)
  for (const line of [`${first} after ${duration(seconds)}`, ...others, ...lines]) screen.line(`  ${line}`)
  if (best)
    screen.line(`  Kept epoch ${best.epoch} of ${history.epochs.length}: the best validation ${monitored.monitor}`)
  const skipped = prepared.skipped?.()
  if (skipped && skipped.size > 0) {
    screen.line(`  ${count(skipped.size)} samples could not be read and were left out:`)
    for (const error of [...skipped.values()].slice(0, 5)) screen.line(`    ${error.message}`)
  }
  screen.line(`  Saved in ${folder.path}`)
  screen.line()
  if (json)
    process.stdout.write(
      `${JSON.stringify({ [part]: figures, seconds, run: folder.path, ended: history.ended, seed })}\n`,
    )
}
