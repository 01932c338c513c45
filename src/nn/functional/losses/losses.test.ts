import { describe, expect, test } from 'vitest'
import { DTypeError, type GradusError, IndexError, ShapeError, ValueError } from '../../../core/errors.ts'
import { full, ones, type Tensor, tensor, zeros } from '../../../index.ts'
import * as F from '../index.ts'

const int32 = (values: number[]): Tensor => tensor(values, { dtype: 'int32' })
const logits = zeros([4, 10])

describe('losses refuse', () => {
  test.each<[string, () => unknown, GradusError]>([
    [
      'a label beyond the classes',
      () => F.crossEntropy(logits, int32([0, 1, 2, 10])).itemSync(),
      new IndexError('crossEntropy', 'class label 10 at position 3 is out of range for 10 classes: expected 0 to 9'),
    ],
    [
      'a negative label that is not ignored',
      () => F.nllLoss(logits, int32([0, -1, 2, 3])).itemSync(),
      new IndexError('nllLoss', 'class label -1 at position 1 is out of range for 10 classes: expected 0 to 9'),
    ],
    [
      'a margin label beyond the classes',
      () => F.multiMarginLoss(logits, int32([0, 1, 2, 10])).itemSync(),
      new IndexError('multiMarginLoss', 'class label 10 at position 3 is out of range for 10 classes: expected 0 to 9'),
    ],
    [
      'labels of another shape',
      () => F.crossEntropy(logits, int32([0, 1, 2])),
      new ShapeError('crossEntropy', 'input [N, C, ...] [4, 10] takes class labels of shape [4], received [3]'),
    ],
    [
      'probabilities of another shape',
      () => F.crossEntropy(logits, zeros([4])),
      new ShapeError(
        'crossEntropy',
        "probabilities must have the input's shape [4, 10], received [4]; class labels must be int32",
      ),
    ],
    [
      'probabilities of another dtype',
      () => F.crossEntropy(logits, zeros([4, 10], { dtype: 'float64' })),
      new DTypeError('crossEntropy', 'input is float32, probabilities are float64; convert one with .to(dtype)'),
    ],
    [
      'labels that are bool',
      () => F.crossEntropy(logits, zeros([4], { dtype: 'bool' })),
      new DTypeError('crossEntropy', 'class labels must be int32 or uint8, received bool'),
    ],
    [
      'floating labels',
      () => F.nllLoss(logits, zeros([4])),
      new DTypeError('nllLoss', 'class labels must be int32 or uint8, received float32'),
    ],
    [
      'weights for other classes',
      () => F.crossEntropy(logits, int32([0, 1, 2, 3]), { weight: ones([9]) }),
      new ShapeError('crossEntropy', 'weight holds one number a class: expected [10], received [9]'),
    ],
    [
      'smoothing beyond 1',
      () => F.crossEntropy(logits, int32([0, 1, 2, 3]), { labelSmoothing: 2 }),
      new ValueError('crossEntropy', 'labelSmoothing must be between 0 and 1, received 2'),
    ],
    [
      'shapes that differ',
      () => F.mseLoss(ones([3, 1]), ones([3])),
      new ShapeError('mseLoss', 'input [3, 1] and target [3] differ; reshape or expand one of them'),
    ],
    [
      'dtypes that differ',
      () => F.binaryCrossEntropyWithLogits(ones([3]), int32([0, 1, 1])),
      new DTypeError(
        'binaryCrossEntropyWithLogits',
        "input is float32, target is int32; convert the target with .to('float32')",
      ),
    ],
    [
      'integer inputs',
      () => F.l1Loss(int32([1]), int32([1])),
      new DTypeError('l1Loss', "expects a floating input, received int32; convert with .to('float32')"),
    ],
    [
      'an unknown reduction',
      () => F.mseLoss(ones([3]), ones([3]), { reduction: 'max' as 'mean' }),
      new ValueError('mseLoss', "reduction must be 'mean', 'sum' or 'none', received 'max'"),
    ],
    [
      'a blank beyond the classes',
      () => F.ctcLoss(zeros([5, 2, 3]), int32([1, 2]), [5, 5], [1, 1], { blank: 3 }),
      new IndexError('ctcLoss', 'blank 3 is out of range for 3 classes: expected 0 to 2'),
    ],
    [
      'lengths of another number of samples',
      () => F.ctcLoss(zeros([5, 2, 3]), int32([1, 2]), [5], [1, 1]),
      new ShapeError('ctcLoss', 'inputLengths must hold 2 lengths, one a sample, received 1'),
    ],
    [
      'inputs longer than there is',
      () => F.ctcLoss(zeros([5, 1, 3]), int32([1, 2]), [6], [2]),
      new ValueError('ctcLoss', 'inputLengths must be whole numbers from 0 to 5, received [6]'),
    ],
    [
      'a margin of 0 for triplets',
      () => F.tripletMarginLoss(ones([1, 2]), ones([1, 2]), ones([1, 2]), { margin: 0 }),
      new ValueError('tripletMarginLoss', 'margin must be positive, received 0'),
    ],
  ])('%s', (_, fn, error) => {
    let thrown: unknown
    try {
      fn()
    } catch (caught) {
      thrown = caught
    }
    expect(thrown).toBeInstanceOf(error.constructor)
    expect((thrown as Error).message).toBe(error.message)
  })
})

describe('losses', () => {
  test('name a bad label even where only the gradient is asked for', () => {
    const x = zeros([1, 3]).requireGrad()
    F.crossEntropy(x, int32([3])).backward()
    expect(() => x.grad!.dataSync()).toThrow('class label 3 at position 0 is out of range for 3 classes')
  })

  test('ignore a label of 255 only where it is asked for, in uint8 too', () => {
    const labels = tensor([1, 255], { dtype: 'uint8' })
    const x = tensor([
      [0, 0],
      [5, 0],
    ])
    expect(F.crossEntropy(x, labels, { ignoreIndex: 255 }).itemSync()).toBeCloseTo(Math.log(2), 6)
    expect(() => F.crossEntropy(x, labels).itemSync()).toThrow(IndexError)
    expect(() => F.crossEntropy(x, tensor([1, 156], { dtype: 'uint8' })).itemSync()).toThrow(IndexError)
  })

  test('of half precision do not overflow in their sums', () => {
    const loss = F.mseLoss(full([4096], 100, { dtype: 'float16' }), zeros([4096], { dtype: 'float16' }))
    expect([loss.dtype, loss.itemSync()]).toEqual(['float16', 10_000])
  })

  test('record one node for cross-entropy of class labels', () => {
    const loss = F.crossEntropy(logits, int32([0, 1, 2, 3]), { labelSmoothing: 0.1 })
    expect(loss.node.op.name).toBe('crossEntropy')
    expect(loss.node.inputs[0]).toBe(logits.node)
  })
})
