import { type nn, tensor } from '../../src/index.ts'
import { sizeOf } from '../../src/core/shape.ts'

/** Numbers in [−1, 1): the finaliser of MurmurHash3 of 0, 1, 2 ... */
export function uniform(count: number, seed: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    let h = (i + Math.imul(seed, 0x9e3779b9)) | 0
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1
  })
}

/** Weights uniform within √(3/fanIn), biases within 0.05; the scales of normalisation stay 1. */
export function start<T extends nn.Module>(model: T): T {
  for (const [i, [name, p]] of model.namedParameters().entries()) {
    if (p.rank === 1 && name.endsWith('weight')) continue
    const bound = p.rank > 1 ? Math.sqrt(3 / sizeOf(p.shape.slice(1))) : 0.05
    const values = uniform(p.size, i + 1).map((u) => u * bound)
    p.assign(tensor(values, { shape: p.shape, dtype: 'float32' }))
  }
  return model
}
