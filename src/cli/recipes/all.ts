import { UsageError } from '../failure.ts'
import { finetuneImage } from '../finetune/image.ts'
import { finetuneText } from '../finetune/text.ts'
import { charRecipe } from './char-lm.ts'
import { fashionRecipe } from './fashion-mnist.ts'
import { forecastRecipe } from './forecast.ts'
import { imageRecipe } from './image-classifier.ts'
import type { Recipe } from './recipe.ts'
import type { CommonSettings } from './settings.ts'
import { seq2seqRecipe } from './seq2seq.ts'
import { tabularRecipe } from './tabular.ts'
import { textRecipe } from './text-classifier.ts'

/** Recipes that the common training runs; `mnist` has a report of its own. */
export const recipes: readonly Recipe[] = [
  fashionRecipe,
  imageRecipe,
  tabularRecipe,
  textRecipe,
  charRecipe,
  seq2seqRecipe,
  forecastRecipe,
] as readonly unknown[] as readonly Recipe[]

/** Recipes that begin with a pretrained network, by the word that follows `gradus finetune`. */
export const tunings = { image: finetuneImage, text: finetuneText } as unknown as Readonly<Record<string, Recipe>>

/** The recipe of that name. Throws a {@link UsageError} naming those that there are. */
export function recipeNamed(name: string): Recipe<CommonSettings> {
  const found = [...recipes, ...Object.values(tunings)].find((recipe) => recipe.name === name)
  if (found) return found
  throw new UsageError(
    `there is no recipe '${name}'; there are mnist, ${recipes.map((recipe) => recipe.name).join(', ')}`,
  )
}
