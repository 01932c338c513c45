import { type Digits, mnistDigits } from '../../data/mnist-digits.ts'
import { loadStateDict } from '../../io/state-dict.ts'
import { tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { UsageError } from '../failure.ts'
import type { RunFolder } from '../run-folder.ts'
import { drawDigits } from '../terminal/digits.ts'
import { percent } from '../terminal/format.ts'
import { type Screen, screenOn } from '../terminal/screen.ts'
import { readDrawing } from './drawing.ts'
import { LeNet } from './lenet.ts'
import { type Reading, readingsOf } from './reading.ts'

/** Length of the bar of a certain prediction. */
const barWidth = 30
/** So many guesses are shown, the best first. */
const guesses = 3

/**
 * Shows what a trained network takes an image for: the test digit of that number, or a picture file.
 *
 * @param source `0` to `999`, or a path
 */
export async function predictMnist(run: RunFolder, source: string, json: boolean): Promise<void> {
  const { image, label } = /^\d+$/.test(source) ? await testDigit(Number(source)) : { image: await drawing(source) }
  const model = new LeNet()
  await loadStateDict(model, run.modelPath)
  model.eval()
  const [reading] = await readingsOf(image, model.forward(image))
  if (!reading) throw new Error('one image gives one reading')

  const { digit, confidence, probabilities } = reading
  show(reading, label, screenOn(json ? process.stderr : process.stdout))
  if (!json) return
  const result = { prediction: digit, confidence, probabilities, ...(label !== undefined && { label }) }
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

async function testDigit(index: number): Promise<{ image: Tensor; label: number }> {
  const { test }: { test: Digits } = await mnistDigits()
  if (index >= test.length) {
    throw new UsageError(`there are ${test.length} test digits, 0 to ${test.length - 1}; received ${index}`)
  }
  const [image, label] = test.batch([index])
  return { image, label: await label.item() }
}

async function drawing(path: string): Promise<Tensor> {
  return tensor(await readDrawing(path), { shape: [1, 1, 28, 28] })
}

function show({ pixels, digit, probabilities }: Reading, label: number | undefined, screen: Screen): void {
  const { bold, cyan, green, red } = screen.colors
  const isRight = label === undefined || digit === label
  screen.line()
  const caption = label === undefined ? '' : `this is a ${label}`
  for (const line of drawDigits([{ pixels, caption, tone: 'plain' }], screen)) screen.line(line)
  screen.line()
  const ranked = [...probabilities.entries()].sort(([, a], [, b]) => b - a)
  for (const [i, [candidate, share]] of ranked.slice(0, guesses).entries()) {
    const name = i === 0 ? bold(isRight ? green(candidate) : red(candidate)) : String(candidate)
    screen.line(`  ${name}  ${percent(share).padStart(7)}  ${cyan('━'.repeat(Math.round(share * barWidth)))}`.trimEnd())
  }
  screen.line()
}
