import { ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { zeros } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { type Size, sizes } from '../functional/arguments.ts'
import {
  type ConvTransposeOptions,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from '../functional/convolution.ts'
import { Module } from '../module.ts'
import { Parameter } from '../parameter.ts'
import { checkWhole, type ParameterizedOptions } from './arguments.ts'
import { checkGroups } from './conv.ts'
import { resetLikeLinear } from './linear.ts'

export interface ConvTransposeLayerOptions extends ConvTransposeOptions, ParameterizedOptions {
  /** Whether to add a learned bias to each output channel. Default true. */
  readonly bias?: boolean
}

/** What the three transposed convolutions have in common. */
abstract class TransposedConvolution extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: readonly number[]
  readonly stride: readonly number[]
  readonly padding: readonly number[]
  readonly outputPadding: readonly number[]
  readonly dilation: readonly number[]
  readonly groups: number
  weight: Parameter
  bias: Parameter | undefined

  constructor(
    rank: number,
    inChannels: number,
    outChannels: number,
    kernelSize: Size,
    {
      stride = 1,
      padding = 0,
      outputPadding = 0,
      groups = 1,
      bias = true,
      dilation = 1,
      dtype = 'float32',
    }: ConvTransposeLayerOptions,
  ) {
    super()
    const name = new.target.name
    this.inChannels = checkWhole(name, 'inChannels', inChannels)
    this.outChannels = checkWhole(name, 'outChannels', outChannels)
    this.groups = checkGroups(name, groups, inChannels, outChannels)
    this.kernelSize = sizes(name, 'kernelSize', kernelSize, rank, 1)
    this.stride = sizes(name, 'stride', stride, rank, 1)
    this.padding = sizes(name, 'padding', padding, rank, 0)
    this.outputPadding = sizes(name, 'outputPadding', outputPadding, rank, 0)
    this.dilation = sizes(name, 'dilation', dilation, rank, 1)
    this.weight = new Parameter(zeros([inChannels, outChannels / groups, ...this.kernelSize], { dtype }))
    this.bias = bias ? new Parameter(zeros([outChannels], { dtype })) : undefined
    this.resetParameters()
  }

  resetParameters(): void {
    resetLikeLinear(this.weight, this.bias)
  }

  /** What the functional form takes as options; the output padding is worked out where `outputSize` is given. */
  protected options(x: Tensor, outputSize: readonly number[] | undefined): ConvTransposeOptions {
    const { stride, padding, groups, dilation } = this
    return { stride, padding, outputPadding: this.outputPaddingFor(x, outputSize), groups, dilation }
  }

  private outputPaddingFor(x: Tensor, outputSize: readonly number[] | undefined): readonly number[] {
    if (!outputSize) return this.outputPadding
    const { kernelSize, stride, padding, dilation } = this
    const wanted = outputSize.slice(-kernelSize.length)
    const smallest = x.shape
      .slice(-kernelSize.length)
      .map((size, d) => (size - 1) * stride[d]! - 2 * padding[d]! + dilation[d]! * (kernelSize[d]! - 1) + 1)
    const extra = smallest.map((size, d) => (wanted[d] ?? Number.NaN) - size)
    if (extra.every((n, d) => n >= 0 && n < Math.max(stride[d]!, dilation[d]!))) return extra
    const largest = smallest.map((size, d) => size + Math.max(stride[d]!, dilation[d]!) - 1)
    throw new ShapeError(
      this.constructor.name,
      `an input ${formatShape(x.shape)} gives sizes from ${formatShape(smallest)} to ${formatShape(largest)}, asked for ${formatShape(outputSize)}`,
    )
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding, outputPadding, dilation, groups, bias } = this
    const unless = (usual: number, values: readonly number[]): readonly number[] | undefined =>
      values.every((n) => n === usual) ? undefined : values
    return `${inChannels}, ${outChannels}, ${describe({
      kernelSize,
      stride,
      padding: unless(0, padding),
      outputPadding: unless(0, outputPadding),
      dilation: unless(1, dilation),
      groups: groups === 1 ? undefined : groups,
      bias: bias ? undefined : false,
    })}`
  }
}

/** Transposed convolution over one dimension: x [N, inChannels, L] → [N, outChannels, L′]. See {@link ConvTranspose2d}. */
export class ConvTranspose1d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options: ConvTransposeLayerOptions = {}) {
    super(1, inChannels, outChannels, kernelSize, options)
  }

  forward(x: Tensor, outputSize?: readonly number[]): Tensor {
    return convTranspose1d(x, this.weight, this.bias, this.options(x, outputSize))
  }
}

/**
 * Transposed convolution, the derivative of {@link Conv2d} by its input: x [N, inChannels, H, W] → [N, outChannels, H′, W′]
 * with H′ = (H − 1) · stride − 2 · padding + dilation · (KH − 1) + outputPadding + 1. With a stride several sizes H′ are
 * possible: `forward(x, outputSize)` chooses one. Weight [inChannels, outChannels / groups, KH, KW] and bias [outChannels]
 * start uniform on ±1 / √(outChannels / groups · KH · KW).
 */
export class ConvTranspose2d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options: ConvTransposeLayerOptions = {}) {
    super(2, inChannels, outChannels, kernelSize, options)
  }

  forward(x: Tensor, outputSize?: readonly number[]): Tensor {
    return convTranspose2d(x, this.weight, this.bias, this.options(x, outputSize))
  }
}

/** Transposed convolution over three dimensions: x [N, inChannels, D, H, W] → [N, outChannels, D′, H′, W′]. See {@link ConvTranspose2d}. */
export class ConvTranspose3d extends TransposedConvolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options: ConvTransposeLayerOptions = {}) {
    super(3, inChannels, outChannels, kernelSize, options)
  }

  forward(x: Tensor, outputSize?: readonly number[]): Tensor {
    return convTranspose3d(x, this.weight, this.bias, this.options(x, outputSize))
  }
}
