/** Parameters that both sides can make: the same numbers as filling.py. */
import { crc32 } from 'node:zlib'
import type { Module } from '../../src/nn/module.ts'
import { tensor } from '../../src/tensor/creation.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

/** Numbers from −1 to 1 by a hash of their position (the finaliser of MurmurHash3). */
export function uniform(seed: number, count: number): Float64Array {
  const out = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    let x = (i + seed) >>> 0
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    out[i] = ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1
  }
  return out
}

export function seedOf(name: string): number {
  return crc32(name)
}

/** The tensor of that name and shape. */
export function filled(name: string, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1)
  if (name.endsWith('num_batches_tracked')) return tensor(new Int32Array(size), { shape })
  const [scale, start] = spread(name, shape, size)
  const x = uniform(seedOf(name), size).map((value) => start + value * scale)
  return tensor(new Float32Array(x), { shape })
}

/** How far values are from what they lie around. */
function spread(name: string, shape: readonly number[], size: number): [scale: number, start: number] {
  if (shape.length > 1) return [Math.sqrt(3 / (size / shape[0]!)), 0]
  if (name.endsWith('running_var')) return [1 / 2, 1]
  return [1 / 10, name.endsWith('weight') ? 1 : 0]
}

/** A checkpoint with the names and shapes of `model`. */
export function checkpointFor(model: Module): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(model.stateDict()).map(([name, x]) => [name, filled(name, x.shape)]))
}
