import { create } from '@bufbuild/protobuf'
import type { DType, TypedArray } from '../../../core/dtype.ts'
import type { Shape } from '../../../core/shape.ts'
import {
  type AttributeProto,
  AttributeProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../onnx-pb.ts'
import { untrainedMark } from '../tensors.ts'
import { type Extent, isBatch, sameExtent } from './trace.ts'

/** ONNX's numbers of our dtypes. */
export const elementTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  bool: 9,
  float16: 10,
  float64: 11,
  bfloat16: 16,
}

/** 64-bit integers, which shapes and indices must have. */
const int64 = 7

/** What an attribute can be; numbers are whole, fractions are said to be such. */
export type AttributeValue = number | string | readonly number[] | { readonly float: number }

export type AttributeValues = Readonly<Record<string, AttributeValue>>

/** The value of a node: a name in the file, and its shape. */
export interface Value {
  readonly name: string
  readonly extents: readonly Extent[]
}

/** Collects the nodes and constants of a graph. */
export class Writer {
  readonly nodes: NodeProto[] = []
  readonly initializers: TensorProto[] = []
  private readonly names = new Set<string>()
  private readonly constants = new Map<string, string>()
  /** What a reshaped value was before. */
  private readonly reshaped = new Map<string, Value>()
  private readonly outputs = new Set<string>()
  private batch: string | undefined
  private batchSource: string | undefined

  /** A name that nothing has, as close to `wanted` as can be. */
  name(wanted: string): string {
    let name = wanted
    for (let i = 1; this.names.has(name); i++) name = `${wanted}_${i}`
    this.names.add(name)
    return name
  }

  /** The input whose first dimension is the batch. */
  set batchInput(name: string) {
    this.batchSource = name
  }

  /** Adds a node and returns the name of its first output. */
  add(opType: string, input: readonly string[], attributes: AttributeValues = {}): string {
    const output = this.name(opType.toLowerCase())
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value))
    this.nodes.push(create(NodeProtoSchema, { name: output, opType, input: [...input], output: [output], attribute }))
    return output
  }

  /** Adds a tensor under its own name; of one that is not trained the file says so. */
  initializer(name: string, values: TypedArray, shape: Shape, dtype: DType, trained = false): string {
    const rawData = new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength)
    const dims = shape.map(BigInt)
    const metadataProps = trained ? [] : [untrainedMark]
    this.initializers.push(
      create(TensorProtoSchema, { name, dims, dataType: elementTypes[dtype], rawData, metadataProps }),
    )
    return name
  }

  /** A vector of 64-bit integers. */
  integers(values: readonly number[]): string {
    return this.shared(`int64 ${values}`, () => ({
      dims: [BigInt(values.length)],
      dataType: int64,
      rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
    }))
  }

  /** A number of the given dtype. */
  scalar(values: TypedArray, dtype: DType): string {
    return this.shared(`${dtype} ${[...values].map((value) => (Object.is(value, -0) ? '-0' : value))}`, () => ({
      dims: [],
      dataType: elementTypes[dtype],
      rawData: new Uint8Array(values.buffer as ArrayBuffer, values.byteOffset, values.byteLength),
    }))
  }

  private shared(key: string, make: () => Pick<TensorProto, 'dims' | 'dataType' | 'rawData'>): string {
    const known = this.constants.get(key)
    if (known !== undefined) return known
    const name = this.name('constant')
    this.initializers.push(create(TensorProtoSchema, { name, ...make() }))
    this.constants.set(key, name)
    return name
  }

  /** A vector of 64-bit integers of which some may follow the batch size. */
  shape(extents: readonly Extent[]): string {
    if (!extents.some(isBatch)) return this.integers(extents as number[])
    const parts = extents.map((extent) => (isBatch(extent) ? this.multiple(extent.times) : this.integers([extent])))
    return parts.length === 1 ? parts[0]! : this.add('Concat', parts, { axis: 0 })
  }

  /** `times` times the batch size, as a vector of one. */
  multiple(times: number): string {
    this.batch ??= this.add('Shape', [this.batchSource!], { start: 0, end: 1 })
    return times === 1 ? this.batch : this.add('Mul', [this.batch, this.integers([times])])
  }

  /** `x` in another shape; the shape that it had before an earlier reshape costs nothing. */
  reshape(x: Value, extents: readonly Extent[]): Value {
    if (fits(x.extents, extents)) return x
    const origin = this.reshaped.get(x.name) ?? x
    if (fits(origin.extents, extents)) return origin
    const free = extents.filter(isBatch).length
    const target =
      free === 1 ? this.integers(extents.map((extent) => (isBatch(extent) ? -1 : extent))) : this.shape(extents)
    const value = { name: this.add('Reshape', [origin.name, target]), extents }
    this.reshaped.set(value.name, origin)
    return value
  }

  /** Dimensions in another order. */
  permute(x: Value, order: readonly number[]): Value {
    if (order.every((d, i) => d === i)) return x
    return { name: this.add('Transpose', [x.name], { perm: order }), extents: order.map((d) => x.extents[d]!) }
  }

  /** Lets the value `from`, which nodes have read already, be called `to` as an output of the graph. */
  output(from: string, to: string): void {
    const node = this.nodes.find(({ output }) => output[0] === from)
    if (!node || this.outputs.has(from)) {
      this.nodes.push(create(NodeProtoSchema, { name: to, opType: 'Identity', input: [from], output: [to] }))
      return
    }
    for (const { input } of this.nodes) for (const [i, name] of input.entries()) if (name === from) input[i] = to
    node.output[0] = to
    this.outputs.add(to)
  }

  /** Nodes and constants that lead to `outputs`. */
  used(outputs: readonly string[]): { nodes: NodeProto[]; initializers: TensorProto[] } {
    const needed = new Set(outputs)
    const nodes = this.nodes.toReversed().filter((node) => {
      if (!node.output.some((output) => needed.has(output))) return false
      for (const input of node.input) needed.add(input)
      return true
    })
    return { nodes: nodes.reverse(), initializers: this.initializers.filter(({ name }) => needed.has(name)) }
  }
}

const fits = (a: readonly Extent[], b: readonly Extent[]): boolean =>
  a.length === b.length && a.every((extent, d) => sameExtent(extent, b[d]!))

function attributeOf(name: string, value: AttributeValue): AttributeProto {
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: 2, i: BigInt(value) })
  if (typeof value === 'string')
    return create(AttributeProtoSchema, { name, type: 3, s: new TextEncoder().encode(value) })
  if ('float' in value) return create(AttributeProtoSchema, { name, type: 1, f: value.float })
  return create(AttributeProtoSchema, { name, type: 7, ints: value.map(BigInt) })
}
