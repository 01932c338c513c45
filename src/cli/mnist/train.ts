import type { Dataset, Sample } from '../../data/dataset.ts'
import { type Digits, mnistDigits } from '../../data/mnist-digits.ts'
import { randomSplit } from '../../data/split.ts'
import { Subset } from '../../data/subset.ts'
import { saveStateDict } from '../../io/state-dict.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { Adam } from '../../optim/adam.ts'
import { CosineAnnealingLR } from '../../optim/schedules/cosine.ts'
import { device } from '../../runtime/device.ts'
import { manualSeed } from '../../tensor/random.ts'
import { predict } from '../../train/evaluate.ts'
import { fit } from '../../train/fit.ts'
import { accuracy, confusionMatrix } from '../../train/metrics.ts'
import { UsageError } from '../failure.ts'
import { stopOnInterrupt } from '../interrupt.ts'
import { checkIsFree, createRunFolder } from '../run-folder.ts'
import { count, duration, percent } from '../terminal/format.ts'
import { type Screen, screenOn } from '../terminal/screen.ts'
import { version } from '../version.ts'
import { LeNet } from './lenet.ts'
import { readingsOf } from './reading.ts'
import { confusionLines, EpochProgress, epochHeading, epochRow, readingLines } from './report.ts'

export interface TrainSettings {
  readonly epochs: number
  readonly batchSize: number
  /** Learning rate of the first step; half a cosine takes it down to 0. */
  readonly lr: number
  readonly seed: number
  /** Train with the first so many digits only. */
  readonly samples?: number
  /** Stop after so many epochs without a better validation loss. */
  readonly patience?: number
}

export interface TrainOptions extends TrainSettings {
  readonly run?: string
  readonly json?: boolean
}

/** Share of certainty that the targets give up, so that the network does not learn single digits by heart (Szegedy et al. 2016). */
const labelSmoothing = 0.05
/** Of the digits for training, so many are watched instead. Which ones does not depend on the run's seed. */
const validationDigits = 500

/**
 * Trains {@link LeNet} on the digits and shows how well it reads others. The test digits play no part before the end:
 * neither in training, nor in choosing when to stop.
 */
export async function trainMnist({ run, json = false, ...settings }: TrainOptions): Promise<void> {
  const started = performance.now()
  const screen = screenOn(json ? process.stderr : process.stdout)
  const { epochs, batchSize, lr, seed, patience } = settings

  if (run !== undefined) await checkIsFree(run)
  const { train: digits, test } = await mnistDigits()
  const [rest, validation] = randomSplit(digits, [digits.length - validationDigits, validationDigits])
  if (!rest || !validation) throw new Error('two parts were asked for')
  const train = firstOf(rest, settings.samples)

  manualSeed(seed)
  const model = new LeNet()
  const optimizer = new Adam(model.parameters(), { lr })
  const steps = epochs * Math.ceil(train.length / batchSize)
  const schedule = new CosineAnnealingLR(optimizer, steps)

  const folder = await createRunFolder('mnist', run)
  const parameters = model.parameters().reduce((sum, { size }) => sum + size, 0)
  await folder.writeConfig({
    gradus: version,
    recipe: 'mnist',
    settings: { ...settings, optimizer: 'Adam', schedule: 'cosine', labelSmoothing },
    parameters,
    device: device().name,
    node: process.version,
    started: new Date().toISOString(),
  })
  screen.line()
  screen.line(`  LeNet: ${count(parameters)} parameters, seed ${seed}, device ${device().name}`)
  screen.line(`  Digits: ${count(train.length)} to train, ${validation.length} to watch, ${count(test.length)} to test`)
  screen.line()
  screen.line(screen.colors.bold(epochHeading()))

  const progress = new EpochProgress(screenOn(process.stderr), { epochs, batchSize })
  const interrupt = stopOnInterrupt(screen, () => progress.clear())
  const { ended } = await fit(model, {
    train,
    validation,
    optimizer,
    schedule,
    scheduleEvery: 'step',
    loss: (logits, labels) => crossEntropy(logits, labels, { labelSmoothing }),
    metrics: { accuracy },
    epochs,
    batchSize,
    seed,
    readEvery: 5,
    ...(patience !== undefined && { patience }),
    signal: interrupt.signal,
    onStep(step) {
      progress.show(step)
      if (Number.isFinite(step.recent['loss'])) return
      throw new UsageError(
        `the training diverged in epoch ${step.epoch}: the loss is ${step.recent['loss']}; lower --lr`,
      )
    },
    async onEpoch(record) {
      progress.clear()
      screen.line(epochRow(record))
      await folder.record({ ...record })
      await saveStateDict(model, folder.modelPath)
    },
  }).finally(() => progress.clear())
  if (ended === 'aborted') await saveStateDict(model, folder.modelPath)
  if (ended === 'patience') screen.line(`  stopped: no better validation loss for ${patience} epochs`)

  const matrix = await examine(model, test, screen)
  const testAccuracy = matrix.reduce((right, counts, digit) => right + (counts[digit] ?? 0), 0) / test.length
  const seconds = (performance.now() - started) / 1000
  await folder.record({ test: { accuracy: testAccuracy }, ended, seconds })
  interrupt[Symbol.dispose]()

  const { bold, green } = screen.colors
  screen.line(`  Test accuracy ${bold(green(percent(testAccuracy)))} after ${duration(seconds)}`)
  screen.line(`  Saved in ${folder.path}; try: gradus predict ${folder.path} 0`)
  if (json) process.stdout.write(`${JSON.stringify({ testAccuracy, seconds, run: folder.path, ended, seed })}\n`)
}

function firstOf<S extends Sample>(digits: Dataset<S>, samples = digits.length): Dataset<S> {
  if (samples <= digits.length)
    return new Subset(
      digits,
      Int32Array.from({ length: samples }, (_, i) => i),
    )
  throw new UsageError(`--samples: there are ${digits.length} digits to train with, received ${samples}`)
}

/** Reads the test digits, shows where the network errs, and returns the confusion matrix. */
async function examine(model: LeNet, test: Digits, screen: Screen): Promise<number[][]> {
  const [images, labels] = test.batch(Int32Array.from({ length: test.length }, (_, i) => i))
  const logits = await predict(model, test)
  const matrix = await confusionMatrix(logits, labels)
  screen.line()
  screen.line('  What each digit (row) was taken for (column):')
  screen.line()
  for (const line of confusionLines(matrix, screen)) screen.line(line)
  for (const line of readingLines(await readingsOf(images, logits), await labels.data(), screen)) screen.line(line)
  screen.line()
  return matrix
}
