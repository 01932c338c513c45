import { describe, expect, test } from 'vitest'
import { ValueError } from '../../core/errors.ts'
import { tensor } from '../../tensor/creation.ts'
import { manualSeed, randn } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import * as nn from '../index.ts'

const { parametrizations, prune } = nn.utils

function linear(
  rows: number[][] = [
    [3, 4],
    [1, -1],
    [2, 0],
  ],
): nn.Linear {
  const layer = new nn.Linear(2, 3)
  layer.weight.assign(tensor(rows))
  layer.bias!.assign(tensor([0.1, 0.2, 0.3]))
  return layer
}

/** The layer at (1, 2), and the gradients of y₁ + 2 y₂ + 3 y₃. */
function step(layer: nn.Linear): Tensor {
  const y = layer.forward(tensor([[1, 2]]))
  y.mul(tensor([1, 2, 3]))
    .sum()
    .backward()
  return y
}

/** Numbers from PyTorch 2.13, to six digits or so. */
function expectValues(actual: Tensor, expected: readonly number[]): void {
  const values = actual.dataSync()
  expect(values.length).toBe(expected.length)
  for (const [i, value] of expected.entries()) expect(values[i]).toBeCloseTo(value, 5)
}

const gradient = (layer: nn.Module, name: string): Tensor => layer.getParameter(`parametrizations.weight.${name}`).grad!

describe('weightNorm', () => {
  test('computes what PyTorch computes, under its names', () => {
    const layer = parametrizations.weightNorm(linear())
    expect(Object.keys(layer.stateDict())).toEqual([
      'bias',
      'parametrizations.weight.original0',
      'parametrizations.weight.original1',
    ])
    expectValues(step(layer), [11.1, -0.8, 2.3])
    expectValues(gradient(layer, 'original0'), [2.2, -Math.SQRT2, 3])
    expectValues(gradient(layer, 'original1'), [-0.32, 0.24, 3, 3, 0, 6])
    expect(layer.getParameter('parametrizations.weight.original0').shape).toEqual([3, 1])
  })

  test('one length for the whole, or along another dimension; other parameters', () => {
    const whole = parametrizations.weightNorm(linear(), { dim: null })
    expect(whole.getParameter('parametrizations.weight.original0').itemSync()).toBeCloseTo(Math.sqrt(31), 5)
    const columns = parametrizations.weightNorm(linear(), { dim: -1 })
    expectValues(columns.getParameter('parametrizations.weight.original0'), [Math.sqrt(14), Math.sqrt(17)])
    for (const layer of [whole, columns]) expectValues(layer.forward(tensor([[1, 2]])), [11.1, -0.8, 2.3])
    const bias = parametrizations.weightNorm(linear(), { name: 'bias' })
    expect(bias.getParameter('parametrizations.bias.original0').shape).toEqual([3])
  })

  test('is loaded, trained and taken away again', () => {
    const layer = parametrizations.weightNorm(linear())
    const doubled = { ...layer.stateDict(), 'parametrizations.weight.original0': tensor([[10], [0], [2]]) }
    layer.loadStateDict(doubled)
    expectValues(layer.weight, [6, 8, 0, 0, 2, 0])
    parametrizations.removeParametrizations(layer)
    expect(Object.keys(layer.stateDict())).toEqual(['weight', 'bias'])
    expectValues(layer.weight, [6, 8, 0, 0, 2, 0])
    expect(layer.weight).toBeInstanceOf(nn.Parameter)
    expect(() => parametrizations.removeParametrizations(layer)).toThrow(ValueError)
    expect(() => parametrizations.weightNorm(layer, { name: 'kernel' })).toThrow(
      "weightNorm: 'kernel' is no parameter of this Linear; it has weight, bias",
    )
  })
})

describe('spectralNorm', () => {
  const u = 'parametrizations.weight.0._u'
  const v = 'parametrizations.weight.0._v'

  test('computes what PyTorch computes, under its names', () => {
    const layer = parametrizations.spectralNorm(linear())
    expect(Object.keys(layer.stateDict())).toEqual(['bias', 'parametrizations.weight.original', u, v])
    layer.loadStateDict({ ...layer.stateDict(), [u]: tensor([0.6, 0, 0.8]), [v]: tensor([1, 0]) })
    expectValues(step(layer), [2.4116764, -0.0101524, 0.7203048])
    expectValues(gradient(layer, 'original'), [-0.2075006, 0.0921489, 0.2810872, 0.7312244, 0.3520219, 1.0421439])
    expectValues(layer.getBuffer(u), [0.8017837, 0.2672612, 0.5345225])
    expectValues(layer.getBuffer(v), [0.7863184, 0.6178215])
    layer.eval()
    expectValues(layer.forward(tensor([[1, 2]])), [2.4116764, -0.0101524, 0.7203048])
    expectValues(layer.getBuffer(v), [0.7863184, 0.6178215])
  })

  test('gives a matrix of largest singular value 1, for convolutions too', () => {
    manualSeed(1)
    const conv = parametrizations.spectralNorm(new nn.Conv2d(2, 4, 3), { nPowerIterations: 30 })
    const up = parametrizations.spectralNorm(new nn.ConvTranspose2d(2, 4, 3), { nPowerIterations: 30 })
    const matrices = [conv.weight.reshape(4, 18), up.weight.permute(1, 0, 2, 3).reshape(4, 18)]
    for (const matrix of matrices) {
      let x = randn([18])
      for (let i = 0; i < 100; i++) x = matrix.transpose(0, 1).mv(matrix.mv(x.div(x.norm())))
      expect(Math.sqrt(x.norm().itemSync())).toBeCloseTo(1, 3)
    }
    const bias = parametrizations.spectralNorm(linear(), { name: 'bias' })
    expect(bias.bias!.norm().itemSync()).toBeCloseTo(1, 6)
    expect(() => parametrizations.spectralNorm(linear(), { nPowerIterations: 0 })).toThrow(ValueError)
  })
})

describe('prune.l1Unstructured', () => {
  test('removes the smallest, again and again, as PyTorch does', () => {
    const layer = prune.l1Unstructured(
      linear([
        [3, 4],
        [1, -1.5],
        [2, 0.5],
      ]),
      'weight',
      0.3,
    )
    expect(Object.keys(layer.stateDict())).toEqual(['bias', 'weight_orig', 'weight_mask'])
    expectValues(layer.weight, [3, 4, 0, -1.5, 2, 0])
    prune.l1Unstructured(layer, 'weight', 0.5)
    expectValues(layer.weight, [3, 4, 0, 0, 0, 0])
    prune.l1Unstructured(layer, 'weight', 1)
    expectValues(layer.weight, [0, 4, 0, 0, 0, 0])
    step(layer)
    expectValues(layer.getParameter('weight_orig').grad!, [0, 2, 0, 0, 0, 0])
  })

  test('is made permanent', () => {
    const layer = prune.l1Unstructured(
      linear([
        [3, 4],
        [1, -1.5],
        [2, 0.5],
      ]),
      'weight',
      2,
    )
    prune.remove(layer, 'weight')
    expect(Object.keys(layer.stateDict())).toEqual(['weight', 'bias'])
    expectValues(layer.weight, [3, 4, 0, -1.5, 2, 0])
    expect(() => prune.remove(layer, 'weight')).toThrow("prune.remove: 'weight' of this Linear is not pruned")
    expect(() => prune.l1Unstructured(layer, 'weight', 7)).toThrow('cannot prune 7 of 6 elements')
    expect(() => prune.l1Unstructured(layer, 'weight', 1.5)).toThrow('a fraction below 1 or a whole number')
  })
})
