import type { DType } from '../../core/dtype.ts'
import type { FileError } from '../../core/errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { AttributeProto } from './onnx-pb.ts'
import { computingDType, elementTypeName } from './tensors.ts'

/** What {@link AttributeProto.type} says is there. */
const kinds: Readonly<Record<number, string>> = {
  1: 'a float',
  2: 'an integer',
  3: 'text',
  4: 'a tensor',
  6: 'floats',
  7: 'integers',
  8: 'texts',
}

export interface NodeFacts {
  readonly attributes: readonly AttributeProto[]
  /** The values of those that are tensors. */
  readonly tensors: ReadonlyMap<string, Tensor>
  /** The version of the operator set that the model is written in. */
  readonly opset: number
  /** How many outputs are listed. */
  readonly outputs: number
  /** Makes the error for a problem with this node. */
  readonly fail: (problem: string) => FileError
}

/** The attributes of a node, and what else its operation must know. */
export class Attributes {
  private readonly byName: ReadonlyMap<string, AttributeProto>
  private readonly tensors: ReadonlyMap<string, Tensor>
  readonly opset: number
  readonly outputs: number
  readonly fail: (problem: string) => FileError

  constructor({ attributes, tensors, opset, outputs, fail }: NodeFacts) {
    this.byName = new Map(attributes.map((attribute) => [attribute.name, attribute]))
    this.tensors = tensors
    this.opset = opset
    this.outputs = outputs
    this.fail = fail
  }

  has(name: string): boolean {
    return this.byName.has(name)
  }

  private find(name: string, ...types: readonly number[]): AttributeProto | undefined {
    const found = this.byName.get(name)
    // Files of the first version say no type.
    if (!found || found.type === 0 || types.includes(found.type)) return found
    throw this.fail(`attribute ${name} must be ${types.map((type) => kinds[type]).join(' or ')}`)
  }

  number(name: string, absent?: number): number {
    const found = this.find(name, 1, 2)
    const value = found ? (found.type === 1 ? found.f : Number(found.i)) : absent
    if (value !== undefined) return value
    throw this.fail(`attribute ${name} is missing`)
  }

  flag(name: string, absent = false): boolean {
    return this.number(name, Number(absent)) !== 0
  }

  text(name: string, absent: string): string {
    const found = this.find(name, 3)
    return found ? new TextDecoder().decode(found.s) : absent
  }

  /** A list of numbers; undefined where the attribute is not given. */
  numbers(name: string): number[] | undefined {
    const found = this.find(name, 6, 7)
    return found && (found.type === 6 ? [...found.floats] : found.ints.map(Number))
  }

  /** A list of texts; undefined where the attribute is not given. */
  texts(name: string): string[] | undefined {
    return this.find(name, 8)?.strings.map((text) => new TextDecoder().decode(text))
  }

  tensor(name: string): Tensor | undefined {
    return this.tensors.get(name)
  }

  /** The dtype that an attribute gives as ONNX's number of it. */
  dtype(name: string, absent?: DType): DType {
    if (absent !== undefined && !this.has(name)) return absent
    const code = this.number(name)
    const dtype = computingDType(code)
    if (dtype) return dtype
    throw this.fail(`element type ${elementTypeName(code)} is not supported`)
  }
}
