import { Tensor } from './tensor.ts'

/** A tensor, or arrays and objects of tensors; `undefined` and `null` stand for nothing. */
export type Tree = Tensor | undefined | null | readonly Tree[] | { readonly [key: string]: Tree }

/** The tensors of a tree, in order. */
export function leavesOf(tree: Tree): Tensor[] {
  if (tree instanceof Tensor) return [tree]
  if (tree === undefined || tree === null) return []
  return Object.values(tree).flatMap(leavesOf)
}

/** A tree like `like` of other tensors. */
export function rebuild<T extends Tree>(like: T, tensors: readonly Tensor[]): T {
  let at = 0
  const build = (tree: Tree): Tree => {
    if (tree instanceof Tensor) return tensors[at++]!
    if (tree === undefined || tree === null) return tree
    if (Array.isArray(tree)) return tree.map(build)
    return Object.fromEntries(Object.entries(tree).map(([key, part]) => [key, build(part)]))
  }
  return build(like) as T
}
