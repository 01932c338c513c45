import { ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { wrap } from '../../tensor/base.ts'
import { extend, type PaddingMode } from '../../tensor/padding.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface PadOptions {
  /** A constant, the mirror image without the edge, the edge repeated, or the other end. Default `'constant'`. */
  readonly mode?: 'constant' | PaddingMode
  /** The constant. Default 0. */
  readonly value?: number
}

const modes: readonly string[] = ['constant', 'reflect', 'replicate', 'circular']

/**
 * Surrounds x. `padding` lists [before, after] of the last dimension, then of the one before it, and so on; negative
 * amounts crop. Throws a {@link ShapeError} where a dimension is too short to be continued in this mode.
 */
export function pad(x: Tensor, padding: readonly number[], { mode = 'constant', value = 0 }: PadOptions = {}): Tensor {
  if (!modes.includes(mode)) throw new ValueError('pad', `mode must be one of ${modes.join(', ')}, received '${mode}'`)
  if (mode === 'constant') return x.pad(padding, { value })
  const count = padding.length / 2
  if (!padding.every(Number.isInteger) || !Number.isInteger(count) || count > x.rank) {
    throw new ValueError(
      'pad',
      `expects whole numbers [before, after] for up to ${x.rank} dimensions, last first; received ${formatShape(padding)}`,
    )
  }
  let { node } = x
  for (let i = 0; i < count; i++) {
    node = extend('pad', node, x.rank - 1 - i, padding[2 * i]!, padding[2 * i + 1]!, mode)
  }
  return wrap(node)
}
