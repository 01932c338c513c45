import type { Tensor } from '../../../tensor/tensor.ts'
import type { Attributes } from '../attributes.ts'

/** Sizes, steps and margins of windows over the spatial dimensions. */
export interface Windows {
  readonly kernel: readonly number[]
  readonly stride: readonly number[]
  readonly dilation: readonly number[]
  /** Elements of padding before and after. */
  readonly low: readonly number[]
  readonly high: readonly number[]
}

/** The windows that the attributes of a convolution or pooling ask for on images of size `space`. */
export function windowsOf(attributes: Attributes, space: readonly number[], kernel: readonly number[]): Windows {
  const stride = attributes.numbers('strides') ?? kernel.map(() => 1)
  const dilation = attributes.numbers('dilations') ?? kernel.map(() => 1)
  const pads = attributes.numbers('pads') ?? [...kernel, ...kernel].map(() => 0)
  const auto = attributes.text('auto_pad', 'NOTSET')
  const reach = kernel.map((k, d) => (k - 1) * dilation[d]! + 1)
  if (auto === 'SAME_UPPER' || auto === 'SAME_LOWER') {
    const total = space.map((n, d) => Math.max(0, (Math.ceil(n / stride[d]!) - 1) * stride[d]! + reach[d]! - n))
    const [less, more] = [total.map((n) => Math.floor(n / 2)), total.map((n) => Math.ceil(n / 2))]
    return {
      kernel,
      stride,
      dilation,
      ...(auto === 'SAME_UPPER' ? { low: less, high: more } : { low: more, high: less }),
    }
  }
  if (auto === 'VALID') return { kernel, stride, dilation, low: kernel.map(() => 0), high: kernel.map(() => 0) }
  return { kernel, stride, dilation, low: pads.slice(0, kernel.length), high: pads.slice(kernel.length) }
}

/** With `ceil_mode` a last window counts that begins inside the input or its margin before: as much margin after as that needs. */
export function roundedUp(windows: Windows, space: readonly number[]): Windows {
  const { kernel, stride, dilation, low, high } = windows
  const more = space.map((n, d) => {
    const reach = (kernel[d]! - 1) * dilation[d]! + 1
    const room = n + low[d]! + high[d]! - reach
    const count = Math.ceil(room / stride[d]!) + 1
    const windowsThere = (count - 1) * stride[d]! >= n + low[d]! ? count - 1 : count
    return (windowsThere - 1) * stride[d]! + reach - n - low[d]!
  })
  return { ...windows, high: more }
}

/** x [N, C, ...] with margins of `value`. */
export function withMargins(x: Tensor, low: readonly number[], high: readonly number[], value = 0): Tensor {
  if ([...low, ...high].every((n) => n === 0)) return x
  return x.pad(
    low.flatMap((_, d) => [low.at(-1 - d)!, high.at(-1 - d)!]),
    { value },
  )
}
