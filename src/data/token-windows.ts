import { ValueError } from '../core/errors.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import { checkIndex, type Dataset } from './dataset.ts'
import { Random } from './random.ts'

export interface TokenWindowOptions {
  /** Tokens a window. */
  readonly length: number
  /** Move each window by a random number of tokens below `length`, anew each epoch. Default false. */
  readonly shift?: boolean
}

/**
 * A long text cut into windows, each with the same one token later: what a language model learns from. Samples are
 * `[tokens, next]`, both int32 [length].
 */
export function tokenWindows(
  tokens: ArrayLike<number>,
  { length, shift = false }: TokenWindowOptions,
): Dataset<readonly [tokens: Tensor, next: Tensor]> {
  const text = Int32Array.from(tokens)
  const count = Math.floor((text.length - 1) / length)
  if (!Number.isInteger(length) || length < 1 || count < 1) {
    throw new ValueError('tokenWindows', `a text of ${text.length} tokens has no window of ${length} + 1`)
  }
  const last = text.length - 1 - length
  const leaf = (from: number): Tensor => new Tensor(buffer(text.slice(from, from + length), [length], 'int32'))
  return {
    length: count,
    get(index, visit) {
      const start = checkIndex('tokenWindows', index, count) * length
      const by = shift && visit ? new Random(visit.seed, { ...visit, index }).integer(length) : 0
      const from = Math.min(start + by, last)
      return [leaf(from), leaf(from + 1)] as const
    },
    nameOf: (index) => `tokens ${index * length} to ${(index + 1) * length}`,
  }
}
