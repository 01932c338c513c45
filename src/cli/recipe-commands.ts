import type { Command } from 'commander'
import { readConfigFile } from './config-file.ts'
import { recipes, tunings } from './recipes/all.ts'
import { describeFields } from './recipes/settings.ts'
import type { RunOptions } from './train.ts'

const json = ['--json', 'print one JSON object with the result on standard output, all else on standard error'] as const

/**
 * Adds a command for each recipe to `gradus train`, `gradus find-lr` or `gradus finetune`, its options made from the recipe's settings; and one for
 * `asked`, when that is a configuration file.
 */
export async function addRecipeCommands(program: Command, asked: string): Promise<void> {
  const parent = (name: string): Command => program.commands.find((command) => command.name() === name)!
  for (const { name, description, settings } of recipes) {
    const train = parent('train').command(name).description(`train ${description}`)
    addSettings(train, settings)
    addRunOptions(train, name).action(async ({ run, json: asJson, ...given }: Given) =>
      (await import('./train.ts')).trainRecipe(name, given, runOptions(run, asJson)),
    )
    const find = parent('find-lr').command(name).description(`find a good learning rate for ${description}`)
    addSettings(find, settings)
    find
      .option(...json)
      .action(async ({ json: asJson, ...given }: Given) =>
        (await import('./find-lr.ts')).printLearningRate(name, given, { json: asJson === true }),
      )
  }
  for (const [word, { name, description, settings }] of Object.entries(tunings)) {
    const tune = parent('finetune').command(word).description(`train ${description}`)
    tune.argument('<data>', describeFields(settings).find((field) => field.name === 'data')!.description)
    addSettings(tune, settings, ['data'])
    addRunOptions(tune, name).action(async (data: string, { run, json: asJson, ...given }: Given) =>
      (await import('./train.ts')).trainRecipe(name, { data, ...given }, runOptions(run, asJson)),
    )
  }
  if (!/\.(json|[cm]?[jt]s)$/.test(asked)) return
  const config = parent('train').command(asked, { hidden: true }).description('train as a configuration file says')
  addRunOptions(config, 'recipe').action(async ({ run, json: asJson }: Given) => {
    const { recipe, ...given } = await readConfigFile(asked)
    await (await import('./train.ts')).trainRecipe(recipe, given, runOptions(run, asJson))
  })
}

type Given = { readonly run?: string; readonly json?: boolean } & Readonly<Record<string, unknown>>

function runOptions(run: string | undefined, asJson: boolean | undefined): RunOptions {
  return { ...(run !== undefined && { run }), ...(asJson && { json: true }) }
}

function addRunOptions(command: Command, name: string): Command {
  return command.option('--run <folder>', `where to save (default: the next free runs/${name}-<n>)`).option(...json)
}

/** `batchSize` becomes `--batch-size <n>`; what is true by default becomes `--no-...`; what is required comes first. Fields of `without` get no option. */
function addSettings(command: Command, settings: unknown, without: readonly string[] = []): void {
  const fields = describeFields(settings).sort((a, b) => Number(b.isRequired) - Number(a.isRequired))
  for (const { name, description, kind, isRequired, fallback } of fields) {
    if (without.includes(name)) continue
    const flag = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    if (kind === 'boolean') {
      if (fallback === true) command.option(`--no-${flag}`, `do not ${description}`)
      else command.option(`--${flag}`, description)
      continue
    }
    const shown = `--${flag} <${kind === 'number' ? 'n' : 'text'}>`
    const parse: (text: string) => unknown = kind === 'number' ? Number : String
    if (isRequired) command.requiredOption(shown, `${description} (required)`, parse)
    else command.option(shown, description, parse, fallback === '' ? undefined : fallback)
  }
}
