import { avgPool2d, maxPool2d } from '../../nn/functional/pooling.ts'
import { ones } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Elements that TensorFlow adds so that a window of `size` gives ⌈n / stride⌉ outputs; the odd one at the end. */
function sameMargins(n: number, size: number, stride: number): [before: number, after: number] {
  const total = Math.max(0, (Math.ceil(n / stride) - 1) * stride + size - n)
  return [Math.floor(total / 2), Math.ceil(total / 2)]
}

/** Images [N, C, H, W] with the margin that TensorFlow's padding `same` has for windows of `sizes`. */
export function samePadded(x: Tensor, sizes: readonly number[], strides: readonly number[], value = 0): Tensor {
  const margins = (d: 0 | 1): [number, number] => sameMargins(x.shape[d + 2]!, sizes[d]!, strides[d]!)
  const [rows, columns] = [margins(0), margins(1)]
  return [...rows, ...columns].some((n) => n > 0) ? x.pad([...columns, ...rows], { value }) : x
}

export interface PoolOptions {
  readonly kernelSize: readonly number[]
  readonly stride: readonly number[]
  /** Whether windows may reach over the border, whose elements do not count. */
  readonly same: boolean
}

/** Pooling of images [N, C, H, W] as TensorFlow does it. */
export function pool(kind: 'maximum' | 'average', x: Tensor, { kernelSize, stride, same }: PoolOptions): Tensor {
  const size = [...kernelSize]
  const options = { stride: [...stride] }
  if (kind === 'maximum')
    return maxPool2d(same ? samePadded(x, size, stride, Number.NEGATIVE_INFINITY) : x, size, options)
  const padded = same ? samePadded(x, size, stride) : x
  const mean = avgPool2d(padded, size, options)
  if (padded === x) return mean
  const inside = samePadded(ones([1, 1, ...x.shape.slice(2)]), size, stride)
  return mean.div(avgPool2d(inside, size, options))
}
