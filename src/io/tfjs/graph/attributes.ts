import type { DType } from '../../../core/dtype.ts'
import type { FileError } from '../../../core/errors.ts'
import { isRecord } from '../../../core/record.ts'

/** Numbers and names of TensorFlow's dtypes, and what they become here. */
const dtypes: ReadonlyMap<unknown, DType> = new Map<unknown, DType>([
  [1, 'float32'],
  ['DT_FLOAT', 'float32'],
  [2, 'float32'],
  ['DT_DOUBLE', 'float32'],
  [3, 'int32'],
  ['DT_INT32', 'int32'],
  [4, 'uint8'],
  ['DT_UINT8', 'uint8'],
  [9, 'int32'],
  ['DT_INT64', 'int32'],
  [10, 'bool'],
  ['DT_BOOL', 'bool'],
  [19, 'float32'],
  ['DT_HALF', 'float32'],
])

/** Attributes of a node, each of them a protobuf `AttrValue` in JSON: `{ "i": "2" }`, `{ "list": { "i": ["1", "1"] } }`. */
export class Attributes {
  private readonly values: Readonly<Record<string, unknown>>
  /** Makes the error for a problem with these attributes. */
  readonly fail: (problem: string) => FileError

  constructor(values: Readonly<Record<string, unknown>>, fail: (problem: string) => FileError) {
    this.values = values
    this.fail = fail
  }

  /** The one value of `kind`, of which there is one or none. */
  private one(name: string, ...kinds: readonly string[]): unknown {
    const value = Object.hasOwn(this.values, name) ? this.values[name] : undefined
    if (value === undefined) return undefined
    if (isRecord(value)) {
      const kind = kinds.find((key) => Object.hasOwn(value, key))
      if (kind !== undefined) return value[kind]
    }
    throw this.fail(`attribute ${name} is ${JSON.stringify(value)}, expected ${kinds.join(' or ')}`)
  }

  number(name: string, absent?: number): number {
    const value = Number(this.one(name, 'i', 'f') ?? absent)
    if (Number.isFinite(value)) return value
    throw this.fail(`attribute ${name} is no number`)
  }

  flag(name: string, absent = false): boolean {
    return Boolean(this.one(name, 'b') ?? absent)
  }

  text(name: string, absent: string): string {
    const value = this.one(name, 's')
    return value === undefined ? absent : this.decoded(name, value)
  }

  /** Text is base64 or a list of bytes. */
  private decoded(name: string, value: unknown): string {
    if (typeof value === 'string') return atob(value)
    if (Array.isArray(value) && value.every(Number.isInteger)) return String.fromCharCode(...value)
    throw this.fail(`attribute ${name} is no text`)
  }

  private list(name: string, kind: string): readonly unknown[] {
    const value = this.one(name, 'list')
    const items = isRecord(value) ? (value[kind] ?? []) : []
    if (Array.isArray(items)) return items
    throw this.fail(`attribute ${name} is no list`)
  }

  numbers(name: string): number[] {
    const items = this.list(name, 'i').map(Number)
    if (items.every(Number.isSafeInteger)) return items
    throw this.fail(`attribute ${name} is no list of whole numbers`)
  }

  texts(name: string): string[] {
    return this.list(name, 's').map((item) => this.decoded(name, item))
  }

  dtype(name: string, absent?: DType): DType {
    const type = this.one(name, 'type')
    const dtype = type === undefined ? absent : dtypes.get(type)
    if (dtype !== undefined) return dtype
    throw this.fail(`attribute ${name} is dtype ${JSON.stringify(type)}, which is not known`)
  }
}
