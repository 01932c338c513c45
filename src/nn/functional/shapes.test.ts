import { describe, expect, test } from 'vitest'
import { DTypeError, type GradusError, IndexError, ShapeError, ValueError } from '../../core/errors.ts'
import { ones, tensor, zeros } from '../../index.ts'
import * as F from './index.ts'

type Refusal = readonly [call: string, fn: () => unknown, error: GradusError]

function refuses(cases: readonly Refusal[]): void {
  test.each(cases)('%s', (_, fn, error) => {
    let thrown: unknown
    try {
      fn()
    } catch (caught) {
      thrown = caught
    }
    expect(thrown).toBeInstanceOf(error.constructor)
    expect((thrown as Error).message).toBe(error.message)
  })
}

const x = zeros([2, 3, 8, 8])
const w = zeros([4, 3, 3, 3])

describe('convolution refuses', () => {
  refuses([
    [
      'channels that differ',
      () => F.conv2d(zeros([2, 5, 8, 8]), w),
      new ShapeError(
        'conv2d',
        'input [2, 5, 8, 8] has 5 channels; with groups = 1 the weight must be [Cout, 5, 2 kernel sizes], received [4, 3, 3, 3]',
      ),
    ],
    [
      'an input of another rank',
      () => F.conv2d(zeros([8, 8]), w),
      new ShapeError('conv2d', 'expects an input [N, C, H, W] (or one without N), received [8, 8]'),
    ],
    [
      'a kernel larger than the input',
      () => F.conv2d(zeros([1, 3, 2, 2]), w),
      new ShapeError('conv2d', 'kernel [3, 3] (dilation [1, 1]) is larger than the input [2, 2] padded by [0, 0]'),
    ],
    [
      'groups that do not divide',
      () => F.conv2d(x, w, null, { groups: 2 }),
      new ValueError('conv2d', 'groups must divide the 3 input channels, received 2'),
    ],
    [
      'a bias of another size',
      () => F.conv2d(x, w, ones([3])),
      new ShapeError('conv2d', 'bias must be [4], one number an output channel, received [3]'),
    ],
    [
      'parameters of another dtype',
      () => F.conv2d(x.to('float64'), w),
      new DTypeError('conv2d', 'input is float64, parameters are float32; convert one with .to(dtype)'),
    ],
    [
      "padding 'same' with a stride",
      () => F.conv2d(x, w, null, { padding: 'same', stride: 2 }),
      new ValueError('conv2d', "padding 'same' needs stride 1, received [2, 2]; give the padding as numbers"),
    ],
    [
      'a stride of 0',
      () => F.conv2d(x, w, null, { stride: 0 }),
      new ValueError('conv2d', 'stride must be whole and ≥ 1, received [0, 0]'),
    ],
    [
      'three strides for two dimensions',
      () => F.conv2d(x, w, null, { stride: [1, 1, 1] }),
      new ValueError('conv2d', 'stride takes one number or 2, received [1, 1, 1]'),
    ],
    [
      'an output padding as large as the stride',
      () => F.convTranspose2d(x, zeros([3, 4, 3, 3]), null, { outputPadding: 1 }),
      new ValueError('convTranspose2d', 'outputPadding [1, 1] must be smaller than stride [1, 1] or dilation [1, 1]'),
    ],
    [
      'a transposed weight that does not fit',
      () => F.convTranspose2d(x, zeros([4, 3, 3, 3])),
      new ShapeError(
        'convTranspose2d',
        'input [2, 3, 8, 8] has 3 channels; the weight must be [3, Cout / groups, 2 kernel sizes], received [4, 3, 3, 3]',
      ),
    ],
  ])
})

describe('pooling refuses', () => {
  refuses([
    [
      'a window larger than the input',
      () => F.maxPool2d(x, 9),
      new ShapeError('maxPool2d', 'kernel [9, 9] (dilation [1, 1]) is larger than the input [8, 8] padded by [0, 0]'),
    ],
    [
      'padding beyond half of the kernel',
      () => F.avgPool2d(x, 2, { padding: 2 }),
      new ValueError('avgPool2d', 'padding must be at most half of the kernel [2, 2], received [2, 2]'),
    ],
    [
      'a divisor of 0',
      () => F.avgPool2d(x, 2, { divisorOverride: 0 }),
      new ValueError('avgPool2d', 'divisorOverride must not be 0 and is for two and three dimensions, received 0'),
    ],
    [
      'an adaptive size of 0',
      () => F.adaptiveAvgPool2d(x, [0, 1]),
      new ValueError('adaptiveAvgPool2d', 'outputSize must be whole and ≥ 1, received [0, 1]'),
    ],
    [
      'more fractional windows than fit',
      () => F.fractionalMaxPool2d(x, 3, { outputSize: 7 }),
      new ShapeError(
        'fractionalMaxPool2d',
        '[7, 7] windows of [3, 3] do not fit into [8, 8]: output + kernel − 1 must be at most the input',
      ),
    ],
    [
      'an output that pooling cannot have come from',
      () => F.maxUnpool2d(zeros([1, 1, 2, 2]), zeros([1, 1, 2, 2], { dtype: 'int32' }), 2, { outputSize: [6, 4] }),
      new ValueError('maxUnpool2d', 'outputSize [6, 4] must be less than one stride [2, 2] from [4, 4]'),
    ],
    [
      'an index outside of what is unpooled',
      () => F.maxUnpool1d(ones([1, 2]), tensor([[0, 9]], { dtype: 'int32' }), 2).dataSync(),
      new IndexError('maxUnpool1d', 'index 9 at position 1 is out of range for dim 1 of size 4'),
    ],
  ])
})

