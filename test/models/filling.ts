/** Parameters that both sides can make: the same numbers as filling.py. */
import { crc32 } from 'node:zlib'
import type { Module } from '../../src/nn/module.ts'
import { tensor } from '../../src/tensor/creation.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

/** Numbers from −1 to 1 by a hash of their position (the finaliser of MurmurHash3). */
export function uniform(seed: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => {
    let x = (i + seed) >>> 0
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1
  })
}

export function seedOf(name: string): number {
  return crc32(name)
}

/** The tensor of that name and shape. */
export function filled(name: string, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, extent) => product * extent, 1)
  if (name.endsWith('num_batches_tracked')) return tensor(new Int32Array(size), { shape })
  const x = uniform(seedOf(name), size)
  if (shape.length > 1) {
    const scale = Math.sqrt(3 / (size / shape[0]!))
    return tensor(
      Float32Array.from(x, (value) => value * scale),
      { shape },
    )
  }
  if (name.endsWith('running_var'))
    return tensor(
      Float32Array.from(x, (value) => 1 + value / 2),
      { shape },
    )
  if (name.endsWith('weight'))
    return tensor(
      Float32Array.from(x, (value) => 1 + value / 10),
      { shape },
    )
  return tensor(
    Float32Array.from(x, (value) => value / 10),
    { shape },
  )
}

/** A checkpoint with the names and shapes of `model`. */
export function checkpointFor(model: Module): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(model.stateDict()).map(([name, x]) => [name, filled(name, x.shape)]))
}
