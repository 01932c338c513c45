import { checkDType, type DType, isFloating } from '../core/dtype.ts'
import { DTypeError, ValueError } from '../core/errors.ts'
import { checkShape, type Shape } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { add } from '../graph/ops/arithmetic.ts'
import { argSort } from '../graph/ops/indexing.ts'
import { buffer, randomBits, scalar } from '../graph/ops/leaves.ts'
import { cast } from '../graph/ops/logic.ts'
import * as random from '../graph/ops/random.ts'
import { capturing } from '../runtime/capture.ts'
import type { TensorOptions } from './creation.ts'
import { Tensor } from './tensor.ts'

/** Where a generator stands; plain data that can be saved with a checkpoint. */
export interface GeneratorState {
  readonly seed: number
  /** Random calls made since it was seeded. */
  readonly calls: number
}

/**
 * A source of random numbers: a seed and a counter of calls. Number i of call c depends on (seed, c, i) alone, so the same
 * program with the same seed gives the same numbers on every device and with any number of threads.
 */
export class Generator {
  #seed: number
  #calls = 0

  /** Without a seed it is taken from the system's source of randomness. */
  constructor(seed: number = unpredictableSeed()) {
    this.#seed = checkSeed(seed)
  }

  /** Starts anew from `seed`, a whole number from 0 to 2⁵³ − 1. */
  manualSeed(seed: number): this {
    this.#seed = checkSeed(seed)
    this.#calls = 0
    return this
  }

  /** Where it stands, for {@link setState}. */
  state(): GeneratorState {
    return { seed: this.#seed, calls: this.#calls }
  }

  /** Continues from where another stood. */
  setState({ seed, calls }: GeneratorState): this {
    if (!Number.isInteger(calls) || calls < 0) {
      throw new ValueError('Generator', `expects a whole number of calls ≥ 0, received ${calls}`)
    }
    this.#seed = checkSeed(seed)
    this.#calls = calls
    return this
  }

  /** The key of the next random call: a leaf [seed low, seed high, call], so that no number is baked into a plan. */
  nextKey(): Node {
    const node = buffer(this.#draw(), [3], 'int32')
    capturing()?.keys.set(node, () => this.#draw())
    return node
  }

  #draw(): Int32Array {
    return Int32Array.of(this.#seed | 0, Math.floor(this.#seed / 2 ** 32), this.#calls++)
  }
}

function checkSeed(seed: number): number {
  if (Number.isSafeInteger(seed) && seed >= 0) return seed
  throw new ValueError('manualSeed', `expects a whole number from 0 to 2^53 − 1, received ${seed}`)
}

function unpredictableSeed(): number {
  const [low, high] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number]
  return (high >>> 11) * 2 ** 32 + low
}

/** What random functions use when they are given no generator. */
export const defaultGenerator: Generator = new Generator()

/** Seeds the {@link defaultGenerator}: the same numbers follow the same seed. */
export function manualSeed(seed: number): Generator {
  return defaultGenerator.manualSeed(seed)
}

/** The key of one random call on `generator`. Every random function draws one. */
export function drawKey(generator: Generator = defaultGenerator): Node {
  return generator.nextKey()
}

export interface SamplingOptions {
  /** Where the random numbers come from. Default: the {@link defaultGenerator}. */
  readonly generator?: Generator
}

/** dtype: default float32. requiresGrad: default false. generator: default the global one. */
export type RandomOptions = TensorOptions & SamplingOptions

function floatingType(op: string, dtype: DType = 'float32'): DType {
  if (isFloating(checkDType(op, dtype))) return dtype
  throw new DTypeError(op, `expects a floating dtype, received ${dtype}; use randint for integers`)
}

function leaf(node: Node, { requiresGrad = false }: TensorOptions): Tensor {
  return requiresGrad ? new Tensor(node).requireGrad() : new Tensor(node)
}

/** Uniform random numbers in [0, 1). Floating dtypes only. */
export function rand(shape: Shape, options: RandomOptions = {}): Tensor {
  const dtype = floatingType('rand', options.dtype)
  return leaf(random.uniform(drawKey(options.generator), checkShape('rand', shape), dtype), options)
}

/** Normal random numbers with mean 0 and standard deviation 1. Floating dtypes only. */
export function randn(shape: Shape, options: RandomOptions = {}): Tensor {
  const dtype = floatingType('randn', options.dtype)
  return leaf(random.normal(drawKey(options.generator), checkShape('randn', shape), dtype), options)
}

/** Whole random numbers, low ≤ i < high. dtype: default int32. */
export function randint(low: number, high: number, shape: Shape, options: RandomOptions = {}): Tensor {
  const dtype = checkDType('randint', options.dtype ?? 'int32')
  checkShape('randint', shape)
  const bound = high - low
  if (!Number.isInteger(low) || !Number.isInteger(high) || bound < 1 || bound >= 2 ** 31) {
    throw new ValueError(
      'randint',
      `expects whole numbers low < high less than 2^31 apart, received ${low} and ${high}`,
    )
  }
  const number = (value: number): Node => scalar(value, 'int32')
  const below = random.integersBelow(drawKey(options.generator), shape, number(bound))
  return leaf(cast(add(below, number(low)), dtype), options)
}

/** The numbers 0 ... n − 1 in random order. dtype: default int32. */
export function randperm(n: number, options: RandomOptions = {}): Tensor {
  const dtype = checkDType('randperm', options.dtype ?? 'int32')
  const bits = randomBits(drawKey(options.generator), checkShape('randperm', [n]), 0)
  return leaf(cast(argSort(bits, 0, false), dtype), options)
}

/** 1 with the given probabilities, 0 otherwise; shape and dtype are those of `probabilities`. */
export function bernoulli(probabilities: Tensor, options: SamplingOptions = {}): Tensor {
  return probabilities.bernoulli(options)
}