describe('resizing and sampling refuse', () => {
  refuses([
    [
      'neither size nor factor',
      () => F.interpolate(x, {}),
      new ValueError('interpolate', 'expects either size or scaleFactor, not both and not neither'),
    ],
    [
      'a mode for another rank',
      () => F.interpolate(x, { size: 2, mode: 'linear' }),
      new ShapeError(
        'interpolate',
        "mode 'linear' takes an input with 1 spatial dimensions after [N, C], received [2, 3, 8, 8]",
      ),
    ],
    [
      'a grid of another rank',
      () => F.gridSample(x, zeros([2, 4, 4, 3])),
      new ShapeError(
        'gridSample',
        'expects [N, C, H, W] with a grid [N, H′, W′, 2], or [N, C, D, H, W] with [N, D′, H′, W′, 3]; received [2, 3, 8, 8] and [2, 4, 4, 3]',
      ),
    ],
    [
      'channels that do not shuffle',
      () => F.pixelShuffle(x, 2),
      new ShapeError('pixelShuffle', 'expects [.., C · 4, H, W], received [2, 3, 8, 8]'),
    ],
    [
      'columns that do not fold',
      () => F.fold(zeros([1, 4, 5]), 4, 2),
      new ShapeError('fold', 'expects [N, C · 4, 9] for an output [4, 4], received [1, 4, 5]'),
    ],
    [
      'reflection of more than there is',
      () => F.pad(zeros([1, 1, 3]), [3, 0], { mode: 'reflect' }),
      new ShapeError('pad', 'reflect padding (3, 0) does not fit dim 2 of [1, 1, 3]: at most 2'),
    ],
  ])
})

describe('tables and attention refuse', () => {
  const table = zeros([5, 2])
  refuses([
    [
      'an index outside of the table',
      () => F.embedding(tensor([1, 5], { dtype: 'int32' }), table).dataSync(),
      new IndexError('embedding', 'index 5 at position 1 is out of range for dim 0 of size 5'),
    ],
    [
      'floating indices',
      () => F.embedding(tensor([1.5]), table),
      new DTypeError('embedding', 'indices must be int32 or uint8, received float32'),
    ],
    [
      'a padding row that is not there',
      () => F.embedding(tensor([1], { dtype: 'int32' }), table, { paddingIdx: 5 }),
      new IndexError('embedding', 'paddingIdx 5 is out of range for 5 rows: expected -5 to 4'),
    ],
    [
      'bags without offsets',
      () => F.embeddingBag(tensor([1], { dtype: 'int32' }), table),
      new ShapeError(
        'embeddingBag',
        'expects an index [B, L] without offsets, or [n] with offsets [B]; received [1] and none',
      ),
    ],
    [
      'keys of another width',
      () => F.scaledDotProductAttention(zeros([2, 3, 4]), zeros([2, 5, 3]), zeros([2, 5, 3])),
      new ShapeError(
        'scaledDotProductAttention',
        'expects query [.., L, E], key [.., S, E] and value [.., S, Ev], received [2, 3, 4], [2, 5, 3] and [2, 5, 3]',
      ),
    ],
    [
      'a mask beside causality',
      () => F.scaledDotProductAttention(table, table, table, { isCausal: true, attnMask: zeros([5, 5]) }),
      new ValueError('scaledDotProductAttention', 'expects either attnMask or isCausal, not both'),
    ],
    [
      'glu of an odd size',
      () => F.glu(zeros([2, 3])),
      new ShapeError('glu', 'dim -1 must have an even size, received [2, 3]'),
    ],
    [
      'slopes that fit no channel',
      () => F.prelu(zeros([2, 3]), zeros([2])),
      new ShapeError('prelu', 'weight must be [1] or [3], one number a channel of [2, 3], received [2]'),
    ],
    [
      'an activation of integers',
      () => F.gelu(zeros([2], { dtype: 'int32' })),
      new DTypeError('gelu', "expects a floating dtype, received int32; convert with .to('float32')"),
    ],
  ])
})
