import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add } from '../../graph/ops/arithmetic.ts'
import { conv, type Convolution, convolvedSize } from '../../graph/ops/conv.ts'
import { flip, permute, reshape } from '../../graph/ops/views.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { batchedOne, type Size, sizes } from './arguments.ts'

export interface ConvOptions {
  /** Step between windows. Default 1. */
  readonly stride?: Size
  /** Zeros on both sides; `'same'` keeps the size (stride 1 only), `'valid'` adds none. Default 0. */
  readonly padding?: Size | 'same' | 'valid'
  /** Distance between kernel elements. Default 1. */
  readonly dilation?: Size
  /** Channels fall into this many groups that do not mix. Default 1. */
  readonly groups?: number
}

export interface ConvTransposeOptions {
  /** Distance that neighbouring inputs have in the output. Default 1. */
  readonly stride?: Size
  /** Taken from both sides of the output. Default 0. */
  readonly padding?: Size
  /** Added to one side of the output, which several sizes would otherwise map to. Default 0. */
  readonly outputPadding?: Size
  /** Channels fall into this many groups that do not mix. Default 1. */
  readonly groups?: number
  /** Distance between kernel elements. Default 1. */
  readonly dilation?: Size
}

/** x [N, Cin, L], weight [Cout, Cin / groups, K], bias [Cout] → [N, Cout, L′]. See {@link conv2d}. */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvOptions = {}): Tensor {
  return convolution('conv1d', 1, x, weight, bias, options)
}

/**
 * Cross-correlation: x [N, Cin, H, W], weight [Cout, Cin / groups, KH, KW], bias [Cout] → [N, Cout, H′, W′] with
 * H′ = ⌊(H + 2 · padding − dilation · (KH − 1) − 1) / stride⌋ + 1; the batch dimension may be left out.
 * Throws a {@link ShapeError} where channels do not fit or the kernel is larger than the padded input.
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvOptions = {}): Tensor {
  return convolution('conv2d', 2, x, weight, bias, options)
}

/** x [N, Cin, D, H, W], weight [Cout, Cin / groups, KD, KH, KW], bias [Cout] → [N, Cout, D′, H′, W′]. See {@link conv2d}. */
export function conv3d(x: Tensor, weight: Tensor, bias?: Tensor | null, options: ConvOptions = {}): Tensor {
  return convolution('conv3d', 3, x, weight, bias, options)
}

/** x [N, Cin, L], weight [Cin, Cout / groups, K], bias [Cout] → [N, Cout, L′]. See {@link convTranspose2d}. */
export function convTranspose1d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: ConvTransposeOptions = {},
): Tensor {
  return transposed('convTranspose1d', 1, x, weight, bias, options)
}

/**
 * Transposed convolution, the derivative of {@link conv2d} by its input: x [N, Cin, H, W],
 * weight [Cin, Cout / groups, KH, KW], bias [Cout] → [N, Cout, H′, W′] with
 * H′ = (H − 1) · stride − 2 · padding + dilation · (KH − 1) + outputPadding + 1.
 */
export function convTranspose2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: ConvTransposeOptions = {},
): Tensor {
  return transposed('convTranspose2d', 2, x, weight, bias, options)
}

/** x [N, Cin, D, H, W], weight [Cin, Cout / groups, KD, KH, KW] → [N, Cout, D′, H′, W′]. See {@link convTranspose2d}. */
export function convTranspose3d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor | null,
  options: ConvTransposeOptions = {},
): Tensor {
  return transposed('convTranspose3d', 3, x, weight, bias, options)
}

/** One-dimensional convolution of time, batch, channels: x [T, N, Cin], weight [K, Cin, Cout], bias [Cout] → [T′, N, Cout]. */
export function convTbc(x: Tensor, weight: Tensor, bias: Tensor, pad = 0): Tensor {
  if (x.rank !== 3 || weight.rank !== 3) {
    throw new ShapeError(
      'convTbc',
      `expects an input [T, N, C] and a weight [K, Cin, Cout], received ${formatShape(x.shape)} and ${formatShape(weight.shape)}`,
    )
  }
  const y = convolution('convTbc', 1, x.permute(1, 2, 0), weight.permute(2, 1, 0), bias, { padding: pad })
  return y.permute(2, 0, 1)
}

function checkParameters(op: string, x: Tensor, weight: Tensor, bias: Tensor | null | undefined, out: number): void {
  for (const other of [weight, ...(bias ? [bias] : [])]) {
    if (other.dtype !== x.dtype) {
      throw new DTypeError(op, `input is ${x.dtype}, parameters are ${other.dtype}; convert one with .to(dtype)`)
    }
  }
  if (bias && (bias.rank !== 1 || bias.shape[0] !== out)) {
    throw new ShapeError(op, `bias must be [${out}], one number an output channel, received ${formatShape(bias.shape)}`)
  }
}

function checkGroups(op: string, groups: number, channels: number, what: string): void {
  if (!Number.isInteger(groups) || groups < 1 || channels % groups !== 0) {
    throw new ValueError(op, `groups must divide the ${channels} ${what} channels, received ${groups}`)
  }
}

