import { describe, expect, test } from 'vitest'
import { manualSeed, nn, noGrad, ShapeError, type Tensor, tensor, ValueError, randn } from '../index.ts'

const layerOptions = { dimFeedforward: 16, dropout: 0, batchFirst: true }

async function expectNear(actual: Tensor, expected: Tensor): Promise<void> {
  expect(actual.shape).toEqual(expected.shape)
  const [a, b] = [await actual.data(), await expected.data()]
  for (let i = 0; i < a.length; i++) expect(Math.abs(a[i]! - b[i]!)).toBeLessThan(1e-5)
}

describe('KeyValueCache', () => {
  test('gives what the whole causal sequence gives, piece by piece, while its room grows', async () => {
    manualSeed(1)
    const encoder = new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(8, 2, layerOptions), 2).eval()
    const x = randn([2, 11, 8])
    const whole = encoder.forward(x, { isCausal: true })
    const cache = new nn.KeyValueCache({ capacity: 3 })
    let at = 0
    for (const count of [2, 1, 1, 4, 1, 2]) {
      const piece = noGrad(() => encoder.forward(x.narrow(1, at, count), { cache }))
      await expectNear(piece, whole.narrow(1, at, count))
      expect([...(await cache.positions(count).data())]).toEqual(Array.from({ length: count }, (_, i) => at + i))
      cache.advance(count)
      at += count
    }
    expect(cache.length).toBe(11)
  })

  test('serves a decoder layer, whose memory stays', async () => {
    manualSeed(2)
    const decoder = new nn.TransformerDecoder(() => new nn.TransformerDecoderLayer(8, 2, layerOptions), 2).eval()
    const [x, memory] = [randn([1, 4, 8]), randn([1, 3, 8])]
    const whole = decoder.forward(x, memory, { tgtIsCausal: true })
    const cache = new nn.KeyValueCache()
    for (let t = 0; t < 4; t++) {
      await expectNear(decoder.forward(x.narrow(1, t, 1), memory, { cache }), whole.narrow(1, t, 1))
      cache.advance(1)
    }
  })

  test('reorders the batch, and forgets', async () => {
    const cache = new nn.KeyValueCache({ capacity: 2 })
    const keys = tensor([1, 2, 3], { shape: [3, 1, 1, 1] })
    cache.update(0, keys, keys.mul(10))
    cache.advance(1)
    cache.reorder(tensor([2, 2, 0], { dtype: 'int32' }))
    const all = cache.update(0, keys, keys)
    expect([...(await all.keys.data())]).toEqual([3, 1, 3, 2, 1, 3])
    expect([...(await all.values.data())]).toEqual([30, 1, 30, 2, 10, 3])
    expect([...(await all.mask.data())]).toEqual([1, 1])
    cache.clear()
    expect(cache.length).toBe(0)
    expect([...(await cache.update(0, keys, keys).keys.data())]).toEqual([1, 0, 2, 0, 3, 0])
  })

  test('refuses what does not fit', () => {
    expect(() => new nn.KeyValueCache({ capacity: 0 })).toThrow(ValueError)
    const cache = new nn.KeyValueCache()
    cache.update(0, randn([1, 2, 1, 4]), randn([1, 2, 1, 4]))
    expect(() => cache.update(0, randn([2, 2, 1, 4]), randn([2, 2, 1, 4]))).toThrow(ShapeError)
    expect(() => cache.update(2, randn([1, 2, 1, 4]), randn([1, 2, 1, 4]))).toThrow('layer 2 comes before layer 1')
    const attention = new nn.MultiheadAttention(4, 2, { addZeroAttn: true })
    const x = randn([1, 4])
    expect(() => attention.forward(x, x, x, { cache: { store: cache, layer: 0 } })).toThrow(ValueError)
  })
})
