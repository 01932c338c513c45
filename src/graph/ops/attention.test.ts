import { describe, expect, test } from 'vitest'
import { interpret } from '../interpret.ts'
import { backpropagate } from '../autograd.ts'
import type { Node } from '../node.ts'
import { attention } from './attention.ts'
import { buffer, constant, scalar } from './leaves.ts'
import { toValues } from '../../core/dtype.ts'
import { sizeOf } from '../../core/shape.ts'

/** Numbers around 0 that look random. */
function leaf(shape: readonly number[], seed: number): Node {
  const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i * i * 0.37 + seed * 1.7 + i))
  const node = buffer(values, shape, 'float32')
  node.requiresGrad = true
  return node
}

/** The same computation by the decomposition of every op that has one. */
function writtenOut(node: Node, known = new Map<Node, Node>()): Node {
  const before = known.get(node)
  if (before || node.value) return before ?? node
  const inputs = node.inputs.map((input) => writtenOut(input, known))
  const copy = Object.assign(Object.create(Object.getPrototypeOf(node) as object) as Node, node, { inputs })
  const made = node.op.decompose ? writtenOut(node.op.decompose(inputs, node.attrs, node), known) : copy
  known.set(node, made)
  return made
}

const variants = ['plain', 'causal', 'bool mask', 'additive mask', 'dropout', 'causal with dropout'] as const

/** Values of attention over 3 blocks of queries, and of its gradients. */
function resultsOf(variant: (typeof variants)[number]): Node[] {
  const [q, k, v] = [leaf([2, 4, 70, 6], 1), leaf([2, 2, 45, 6], 2), leaf([2, 2, 45, 5], 3)]
  const seen = buffer(
    Uint8Array.from({ length: 70 * 45 }, (_, i) => (i % 45 === 0 || i % 3 === 0 ? 1 : 0)),
    [1, 1, 70, 45],
    'bool',
  )
  const added = leaf([2, 1, 70, 45], 4)
  const mask = variant === 'bool mask' ? seen : variant === 'additive mask' ? added : undefined
  const random = { key: buffer(Int32Array.of(1, 2, 3), [3], 'int32'), p: scalar(0.3, 'float32') }
  const dropout = variant.includes('dropout') ? random : undefined
  const y = attention({ q, k, v, scale: constant(0.4), mask, dropout }, variant.startsWith('causal'))
  const cotangents = backpropagate([y], [leaf(y.shape, 5)], false)
  return [y, ...[q, k, v, ...(mask === added ? [added] : [])].map((x) => cotangents.get(x)!)]
}

describe.each(variants)('attention block by block: %s', (variant) => {
  test('gives the values and gradients of the decomposition', () => {
    const results = resultsOf(variant)
    const actual = interpret(results)
    const expected = interpret(results.map((node) => writtenOut(node)))
    for (const [i, node] of results.entries()) {
      const [a, b] = [toValues(actual[i]!, node.dtype), toValues(expected[i]!, node.dtype)]
      expect(a.length).toBe(b.length)
      for (let j = 0; j < a.length; j++) expect(Math.abs(a[j]! - b[j]!)).toBeLessThan(1e-5)
    }
  })
})