/** y [N, G, C / G, ...] to [N, C, ...], plus the bias. */
function joinGroups(y: Node, bias: Tensor | null | undefined): Node {
  const [n, g, c, ...space] = y.shape as [number, number, number, ...number[]]
  const joined = reshape(y, [n, g * c, ...space])
  return bias ? add(joined, reshape(bias.node, [g * c, ...space.map(() => 1)])) : joined
}

function convolution(
  op: string,
  rank: number,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions,
): Tensor {
  const steps = sizes(op, 'stride', stride, rank, 1)
  const dilations = sizes(op, 'dilation', dilation, rank, 1)
  return batchedOne(op, x, rank, (input) => {
    const [n, channels, ...space] = input.shape as [number, number, ...number[]]
    const [out, own, ...kernel] = weight.shape as [number, number, ...number[]]
    checkGroups(op, groups, channels, 'input')
    if (weight.rank !== rank + 2 || own * groups !== channels) {
      throw new ShapeError(
        op,
        `input ${formatShape(x.shape)} has ${channels} channels; with groups = ${groups} the weight must be [Cout, ${channels / groups}, ${rank} kernel sizes], received ${formatShape(weight.shape)}`,
      )
    }
    checkGroups(op, groups, out, 'output')
    checkParameters(op, x, weight, bias, out)
    const [low, high] = paddings(op, padding, steps, dilations, kernel)
    const attrs: Convolution = {
      stride: steps,
      low,
      high,
      inputDilation: steps.map(() => 1),
      kernelDilation: dilations,
    }
    if (space.some((size, d) => convolvedSize(size, kernel[d]!, d, attrs) < 1)) {
      throw new ShapeError(
        op,
        `kernel ${formatShape(kernel)} (dilation ${formatShape(dilations)}) is larger than the input ${formatShape(space)} padded by ${formatShape(low)}`,
      )
    }
    const y = conv(
      reshape(input, [n, groups, channels / groups, ...space]),
      reshape(weight.node, [groups, out / groups, own, ...kernel]),
      attrs,
    )
    return joinGroups(y, bias)
  })
}

/** Zeros before and after. */
function paddings(
  op: string,
  padding: Size | 'same' | 'valid',
  stride: readonly number[],
  dilation: readonly number[],
  kernel: readonly number[],
): [readonly number[], readonly number[]] {
  if (padding === 'valid') return [kernel.map(() => 0), kernel.map(() => 0)]
  if (padding === 'same') {
    if (stride.some((n) => n !== 1)) {
      throw new ValueError(
        op,
        `padding 'same' needs stride 1, received ${formatShape(stride)}; give the padding as numbers`,
      )
    }
    const total = kernel.map((k, d) => (k - 1) * dilation[d]!)
    return [total.map((n) => Math.floor(n / 2)), total.map((n) => Math.ceil(n / 2))]
  }
  if (typeof padding === 'string') {
    throw new ValueError(op, `padding must be a size, 'same' or 'valid', received '${String(padding)}'`)
  }
  const both = sizes(op, 'padding', padding, kernel.length, 0)
  return [both, both]
}

function transposed(
  op: string,
  rank: number,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null | undefined,
  { stride = 1, padding = 0, outputPadding = 0, groups = 1, dilation = 1 }: ConvTransposeOptions,
): Tensor {
  const steps = sizes(op, 'stride', stride, rank, 1)
  const pads = sizes(op, 'padding', padding, rank, 0)
  const extra = sizes(op, 'outputPadding', outputPadding, rank, 0)
  const dilations = sizes(op, 'dilation', dilation, rank, 1)
  if (extra.some((n, d) => n >= steps[d]! && n >= dilations[d]!)) {
    throw new ValueError(
      op,
      `outputPadding ${formatShape(extra)} must be smaller than stride ${formatShape(steps)} or dilation ${formatShape(dilations)}`,
    )
  }
  return batchedOne(op, x, rank, (input) => {
    const [n, channels, ...space] = input.shape as [number, number, ...number[]]
    const [own, out, ...kernel] = weight.shape as [number, number, ...number[]]
    if (weight.rank !== rank + 2 || own !== channels) {
      throw new ShapeError(
        op,
        `input ${formatShape(x.shape)} has ${channels} channels; the weight must be [${channels}, Cout / groups, ${rank} kernel sizes], received ${formatShape(weight.shape)}`,
      )
    }
    checkGroups(op, groups, channels, 'input')
    checkParameters(op, x, weight, bias, out * groups)
    const spatial = kernel.map((_, d) => d + 3)
    const low = kernel.map((k, d) => dilations[d]! * (k - 1) - pads[d]!)
    const attrs: Convolution = {
      stride: steps.map(() => 1),
      low,
      high: low.map((amount, d) => amount + extra[d]!),
      inputDilation: steps,
      kernelDilation: dilations,
    }
    if (space.some((size, d) => convolvedSize(size, kernel[d]!, d, attrs) < 1)) {
      throw new ShapeError(
        op,
        `padding ${formatShape(pads)} leaves nothing of the output for input ${formatShape(x.shape)} and kernel ${formatShape(kernel)}`,
      )
    }
    const grouped = reshape(weight.node, [groups, channels / groups, out, ...kernel])
    const y = conv(
      reshape(input, [n, groups, channels / groups, ...space]),
      flip(permute(grouped, [0, 2, 1, ...spatial]), spatial),
      attrs,
    )
    return joinGroups(y, bias)
  })
}
