import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { F, nn, optim, randn, type Tensor, zeros } from '../index.ts'
import type { Node } from '../graph/node.ts'
import { buffer, constant, scalar } from '../graph/ops/leaves.ts'
import { add, mul } from '../graph/ops/arithmetic.ts'
import { argumentsOf } from './canonical.ts'
import { sameWords, structureOf } from './key.ts'

const words = (...roots: readonly Node[]): Int32Array => structureOf(roots).words.slice()
const same = (a: readonly Node[], b: readonly Node[]): boolean => sameWords(words(...a), words(...b))
const leaf = (shape: number[] = [2, 3]): Node => zeros(shape).node

describe('equal structures', () => {
  test('other leaves and other numbers', () => {
    const make = (value: number): Node => mul(add(leaf(), leaf()), scalar(value, 'float32'))
    expect(same([make(2)], [make(3)])).toBe(true)
  })

  test('a training step is described alike every time', () => {
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.Dropout(0.5), new nn.Linear(4, 2))
    const optimizer = new optim.Adam(model.parameters())
    const descriptions = [1, 2, 3].map(() => {
      optimizer.zeroGrad()
      const loss = F.crossEntropy(model.forward(randn([5, 3]).detach()), zeros([5], { dtype: 'int32' }))
      loss.backward()
      const described = words(loss.node, ...model.parameters().map((p) => p.grad!.node))
      optimizer.step()
      return described
    })
    expect(sameWords(descriptions[1]!, descriptions[2]!)).toBe(true)
  })
})

describe('different structures', () => {
  const x = leaf()
  const y = leaf()
  const cases: Readonly<Record<string, readonly [readonly Node[], readonly Node[]]>> = {
    'which leaves are the same': [[add(x, y)], [add(x, x)]],
    'which roots are asked for': [
      [add(x, y), x],
      [add(x, y), y],
    ],
    'order of roots': [
      [x, add(x, y)],
      [add(x, y), x],
    ],
    shape: [[add(x, x)], [add(leaf([3, 2]), leaf([3, 2]))]],
    ops: [[add(x, y)], [mul(x, y)]],
    constants: [[mul(x, constant(2))], [mul(x, constant(3))]],
    'the sign of zero': [[mul(x, constant(0))], [mul(x, constant(-0))]],
    'infinities and NaN': [[mul(x, constant(Number.NaN))], [mul(x, constant(Number.POSITIVE_INFINITY))]],
    'shared or repeated': [[mul(add(x, y), add(x, y))], [((sum) => mul(sum, sum))(add(x, y))]],
  }
  test.each(Object.entries(cases))('%s', (_, [a, b]) => {
    expect(same(a, b)).toBe(false)
    expect(same(a, a)).toBe(true)
  })

  test('what else plans depend on', () => {
    const root = add(x, y)
    const [one, two] = [1, 2].map((threads) => structureOf([root], threads).words.slice())
    expect(sameWords(one!, two!)).toBe(false)
  })

  test('settings of lists, strings and numbers that are not whole', () => {
    const t = randn([2, 3, 4])
    const roots = [
      t.permute(0, 2, 1),
      t.permute(2, 0, 1),
      t.sum(0),
      t.sum(1),
      t.sum([0, 1]),
      t.prod(0),
      t.mul(0.5),
      t,
    ].map((tensor: Tensor) => words(tensor.node))
    for (const [i, a] of roots.entries())
      for (const [j, b] of roots.entries()) expect(sameWords(a, b), `${i} and ${j}`).toBe(i === j)
  })
})

test('leaves and numbers come in the order in which programs have them', () => {
  const operations = [add, mul]
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(4)), { minLength: 1, maxLength: 30 }), (steps) => {
      const nodes = [leaf(), leaf(), buffer(new Float32Array(6), [2, 3], 'float32')]
      for (const [a, b, kind] of steps) {
        const left = nodes[a % nodes.length]!
        const right = kind > 2 ? scalar(kind + 0.5, 'float32') : nodes[b % nodes.length]!
        nodes.push(operations[kind % 2]!(left, right))
      }
      const roots = [nodes.at(-1)!, nodes[nodes.length >> 1]!, nodes[0]!]
      const { leaves, scalars } = structureOf(roots)
      expect({ leaves, scalars }).toEqual(argumentsOf(roots))
    }),
  )
})
