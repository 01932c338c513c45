import { describe, expect, test } from 'vitest'
import { manualSeed, nn, noGrad, randn, ShapeError, tensor, ValueError, zeros } from '../../index.ts'

const { rnn } = nn.utils

describe('recurrent layers', () => {
  test('name their parameters as PyTorch does, in its order', () => {
    const lstm = new nn.LSTM(3, 4, { numLayers: 2, bidirectional: true, projSize: 2 })
    const names = Object.entries(lstm.stateDict()).map(([name, { shape }]) => `${name} ${shape.join('×')}`)
    expect(names.slice(0, 6)).toEqual([
      ...['weight_ih_l0 16×3', 'weight_hh_l0 16×2', 'bias_ih_l0 16', 'bias_hh_l0 16', 'weight_hr_l0 2×4'],
      'weight_ih_l0_reverse 16×3',
    ])
    expect(names[10]).toBe('weight_ih_l1 16×4')
    expect(names).toHaveLength(20)
  })

  test('record one scan for each layer and direction, whatever the length', () => {
    const gru = new nn.GRU(3, 4, { numLayers: 2, bidirectional: true })
    const idsOf = (steps: number): number => {
      const first = zeros([]).node.id
      gru.forward(randn([steps, 2, 3]))
      return zeros([]).node.id - first
    }
    idsOf(5) // The first time, the bodies themselves are recorded.
    expect(idsOf(100)).toBe(idsOf(5))
    expect(idsOf(5)).toBeLessThan(80)
  })

  test('drop outputs between layers in training only', async () => {
    manualSeed(0)
    const gru = new nn.GRU(2, 8, { numLayers: 2, dropout: 0.5 })
    const x = randn([4, 3, 2])
    const run = async (): Promise<number[]> => [...(await noGrad(() => gru.forward(x)[0]).data())]
    expect(await run()).not.toEqual(await run())
    gru.eval()
    expect(await run()).toEqual(await run())
  })

  test('refuse what does not fit', () => {
    expect(() => new nn.LSTM(3, 4).forward(zeros([5, 2, 4]))).toThrow(ShapeError)
    expect(() => new nn.LSTM(3, 4).forward(zeros([5, 2, 3]), [zeros([1, 2, 4]), zeros([1, 3, 4])])).toThrow(
      'expects an initial state [layers · directions, N, H] of [1, 2, 4], received [1, 3, 4]',
    )
    expect(() => new nn.LSTM(3, 4, { projSize: 4 })).toThrow(ValueError)
    expect(() => new nn.GRU(3, 4, { dropout: 2 })).toThrow(ValueError)
    expect(() => new nn.RNN(3, 4, { nonlinearity: 'gelu' as 'relu' })).toThrow(ValueError)
    expect(() => new nn.GRUCell(3, 4).forward(zeros([2, 4]))).toThrow(ShapeError)
    expect(() => new nn.GRUCell(3, 4).forward(zeros([2, 3]), zeros([3, 4]))).toThrow(ShapeError)
  })
})

describe('PackedSequence', () => {
  test('holds the rows of each time, longest sequence first', async () => {
    const packed = rnn.packSequence([tensor([1, 2]), tensor([3, 4, 5]), tensor([6])], { enforceSorted: false })
    expect(packed).toBeInstanceOf(rnn.PackedSequence)
    expect(packed.batchSizes).toEqual([3, 2, 1])
    expect(await packed.data.toArray()).toEqual([3, 1, 6, 4, 2, 5])
    expect(packed.sortedIndices).toEqual([1, 0, 2])
    expect(packed.unsortedIndices).toEqual([1, 0, 2])
    const [padded, lengths] = rnn.padPackedSequence(packed, { batchFirst: true })
    expect(await padded.toArray()).toEqual([
      [1, 2, 0],
      [3, 4, 5],
      [6, 0, 0],
    ])
    expect(lengths).toEqual([2, 3, 1])
  })

  test('takes lengths as a tensor, and refuses those that do not fit', () => {
    const x = zeros([4, 2, 3])
    expect(rnn.packPaddedSequence(x, tensor([4, 1], { dtype: 'int32' })).batchSizes).toEqual([2, 1, 1, 1])
    expect(() => rnn.packPaddedSequence(x, [1, 4])).toThrow('lengths [1, 4] do not fall')
    expect(() => rnn.packPaddedSequence(x, [4, 0])).toThrow(ValueError)
    expect(() => rnn.packPaddedSequence(x, [5, 4])).toThrow('expects 2 lengths from 1 to 4, received [5, 4]')
    expect(() => new rnn.PackedSequence(zeros([4, 1]), [1, 3])).toThrow(ValueError)
    expect(() => rnn.padPackedSequence(rnn.packPaddedSequence(x, [4, 4]), { totalLength: 3 })).toThrow(ValueError)
    expect(() => rnn.padSequence([zeros([2, 1]), zeros([2, 2])])).toThrow(ShapeError)
    expect(() => rnn.padSequence([])).toThrow(ValueError)
  })
})
