import { buffer } from '../../graph/ops/leaves.ts'
import { Tensor } from '../../tensor/tensor.ts'
import { allocate } from '../../core/dtype.ts'
import type { Random } from '../random.ts'

/** What changes a text's token numbers [T] or a series [T, C]. */
export type SequenceTransform = (sequence: Tensor, random: Random) => Tensor

export interface TokenDropoutOptions {
  /** How often each token goes. Default 0.1. */
  readonly p?: number
  /** What takes its place. Default: nothing, the text gets shorter (by all but one token at most). */
  readonly replacement?: number
}

/** Leaves out or replaces tokens at random (Iyyer et al. 2015). */
export function tokenDropout({ p = 0.1, replacement }: TokenDropoutOptions = {}): SequenceTransform {
  return (tokens, random) => {
    const ids = tokens.dataSync()
    const gone = Array.from(ids, () => random.chance(p))
    if (replacement !== undefined)
      return like(
        tokens,
        ids.map((id, i) => (gone[i] ? replacement : id)),
      )
    const kept = ids.filter((_, i) => !gone[i])
    return like(tokens, kept.length > 0 || ids.length === 0 ? kept : ids.slice(0, 1))
  }
}

/** A stretch of `length` steps from anywhere; shorter sequences stay as they are. For texts [T] and series [T, C]. */
export function randomSpan(length: number): SequenceTransform {
  return (sequence, random) => {
    const steps = sequence.shape[0] ?? 0
    if (steps <= length) return sequence
    const row = sequence.size / steps
    const from = random.integer(steps - length + 1)
    return like(sequence, sequence.dataSync().subarray(from * row, (from + length) * row))
  }
}

/** A tensor of the same dtype and row shape with these values. */
export function like(sequence: Tensor, values: ArrayLike<number>): Tensor {
  const { dtype, shape } = sequence
  const row = shape.slice(1)
  const size = row.reduce((all, side) => all * side, 1)
  const stored = allocate(dtype, values.length)
  stored.set(values)
  return new Tensor(buffer(stored, [values.length / size, ...row], dtype))
}
