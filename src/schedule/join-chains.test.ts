import { expect, test } from 'vitest'
import { backpropagate } from '../graph/autograd.ts'
import type { Node } from '../graph/node.ts'
import { attention } from '../graph/ops/attention.ts'
import { constant } from '../graph/ops/leaves.ts'
import { packingOf } from '../kernel/product-schedule.ts'
import { leaf } from '../../test/random/graphs.ts'
import { canonicalize, isPlaceholder } from './canonical.ts'
import { type Chain, isChain } from './chain.ts'
import { joinChains } from './join-chains.ts'
import { type Kernel, makeKernels } from './kernels.ts'
import { lowerProducts } from './lower-products.ts'
import { readsOf, resultsOf } from './phases.ts'

/** What each kernel of attention computes, for the whole of a training step or some of its results. */
function chainsOf(choose: (y: Node, gradients: readonly Node[]) => readonly Node[]): {
  kernels: readonly Kernel[]
  results: string[]
} {
  const [q, k, v] = [1, 2, 3].map((seed) => {
    const node = leaf([2, 4, 200, 4], seed)
    node.requiresGrad = true
    return node
  }) as [Node, Node, Node]
  const y = attention({ q, k, v, scale: constant(0.5), mask: undefined, dropout: undefined }, true)
  const cotangents = backpropagate([y], [leaf(y.shape, 5)], false)
  const roots = choose(
    y,
    [q, k, v].map((x) => cotangents.get(x)!),
  )
  const kernels = joinChains(makeKernels(lowerProducts(canonicalize(roots), packingOf(16))).kernels)
  const results = kernels
    .filter(({ node }) => isChain(node))
    .map((kernel) =>
      resultsOf(kernel)
        .map((node) => (node as Node<Chain>).attrs.of)
        .join(' and '),
    )
  return { kernels, results: results.sort() }
}

test('what comes out of the same work is one kernel', () => {
  const { kernels, results } = chainsOf((y, gradients) => [y, ...gradients])
  expect(results).toEqual(['key and value', 'output and sums', 'query'])
  const known = new Set<Node>()
  for (const kernel of kernels) {
    for (const node of readsOf(kernel)) if (!isPlaceholder(node)) expect(known.has(node)).toBe(true)
    for (const node of resultsOf(kernel)) known.add(node)
  }
})

test('what is not wanted is not computed', () => {
  expect(chainsOf((y) => [y]).results).toEqual(['output'])
  expect(chainsOf((_, [, , value]) => [value!]).results).toEqual(['output and sums', 'value'])
  expect(chainsOf((_, [query]) => [query!]).results).toEqual(['output and sums', 'query'])
})
