import { Command } from 'commander'
import { createColors } from 'picocolors'
import { exitCodes, oneLine, reportFailure } from './failure.ts'
import type { TrainOptions } from './mnist/train.ts'
import { positiveNumber, wholeNumber } from './options.ts'
import type { PredictOptions } from './predict.ts'
import { version } from './version.ts'

/** Always with colour: Commander removes it where it has no place. */
const { bold, cyan } = createColors(true)

interface JsonOption {
  readonly json?: boolean
}

/** Runs `gradus` with the words after its name; returns the exit code. */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await makeProgram().parseAsync(args, { from: 'user' })
    return exitCodes.ok
  } catch (error) {
    return reportFailure(error, (text) => process.stderr.write(text))
  }
}

/** All commands of `gradus`. What they do is loaded when it is asked for: help and errors come at once. */
function makeProgram(): Command {
  const program = new Command('gradus')
    .description('Deep learning for TypeScript: train neural networks, look at them, use them.')
    .version(version, '-v, --version', 'print the version')
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(`gradus: ${rephrase(text)}\n`) })
    .configureHelp({ styleTitle: bold, styleCommandText: cyan, styleSubcommandTerm: cyan, styleOptionTerm: cyan })
  addTrain(program)
  addPredict(program)
  program
    .command('runs')
    .description('list the runs of a folder')
    .argument('[folder]', 'where to look', 'runs')
    .option('--json', 'print one JSON object')
    .action(async (folder: string, options: JsonOption) => (await import('./runs.ts')).printRuns(folder, options))
  program
    .command('doctor')
    .description('show what runs here, and why')
    .option('--json', 'print one JSON object')
    .action(async (options: JsonOption) => (await import('./doctor.ts')).printDiagnosis(options))
  addExamples(program, [
    ['gradus train mnist', 'train a digit reader'],
    ['gradus predict runs/mnist-1 7', 'what it makes of test digit 7'],
    ['gradus predict runs/mnist-1 digit.png', 'what it makes of your own drawing'],
  ])
  return program
}

function addTrain(program: Command): void {
  const train = program.command('train').description('train a network by a recipe')
  const mnist = train
    .command('mnist')
    .description('train LeNet on 9,000 handwritten digits and test it on 1,000 others')
    .option('--epochs <n>', 'how often to go through the digits', wholeNumber(1, 1000), 12)
    .option('--batch-size <n>', 'digits a step', wholeNumber(1, 8500), 128)
    .option('--lr <rate>', 'learning rate of the first step; half a cosine takes it to 0', positiveNumber, 0.01)
    .option('--seed <n>', 'decides weights and order; the same seed gives the same bits', wholeNumber(0), 0)
    .option('--patience <n>', 'stop after so many epochs without a better validation loss', wholeNumber(1))
    .option('--samples <n>', 'train with so many digits only, for a quick try', wholeNumber(1, 8500))
    .option('--run <folder>', 'where to save (default: the next free runs/mnist-<n>)')
    .option('--json', 'print one JSON object with the result on standard output, all else on standard error')
    .action(async (options: TrainOptions) => (await import('./mnist/train.ts')).trainMnist(options))
  addExamples(train, [['gradus train mnist', 'train a digit reader']])
  addExamples(mnist, [
    ['gradus train mnist', 'the whole training; some ten seconds by machine code'],
    ['gradus train mnist --epochs 1 --samples 2000', 'a quick try'],
    ['gradus train mnist --seed 1 --run runs/one', 'other weights, another order, a folder by name'],
    ['gradus train mnist --json | jq .testAccuracy', 'for scripts'],
  ])
  mnist.addHelpText('after', '\nCtrl-C stops after the present step, saves and tests; a second one quits at once.')
}

function addPredict(program: Command): void {
  const command = program
    .command('predict')
    .description('show what a trained network makes of an image')
    .argument('<run>', 'folder of the run, such as runs/mnist-1')
    .argument('<image>', 'number of a test digit (0 to 999), or a PNG or JPEG file')
    .option('--json', 'print one JSON object with the result on standard output, all else on standard error')
    .action(async (run: string, image: string, options: PredictOptions) =>
      (await import('./predict.ts')).predict(run, image, options),
    )
  addExamples(command, [
    ['gradus predict runs/mnist-1 7', 'test digit 7'],
    ['gradus predict runs/mnist-1 digit.png', 'your own drawing, dark on light or light on dark'],
  ])
}

function addExamples(command: Command, examples: readonly (readonly [line: string, meaning: string])[]): void {
  const width = Math.max(...examples.map(([line]) => line.length))
  const lines = examples.map(([line, meaning]) => `  ${cyan(line.padEnd(width))}  ${meaning}`)
  command.addHelpText('after', ['', bold('Examples:'), ...lines].join('\n'))
}

/** Commander's message as one line: `unknown option '--epoch' (did you mean --epochs?)`. */
function rephrase(text: string): string {
  return oneLine(text.replace(/^error: /, ''))
    .replace(/\(Did you mean/, '(did you mean')
    .replace(/\.$/, '')
}
