import { allocateValues, convertValues, type DType, type TypedArray, type Values } from '../../core/dtype.ts'
import { sizeOf, type Shape } from '../../core/shape.ts'
import { type Attrs, Node, noAttrs, type Op, record, type TensorType } from '../node.ts'

/** A leaf that holds its elements. Its value is part of a run's arguments, never of a computation's structure. */
export const bufferOp: Op<TensorType> = { name: 'buffer', kind: 'leaf', infer: (_, type) => type }

export function buffer(value: TypedArray, shape: Shape, dtype: DType): Node {
  const node = new Node(bufferOp, [], { shape, dtype }, { shape, dtype }, false)
  node.value = value
  return node
}

/** What a tensor holds that was disposed of: a type, and no value any more. */
export function disposed({ shape, dtype }: TensorType): Node {
  const node = new Node(bufferOp, [], { shape, dtype }, { shape, dtype }, false)
  node.stale = true
  return node
}

interface Constant {
  readonly value: number
  readonly dtype: DType
}

function evaluateFill(node: Node<Constant>): Values {
  return convertValues([node.attrs.value], node.dtype)
}

/** A number that is part of the structure: 0, 1, a coefficient in a formula. */
export const constantOp: Op<Constant> = {
  name: 'constant',
  kind: 'leaf',
  infer: (_, { dtype }) => ({ shape: [], dtype }),
  evaluate: evaluateFill,
}

export function constant(value: number, dtype: DType = 'float32'): Node {
  return record(constantOp, [], { value, dtype })
}

/** A number given by the user, who may change it from step to step: an argument of the run, like a leaf. */
export const scalarOp: Op<Constant> = {
  name: 'scalar',
  kind: 'leaf',
  infer: (_, { dtype }) => ({ shape: [], dtype }),
  evaluate: evaluateFill,
}

export function scalar(value: number, dtype: DType): Node {
  const structural = value === 0 || value === 1 || value === -1
  return record(structural ? constantOp : scalarOp, [], { value, dtype })
}

/** 0, 1, 2 ... n − 1. */
export const iotaOp: Op<{ length: number; dtype: DType }> = {
  name: 'iota',
  kind: 'leaf',
  infer: (_, { length, dtype }) => ({ shape: [length], dtype }),
  evaluate(node) {
    const out = allocateValues(node.dtype, node.attrs.length)
    for (let i = 0; i < out.length; i++) out[i] = i
    return out
  },
}

export function iota(length: number, dtype: DType = 'int32'): Node {
  return record(iotaOp, [], { length, dtype })
}

/**
 * The new version of an assigned leaf. It has the value of its input and cuts the graph: gradients stop here, and once it
 * is realised the history is dropped.
 */
export const assignOp: Op<Attrs> = {
  name: 'assign',
  kind: 'leaf',
  infer: ([value]) => ({ shape: value!.shape, dtype: value!.dtype }),
  evaluate: (_, [value]) => value!,
}

export function assignment(value: Node, requiresGrad: boolean): Node {
  const node = record(assignOp, [value], noAttrs)
  node.requiresGrad = requiresGrad
  node.readsVariable = true
  return node
}

interface RandomBits {
  readonly shape: Shape
  /** Independent streams of one random call (a normal draws two). */
  readonly stream: number
}

/**
 * Uniform random 32-bit integers from Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", 2011). The input is an int32 leaf [seed low, seed high, call]; element i is word i mod 2 of the block with
 * counter (⌊i / 2⌋, stream) under the key (seed low + call · φ, seed high ⊕ call): the same numbers on every target.
 */
export const randomBitsOp: Op<RandomBits> = {
  name: 'randomBits',
  kind: 'leaf',
  infer: (_, { shape }) => ({ shape, dtype: 'int32' }),
  evaluate: (node, [key]) => randomBitsFrom(key!, node.attrs.stream, 0, new Int32Array(sizeOf(node.shape))),
}

/** Elements `start`, `start` + 1 ... of the stream that {@link randomBitsOp} describes, written to `out`. */
export function randomBitsFrom(key: Values, stream: number, start: number, out: Int32Array): Int32Array {
  const k0 = (key[0]! + Math.imul(key[2]!, 0x9e3779b9)) | 0
  const k1 = key[1]! ^ key[2]!
  const block = new Int32Array(2)
  for (let i = start & ~1; i < start + out.length; i += 2) {
    threefry(k0, k1, i >>> 1, stream, block)
    if (i >= start) out[i - start] = block[0]!
    if (i + 1 < start + out.length) out[i + 1 - start] = block[1]!
  }
  return out
}

export function randomBits(key: Node, shape: Shape, stream: number): Node {
  return record(randomBitsOp, [key], { shape, stream })
}

const rotate = (x: number, bits: number): number => (x << bits) | (x >>> (32 - bits))

/** Threefry-2x32-20 of counter (c0, c1) under key (k0, k1), written to `out`. Four rounds, then a part of the key, five times. */
export function threefry(k0: number, k1: number, c0: number, c1: number, out: Int32Array): void {
  const k2 = k0 ^ k1 ^ 0x1bd11bda
  let x0 = (c0 + k0) | 0
  let x1 = (c1 + k1) | 0
  for (let s = 1; s <= 5; s++) {
    const odd = s % 2 === 1
    x0 = (x0 + x1) | 0
    x1 = rotate(x1, odd ? 13 : 17) ^ x0
    x0 = (x0 + x1) | 0
    x1 = rotate(x1, odd ? 15 : 29) ^ x0
    x0 = (x0 + x1) | 0
    x1 = rotate(x1, odd ? 26 : 16) ^ x0
    x0 = (x0 + x1) | 0
    x1 = rotate(x1, odd ? 6 : 24) ^ x0
    x0 = (x0 + keyWord(s, k0, k1, k2)) | 0
    x1 = (x1 + keyWord(s + 1, k0, k1, k2) + s) | 0
  }
  out[0] = x0
  out[1] = x1
}

function keyWord(i: number, k0: number, k1: number, k2: number): number {
  const word = i % 3
  return word === 0 ? k0 : word === 1 ? k1 : k2
}
