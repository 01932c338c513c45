import { ShapeError, ValueError } from '../core/errors.ts'
import { formatShape, sizeOf } from '../core/shape.ts'
import { erfc } from '../core/special.ts'
import { full, tensor as tensorOf } from '../tensor/creation.ts'
import { type Generator, rand, randn } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'

/*
 * Initialisers. Each gives the leaf `x` a new value, which is computed with the next realisation, and returns it. The
 * formulas speak of fanIn and fanOut: how many inputs one output is computed from, and how many outputs one input reaches.
 */

export interface RandomOptions {
  /** Where the random numbers come from. Default: the global generator. */
  readonly generator?: Generator
}

export interface UniformOptions extends RandomOptions {
  /** Lower bound. Default 0. */
  readonly a?: number
  /** Upper bound. Default 1. */
  readonly b?: number
}

export interface NormalOptions extends RandomOptions {
  /** Default 0. */
  readonly mean?: number
  /** Default 1. */
  readonly std?: number
}

export interface TruncNormalOptions extends NormalOptions {
  /** Lower bound. Default −2. */
  readonly a?: number
  /** Upper bound. Default 2. */
  readonly b?: number
}

export interface GainOptions extends RandomOptions {
  /** Factor on the standard deviation, see {@link calculateGain}. Default 1. */
  readonly gain?: number
}

export interface KaimingOptions extends RandomOptions {
  /** Negative slope of the leaky ReLU that follows. Default 0. */
  readonly a?: number
  /** Whether the variance of activations (`fanIn`) or of gradients (`fanOut`) is kept. Default `fanIn`. */
  readonly mode?: 'fanIn' | 'fanOut'
  /** What follows the layer. Default `leakyRelu`. */
  readonly nonlinearity?: Nonlinearity
}

export type Nonlinearity =
  | 'linear'
  | 'conv1d'
  | 'conv2d'
  | 'conv3d'
  | 'convTranspose1d'
  | 'convTranspose2d'
  | 'convTranspose3d'
  | 'sigmoid'
  | 'tanh'
  | 'relu'
  | 'leakyRelu'
  | 'selu'

/** Recommended factors on the standard deviation; `param` is the negative slope of `leakyRelu` (default 0.01). */
export function calculateGain(nonlinearity: Nonlinearity, param = 0.01): number {
  switch (nonlinearity) {
    case 'relu':
      return Math.SQRT2
    case 'leakyRelu':
      return Math.sqrt(2 / (1 + param ** 2))
    case 'tanh':
      return 5 / 3
    case 'selu':
      return 3 / 4
    case 'linear':
    case 'sigmoid':
    case 'conv1d':
    case 'conv2d':
    case 'conv3d':
    case 'convTranspose1d':
    case 'convTranspose2d':
    case 'convTranspose3d':
      return 1
    default:
      throw new ValueError('calculateGain', `unknown nonlinearity '${String(nonlinearity)}'`)
  }
}

/** Inputs of one output and outputs of one input of a weight [out, in, ...kernel]. */
export function calculateFans({ shape }: Tensor, op = 'calculateFans'): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new ShapeError(
      op,
      `fans need a weight [out, in, ...] of at least 2 dimensions, received ${formatShape(shape)}`,
    )
  }
  const [out, inputs, ...kernel] = shape as [number, number, ...number[]]
  return { fanIn: inputs * sizeOf(kernel), fanOut: out * sizeOf(kernel) }
}

/** All elements `value`. */
export function constant<T extends Tensor>(x: T, value: number): T {
  return x.assign(full(x.shape, value, { dtype: x.dtype }))
}

/** All elements 0. */
export function zeros<T extends Tensor>(x: T): T {
  return constant(x, 0)
}

/** All elements 1. */
export function ones<T extends Tensor>(x: T): T {
  return constant(x, 1)
}

/** Uniform on [a, b). */
export function uniform<T extends Tensor>(x: T, { a = 0, b = 1, generator }: UniformOptions = {}): T {
  if (!(a <= b)) throw new ValueError('init.uniform', `bounds must satisfy a ≤ b, received a = ${a}, b = ${b}`)
  return x.assign(
    draw(rand, x, generator)
      .mul(b - a)
      .add(a),
  )
}

