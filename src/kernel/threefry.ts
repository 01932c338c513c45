import type { LaneBuilder } from '../lane/builder.ts'
import type { BufferParameter, Register } from '../lane/program.ts'

const rotations = [13, 15, 26, 6, 17, 29, 16, 24]

/** The key of a random call in every lane, and what follows from it. */
export type ThreefryKey = readonly [Register, Register, Register]

export function threefryKey(b: LaneBuilder, key: BufferParameter): ThreefryKey {
  const call = b.splat(key, 2)
  const k0 = b.iadd(b.splat(key, 0), b.imul(call, b.int(0x9e3779b9)))
  const k1 = b.ixor(b.splat(key, 1), call)
  return [k0, k1, b.ixor(b.ixor(k0, k1), b.int(0x1bd11bda))]
}

/** Both words of blocks (i32 lanes): the random bits of elements 2 · block and 2 · block + 1. Threefry-2x32-20. */
export function threefryBlocks(
  b: LaneBuilder,
  keys: ThreefryKey,
  stream: number,
  block: Register,
): [even: Register, odd: Register] {
  let x0 = b.iadd(block, keys[0])
  let x1 = b.iadd(b.int(stream), keys[1])
  for (let round = 0; round < 20; round++) {
    x0 = b.iadd(x0, x1)
    x1 = b.ixor(b.rotl(x1, rotations[round & 7]!), x0)
    if ((round & 3) === 3) {
      const s = (round >> 2) + 1
      x0 = b.iadd(x0, keys[s % 3]!)
      x1 = b.iadd(b.iadd(x1, keys[(s + 1) % 3]!), b.int(s))
    }
  }
  return [x0, x1]
}

/** Random bits of elements `at` (i32 lanes) as the op randomBits defines them. */
export function threefry(b: LaneBuilder, key: BufferParameter, stream: number, at: Register): Register {
  const [even, odd] = threefryBlocks(b, threefryKey(b, key), stream, b.shr(at, 1))
  return b.select(b.ieq(b.iand(at, b.int(1)), b.int(0)), even, odd)
}
