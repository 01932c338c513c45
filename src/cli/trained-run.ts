import * as v from 'valibot'
import { loadStateDict } from '../io/state-dict.ts'
import { UsageError } from './failure.ts'
import { recipeNamed } from './recipes/all.ts'
import type { Recipe, RecipeModel } from './recipes/recipe.ts'
import { type CommonSettings, parseSettings } from './recipes/settings.ts'
import { type RunConfig, RunFolder } from './run-folder.ts'

/** A run of a recipe. */
export interface OpenRun {
  readonly folder: RunFolder
  readonly config: RunConfig
  readonly recipe: Recipe<CommonSettings>
  readonly settings: CommonSettings
}

/** Throws a {@link UsageError} for a run of `mnist`, which is trained and used in a way of its own; `alternative` says what to do with it. */
export async function openRun(path: string, alternative?: string): Promise<OpenRun> {
  const folder = new RunFolder(path)
  const config = await folder.readConfig()
  if (config.recipe === 'mnist')
    throw new UsageError(alternative ?? `runs of recipe mnist have their weights in ${folder.modelPath}`)
  const recipe = recipeNamed(config.recipe)
  return { folder, config, recipe, settings: parseSettings(recipe.settings, config.settings, `${path}/config.json`) }
}

/** The trained model of a run, which needs nothing but the run's folder. */
export async function restoreModel({ folder, config, recipe, settings }: OpenRun): Promise<RecipeModel> {
  const { known } = parseSettings(v.object({ known: recipe.known }), config, `${folder.path}/config.json`)
  const restored = await recipe.restore(settings, known, folder.pretrainedPath)
  return loadWeights(folder, restored)
}

/** Gives a model of a run the weights that were saved, and takes it out of training. */
export async function loadWeights<M extends RecipeModel>(folder: RunFolder, made: M): Promise<M> {
  await loadStateDict(made.model, folder.modelPath)
  made.model.eval()
  return made
}
