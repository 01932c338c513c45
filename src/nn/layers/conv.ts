import { ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { wrap } from '../../tensor/base.ts'
import { zeros } from '../../tensor/creation.ts'
import { extend } from '../../tensor/padding.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { type Size, sizes } from '../functional/arguments.ts'
import { conv1d, conv2d, conv3d } from '../functional/convolution.ts'
import { Module } from '../module.ts'
import { Parameter } from '../parameter.ts'
import { checkWhole, type ParameterizedOptions } from './arguments.ts'
import { resetLikeLinear } from './linear.ts'

/** What lies outside the input: zeros, its mirror image, its border, or its other end. */
export type PaddingMode = 'zeros' | 'reflect' | 'replicate' | 'circular'

export interface ConvLayerOptions extends ParameterizedOptions {
  /** Step between windows. Default 1. */
  readonly stride?: Size
  /** Elements added on both sides; `'same'` keeps the size (stride 1 only), `'valid'` adds none. Default 0. */
  readonly padding?: Size | 'same' | 'valid'
  /** Distance between kernel elements. Default 1. */
  readonly dilation?: Size
  /** Channels fall into this many groups that do not mix. Default 1. */
  readonly groups?: number
  /** Whether to add a learned bias to each output channel. Default true. */
  readonly bias?: boolean
  /** What the added elements are. Default `'zeros'`. */
  readonly paddingMode?: PaddingMode
}

const paddingModes: readonly string[] = ['zeros', 'reflect', 'replicate', 'circular']

/** What Conv1d, Conv2d and Conv3d have in common. */
abstract class Convolution extends Module {
  readonly inChannels: number
  readonly outChannels: number
  readonly kernelSize: readonly number[]
  readonly stride: readonly number[]
  readonly padding: readonly number[] | 'same' | 'valid'
  readonly dilation: readonly number[]
  readonly groups: number
  readonly paddingMode: PaddingMode
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
      dilation = 1,
      groups = 1,
      bias = true,
      paddingMode = 'zeros',
      dtype = 'float32',
    }: ConvLayerOptions,
  ) {
    super()
    const name = new.target.name
    this.inChannels = checkWhole(name, 'inChannels', inChannels)
    this.outChannels = checkWhole(name, 'outChannels', outChannels)
    this.groups = checkGroups(name, groups, inChannels, outChannels)
    this.kernelSize = sizes(name, 'kernelSize', kernelSize, rank, 1)
    this.stride = sizes(name, 'stride', stride, rank, 1)
    this.padding = typeof padding === 'string' ? padding : sizes(name, 'padding', padding, rank, 0)
    this.dilation = sizes(name, 'dilation', dilation, rank, 1)
    if (typeof padding === 'string' && padding !== 'same' && padding !== 'valid') {
      throw new ValueError(name, `padding must be a size, 'same' or 'valid', received '${String(padding)}'`)
    }
    if (padding === 'same' && this.stride.some((step) => step !== 1)) {
      throw new ValueError(name, `padding 'same' needs stride 1, received ${formatShape(this.stride)}`)
    }
    if (!paddingModes.includes(paddingMode)) {
      throw new ValueError(name, `paddingMode must be one of ${paddingModes.join(', ')}, received '${paddingMode}'`)
    }
    this.paddingMode = paddingMode
    this.weight = new Parameter(zeros([outChannels, inChannels / groups, ...this.kernelSize], { dtype }))
    this.bias = bias ? new Parameter(zeros([outChannels], { dtype })) : undefined
    this.resetParameters()
  }

  resetParameters(): void {
    resetLikeLinear(this.weight, this.bias)
  }

  /** What the functional form takes as options, for an input that {@link padded} has seen. */
  protected get options(): Pick<ConvLayerOptions, 'stride' | 'padding' | 'dilation' | 'groups'> {
    const { stride, dilation, groups } = this
    return { stride, padding: this.paddingMode === 'zeros' ? this.padding : 0, dilation, groups }
  }

  /** The input with its mirror image, border or other end around it, unless zeros will do. */
  protected padded(x: Tensor): Tensor {
    const { padding, paddingMode, kernelSize, dilation } = this
    if (paddingMode === 'zeros' || padding === 'valid') return x
    const first = x.rank - kernelSize.length
    const extended = kernelSize.reduce((node, k, d) => {
      const total = padding === 'same' ? dilation[d]! * (k - 1) : 2 * padding[d]!
      return extend(this.constructor.name, node, first + d, Math.floor(total / 2), Math.ceil(total / 2), paddingMode)
    }, x.node)
    return wrap(extended)
  }

  override extraRepr(): string {
    const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups, paddingMode, bias } = this
    return `${inChannels}, ${outChannels}, ${describe({
      kernelSize,
      stride,
      padding: String(padding) === String(kernelSize.map(() => 0)) ? undefined : padding,
      dilation: dilation.every((n) => n === 1) ? undefined : dilation,
      groups: groups === 1 ? undefined : groups,
      bias: bias ? undefined : false,
      paddingMode: paddingMode === 'zeros' ? undefined : paddingMode,
    })}`
  }
}

/** Checks that `groups` divides both numbers of channels. */
export function checkGroups(owner: string, groups: number, inChannels: number, outChannels: number): number {
  checkWhole(owner, 'groups', groups)
  if (inChannels % groups === 0 && outChannels % groups === 0) return groups
  throw new ValueError(
    owner,
    `groups = ${groups} must divide inChannels = ${inChannels} and outChannels = ${outChannels}`,
  )
}

/**
 * Convolution over one dimension: x [N, inChannels, L] → [N, outChannels, L′]; the batch dimension may be left out.
 * Weight [outChannels, inChannels / groups, K] and bias [outChannels] start uniform on ±1 / √(inChannels / groups · K).
 */
export class Conv1d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options: ConvLayerOptions = {}) {
    super(1, inChannels, outChannels, kernelSize, options)
  }

  forward(x: Tensor): Tensor {
    return conv1d(this.padded(x), this.weight, this.bias, this.options)
  }
}

/**
 * Convolution over two dimensions: x [N, inChannels, H, W] → [N, outChannels, H′, W′] with
 * H′ = ⌊(H + 2 · padding − dilation · (KH − 1) − 1) / stride⌋ + 1; the batch dimension may be left out. Weight
 * [outChannels, inChannels / groups, KH, KW] and bias [outChannels] start uniform on ±1 / √(inChannels / groups · KH · KW).
 */
export class Conv2d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options: ConvLayerOptions = {}) {
    super(2, inChannels, outChannels, kernelSize, options)
  }

  forward(x: Tensor): Tensor {
    return conv2d(this.padded(x), this.weight, this.bias, this.options)
  }
}

/** Convolution over three dimensions: x [N, inChannels, D, H, W] → [N, outChannels, D′, H′, W′]. See {@link Conv2d}. */
export class Conv3d extends Convolution {
  constructor(inChannels: number, outChannels: number, kernelSize: Size, options: ConvLayerOptions = {}) {
    super(3, inChannels, outChannels, kernelSize, options)
  }

  forward(x: Tensor): Tensor {
    return conv3d(this.padded(x), this.weight, this.bias, this.options)
  }
}
