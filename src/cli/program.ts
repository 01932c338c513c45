import { Command } from 'commander'
import { createColors } from 'picocolors'
import { exitCodes, oneLine, reportFailure } from './failure.ts'
import type { TrainOptions } from './mnist/train.ts'
import { positiveNumber, wholeNumber } from './options.ts'
import type { AugmentOptions } from './augment.ts'
import type { BenchOptions } from './bench.ts'
import type { ExportOptions } from './export.ts'
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
    const program = makeProgram()
    // Recipes have many settings: they are loaded only when one may be asked for.
    if (['train', 'find-lr', 'finetune'].includes(args[0] ?? '') && args[1] !== 'mnist') {
      await (await import('./recipe-commands.ts')).addRecipeCommands(program, args[1] ?? '')
    }
    await program.parseAsync(args, { from: 'user' })
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
  addFinetune(program)
  addPredict(program)
  addRunCommands(program)
  program.command('find-lr').description('find a good learning rate for a recipe')
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
  const bench = program
    .command('bench')
    .description('measure how fast this machine computes and trains')
    .option('--seconds <s>', 'duration of each measurement', positiveNumber, 1)
    .option('--json', 'print one JSON object')
    .action(async (options: BenchOptions) => (await import('./bench.ts')).printBench(options))
  addExamples(bench, [['gradus bench --json | jq .peakGflops', 'for scripts']])
  addPictures(program)
  program
    .command('completion')
    .description('print a script that completes commands in your shell')
    .argument('<shell>', 'bash, zsh or fish')
    .action(async (shell: string) => {
      await (await import('./recipe-commands.ts')).addRecipeCommands(program, '')
      process.stdout.write((await import('./completion.ts')).completionScript(program, shell))
    })
  addExamples(program, [
    ['gradus train mnist', 'train a digit reader'],
    ['gradus predict runs/mnist-1 7', 'what it makes of test digit 7'],
    ['gradus predict runs/mnist-1 digit.png', 'what it makes of your own drawing'],
    ['gradus train image-classifier --data photos', 'a classifier of your own pictures'],
  ])
  program.addHelpText('after', exitCodeHelp)
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

function addFinetune(program: Command): void {
  const finetune = program.command('finetune').description('train a pretrained network on your own data')
  addExamples(finetune, [
    ['gradus finetune image photos --from timm/resnet18.a1_in1k', 'your pictures'],
    ['gradus finetune text reviews.csv --from google-bert/bert-base-uncased', 'texts with labels'],
    ['gradus finetune text reviews.csv --from FOLDER --lora 8', 'adapters alone'],
  ])
}

const exitCodeHelp = `
Exit codes: 0 done, 1 a fault of the program, 2 something to put right as the
message says, 130 interrupted.`

/** Commands that work on the folder of a run. */
function addRunCommands(program: Command): void {
  const json = [
    '--json',
    'print one JSON object with the result on standard output, all else on standard error',
  ] as const
  const folder = ['<run>', 'folder of the run, such as runs/fashion-mnist-1'] as const
  program
    .command('resume')
    .description('go on with a training that was stopped or killed')
    .argument(...folder)
    .option(...json)
    .action(async (run: string, options: JsonOption) => (await import('./train.ts')).resumeRun(run, options))
  program
    .command('eval')
    .description('test a trained network on its test data, or on other data')
    .argument(...folder)
    .argument('[data]', 'other data: a file or folder like that of the training, all of which is tested')
    .option(...json)
    .action(async (run: string, data: string | undefined, options: JsonOption) =>
      (await import('./train.ts')).evaluateRun(run, data, options),
    )
  program
    .command('export')
    .description('write a trained network as others read it: config.json, model.safetensors, files of the tokenizer')
    .argument(...folder)
    .option('--onnx', 'write model.onnx, too; texts are filled up to the greatest length')
    .option('--out <folder>', 'where to write (default: export in the folder of the run)')
    .option(...json)
    .action(async (run: string, options: ExportOptions) => (await import('./export.ts')).exportRun(run, options))
  program
    .command('summary')
    .description('show the layers of a trained network')
    .argument(...folder)
    .action(async (run: string) => (await import('./summary.ts')).printSummary(run))
  program
    .command('plot')
    .description('draw curves, schedule and confusion matrix of runs as SVG and PNG')
    .argument('<run...>', 'folders of runs')
    .option('--out <folder>', 'where the pictures go', 'plots')
    .option(...json)
    .action(async (runs: string[], options: JsonOption & { readonly out: string }) =>
      (await import('./plot.ts')).plotRuns(runs, options),
    )
}

/** Commands about pictures. */
function addPictures(program: Command): void {
  const augment = program
    .command('augment')
    .description('draw a sheet of what augmentation makes of a picture')
    .argument('<image>', 'a JPEG, PNG, WebP or AVIF file')
    .option('--out <file>', 'the sheet', 'augment.png')
    .option('--size <n>', 'side of each picture in pixels', wholeNumber(16, 1024), 128)
    .option('--seed <n>', 'decides what is drawn', wholeNumber(0), 0)
    .action(async (image: string, options: AugmentOptions) => (await import('./augment.ts')).drawSheet(image, options))
  addExamples(augment, [['gradus augment cat.jpg --out sheet.png', 'rows of transforms, eight draws of each']])
}

function addPredict(program: Command): void {
  const command = program
    .command('predict')
    .description('show what a trained network makes of an input')
    .argument('<run>', 'folder of the run, such as runs/mnist-1')
    .argument('<input>', 'what the recipe takes: a picture file, a row, a text, a series (see below)')
    .option('--json', 'print one JSON object with the result on standard output, all else on standard error')
    .action(async (run: string, image: string, options: PredictOptions) =>
      (await import('./predict.ts')).predict(run, image, options),
    )
  addExamples(command, [
    ['gradus predict runs/mnist-1 7', 'test digit 7'],
    ['gradus predict runs/mnist-1 digit.png', 'your own drawing'],
    ['gradus predict runs/tabular-1 weight=3000', 'a row, or a JSON object'],
    ['gradus predict runs/films "a fine film"', 'a text, of recipe text-classifier'],
    ['gradus predict runs/char-lm-1 "To be"', 'the beginning of a text'],
    ['gradus predict runs/seq2seq-1 gradient', 'a source'],
    ['gradus predict runs/forecast-1 hours.csv', 'a series; end: that of the training'],
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
