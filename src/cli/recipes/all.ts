import { UsageError } from '../failure.ts'
import { fashionRecipe } from './fashion-mnist.ts'
import { imageRecipe } from './image-classifier.ts'
import type { Recipe } from './recipe.ts'
import type { CommonSettings } from './settings.ts'
import { tabularRecipe } from './tabular.ts'

/** Recipes that the common training runs; `mnist` has a report of its own. */
export const recipes: readonly Recipe[] = [
  fashionRecipe,
  imageRecipe,
  tabularRecipe,
] as readonly unknown[] as readonly Recipe[]

/** The recipe of that name. Throws a {@link UsageError} naming those that there are. */
export function recipeNamed(name: string): Recipe<CommonSettings> {
  const found = recipes.find((recipe) => recipe.name === name)
  if (found) return found
  throw new UsageError(
    `there is no recipe '${name}'; there are mnist, ${recipes.map((recipe) => recipe.name).join(', ')}`,
  )
}