/** Normal with the given mean and standard deviation. */
export function normal<T extends Tensor>(x: T, { mean = 0, std = 1, generator }: NormalOptions = {}): T {
  checkStd('init.normal', std)
  return x.assign(draw(randn, x, generator).mul(std).add(mean))
}

/**
 * Normal cut off outside [a, b] (absolute bounds, not multiples of `std`), by inverting its distribution function.
 * For `std` much larger than b − a this is nearly uniform.
 */
export function truncNormal<T extends Tensor>(
  x: T,
  { mean = 0, std = 1, a = -2, b = 2, generator }: TruncNormalOptions = {},
): T {
  checkStd('init.truncNormal', std)
  if (!(a < b)) throw new ValueError('init.truncNormal', `bounds must satisfy a < b, received a = ${a}, b = ${b}`)
  const low = 2 * normalCdf((a - mean) / std) - 1
  const high = 2 * normalCdf((b - mean) / std) - 1
  const quantile = draw(rand, x, generator)
    .mul(high - low)
    .add(low)
    .erfinv()
  return x.assign(
    quantile
      .mul(std * Math.SQRT2)
      .add(mean)
      .clamp(a, b),
  )
}

/** Uniform on ±gain · √(6 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierUniform<T extends Tensor>(x: T, { gain = 1, ...options }: GainOptions = {}): T {
  const { fanIn, fanOut } = calculateFans(x, 'init.xavierUniform')
  return centred(x, gain * Math.sqrt(6 / (fanIn + fanOut)), options)
}

/** Normal with standard deviation gain · √(2 / (fanIn + fanOut)) (Glorot & Bengio 2010). */
export function xavierNormal<T extends Tensor>(x: T, { gain = 1, ...options }: GainOptions = {}): T {
  const { fanIn, fanOut } = calculateFans(x, 'init.xavierNormal')
  return normal(x, { std: gain * Math.sqrt(2 / (fanIn + fanOut)), ...options })
}

/** Uniform on ±gain · √(3 / fan) (He et al. 2015); the gain is that of the nonlinearity. */
export function kaimingUniform<T extends Tensor>(x: T, options: KaimingOptions = {}): T {
  return centred(x, Math.sqrt(3) * kaimingStd('init.kaimingUniform', x, options), options)
}

/** Normal with standard deviation gain / √fan (He et al. 2015); the gain is that of the nonlinearity. */
export function kaimingNormal<T extends Tensor>(x: T, options: KaimingOptions = {}): T {
  const std = kaimingStd('init.kaimingNormal', x, options)
  return normal(x, options.generator ? { std, generator: options.generator } : { std })
}

function kaimingStd(
  op: string,
  x: Tensor,
  { a = 0, mode = 'fanIn', nonlinearity = 'leakyRelu' }: KaimingOptions,
): number {
  const fan = calculateFans(x, op)[mode]
  if (fan === undefined) throw new ValueError(op, `mode must be 'fanIn' or 'fanOut', received '${String(mode)}'`)
  return calculateGain(nonlinearity, a) / Math.sqrt(fan)
}

/** Ones on the diagonal of a matrix, zeros elsewhere. */
export function eye<T extends Tensor>(x: T): T {
  const [rows, columns] = matrixShape('init.eye', x)
  const values = new Float64Array(rows * columns)
  for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = 1
  return fill(x, values)
}

export interface DiracOptions {
  /** Groups of the convolution; each passes its own channels on. Default 1. */
  readonly groups?: number
}

/**
 * The convolution weight [out, in / groups, ...kernel] that passes its input on: a one in the middle of the kernel where
 * input and output channel have the same number.
 */
export function dirac<T extends Tensor>(x: T, { groups = 1 }: DiracOptions = {}): T {
  const { shape } = x
  if (shape.length < 3 || shape.length > 5) {
    throw new ShapeError('init.dirac', `expects a weight of 3, 4 or 5 dimensions, received ${formatShape(shape)}`)
  }
  const [out, inputs, ...kernel] = shape as [number, number, ...number[]]
  if (out % groups !== 0) throw new ValueError('init.dirac', `groups = ${groups} do not divide ${out} output channels`)
  const taps = sizeOf(kernel)
  const middle = kernel.reduce((at, size) => at * size + Math.floor(size / 2), 0)
  const values = new Float64Array(sizeOf(shape))
  const perGroup = out / groups
  for (let g = 0; g < groups; g++) {
    for (let c = 0; c < Math.min(perGroup, inputs); c++) values[((g * perGroup + c) * inputs + c) * taps + middle] = 1
  }
  return fill(x, values)
}

