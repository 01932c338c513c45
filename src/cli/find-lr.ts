import { DataLoader } from '../data/data-loader.ts'
import { AdamW } from '../optim/adam.ts'
import { manualSeed } from '../tensor/random.ts'
import { findLearningRate } from '../train/find-learning-rate.ts'
import { recipeNamed } from './recipes/all.ts'
import { parseSettings } from './recipes/settings.ts'
import { lineChart } from './terminal/chart.ts'
import { screenOn } from './terminal/screen.ts'

/** Tries growing learning rates on a recipe and shows where the loss falls fastest. */
export async function printLearningRate(
  name: string,
  given: unknown,
  { json }: { readonly json: boolean },
): Promise<void> {
  const recipe = recipeNamed(name)
  const settings = parseSettings(recipe.settings, given, `find-lr ${name}`)
  manualSeed(settings.seed)
  const { model, train, loss } = await recipe.prepare(settings)
  const { batchSize, seed, weightDecay } = settings
  const batches = train instanceof DataLoader ? train : new DataLoader(train, { batchSize, seed, shuffle: true })
  const { suggestion, points } = await findLearningRate(model, {
    train: batches,
    loss,
    optimizer: (parameters, lr) => new AdamW(parameters, { lr, weightDecay }),
  })
  const screen = screenOn(json ? process.stderr : process.stdout)
  screen.line()
  // The explosion at the end would flatten all else.
  const tame = points.filter(({ loss: y }) => y <= 1.2 * points[0]!.loss)
  const curve = tame.map(({ lr, loss: y }) => ({ x: Math.log10(lr), y }))
  for (const line of lineChart(curve, screen)) screen.line(line)
  const [first, last] = [tame[0], tame.at(-1)].map((point) => point?.lr.toPrecision(2))
  screen.line(`  loss at learning rates from ${first} to ${last}, on a logarithmic scale`)
  screen.line()
  const shown = Number.isNaN(suggestion) ? 'none: the loss never falls' : suggestion.toPrecision(2)
  screen.line(`  Suggested learning rate: ${screen.colors.bold(shown)}`)
  if (json) process.stdout.write(`${JSON.stringify({ suggestion, points })}\n`)
}