/**
 * A (semi-)orthogonal matrix times `gain`, uniform over all of them (Saxe et al. 2013); dimensions after the first count as
 * columns. Computed at once, in double precision.
 */
export function orthogonal<T extends Tensor>(x: T, { gain = 1, generator }: GainOptions = {}): T {
  if (x.rank < 2) {
    throw new ShapeError('init.orthogonal', `expects at least 2 dimensions, received ${formatShape(x.shape)}`)
  }
  if (x.size === 0) return x
  const rows = x.shape[0]!
  const columns = x.size / rows
  const count = Math.min(rows, columns)
  const length = Math.max(rows, columns)
  const source = randn([count, length], { dtype: 'float64', ...(generator && { generator }) }).dataSync()
  const vectors = orthonormalRows(Float64Array.from(source), count, length)
  const values = new Float64Array(x.size)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      values[r * columns + c] = gain * vectors[rows <= columns ? r * length + c : c * length + r]!
    }
  }
  return fill(x, values)
}

/** Gram–Schmidt in place, each row projected twice so that nothing of the earlier ones is left (Giraud et al. 2005). */
function orthonormalRows(a: Float64Array, count: number, length: number): Float64Array {
  const row = (i: number): Float64Array => a.subarray(i * length, (i + 1) * length)
  for (let i = 0; i < count; i++) {
    const current = row(i)
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const earlier = row(j)
        let dot = 0
        for (let k = 0; k < length; k++) dot += current[k]! * earlier[k]!
        for (let k = 0; k < length; k++) current[k]! -= dot * earlier[k]!
      }
    }
    let square = 0
    for (let k = 0; k < length; k++) square += current[k]! ** 2
    for (let k = 0; k < length; k++) current[k]! /= Math.sqrt(square)
  }
  return a
}

export interface SparseOptions extends RandomOptions {
  /** Standard deviation of what is not zero. Default 0.01. */
  readonly std?: number
}

/** A matrix in which the fraction `sparsity` of each column is zero and the rest normal (Martens 2010). */
export function sparse<T extends Tensor>(x: T, sparsity: number, { std = 0.01, generator }: SparseOptions = {}): T {
  const [rows] = matrixShape('init.sparse', x)
  if (!(sparsity >= 0 && sparsity <= 1)) {
    throw new ValueError('init.sparse', `sparsity is a fraction from 0 to 1, received ${sparsity}`)
  }
  const order = draw(rand, x, generator).argSort(0).argSort(0)
  const kept = order.ge(Math.ceil(sparsity * rows)).to(x.dtype)
  return x.assign(draw(randn, x, generator).mul(std).mul(kept))
}

function centred<T extends Tensor>(x: T, bound: number, { generator }: RandomOptions): T {
  return uniform(x, { a: -bound, b: bound, ...(generator && { generator }) })
}

function draw(source: typeof rand, { shape, dtype }: Tensor, generator: Generator | undefined): Tensor {
  return source(shape, { dtype, ...(generator && { generator }) })
}

function fill<T extends Tensor>(x: T, values: Float64Array): T {
  return x.assign(tensorOf(values, { shape: x.shape, dtype: x.dtype }))
}

function matrixShape(op: string, { shape }: Tensor): readonly [number, number] {
  if (shape.length !== 2) throw new ShapeError(op, `expects a matrix, received ${formatShape(shape)}`)
  return shape as readonly [number, number]
}

/** Φ(z) of the standard normal distribution. */
function normalCdf(z: number): number {
  return erfc(-z / Math.SQRT2) / 2
}

function checkStd(op: string, std: number): void {
  if (!(std >= 0)) throw new ValueError(op, `the standard deviation must be ≥ 0, received ${std}`)
}
