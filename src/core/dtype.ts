import { DTypeError } from './errors.ts'
import { bfloat16ToFloat32, float16ToFloat32, float32ToBfloat16, float32ToFloat16 } from './half.ts'

/**
 * Element types. `float16` and `bfloat16` are storage types: they are computed in float32 and rounded when stored.
 * `bool` is stored as one byte, 0 or 1.
 */
export type DType = 'float32' | 'float64' | 'float16' | 'bfloat16' | 'int32' | 'uint8' | 'bool'

/** Arrays as they are stored: half-precision floats are kept as their 16 bits. */
export type TypedArray = Float32Array | Float64Array | Uint16Array | Int32Array | Uint8Array

/** Arrays as the reference interpreter computes on them: half-precision floats are widened to float32. */
export type Values = Float32Array | Float64Array | Int32Array | Uint8Array

export type Category = 'bool' | 'integer' | 'floating'

interface DTypeInfo {
  readonly bytes: number
  readonly category: Category
  /** How PyTorch prints and NumPy-like promotion orders it within its category. */
  readonly rank: number
  readonly storage: new (length: number) => TypedArray
  readonly compute: new (length: number) => Values
}

const info: Record<DType, DTypeInfo> = {
  bool: { bytes: 1, category: 'bool', rank: 0, storage: Uint8Array, compute: Uint8Array },
  uint8: { bytes: 1, category: 'integer', rank: 1, storage: Uint8Array, compute: Uint8Array },
  int32: { bytes: 4, category: 'integer', rank: 2, storage: Int32Array, compute: Int32Array },
  float16: { bytes: 2, category: 'floating', rank: 3, storage: Uint16Array, compute: Float32Array },
  bfloat16: { bytes: 2, category: 'floating', rank: 3, storage: Uint16Array, compute: Float32Array },
  float32: { bytes: 4, category: 'floating', rank: 4, storage: Float32Array, compute: Float32Array },
  float64: { bytes: 8, category: 'floating', rank: 5, storage: Float64Array, compute: Float64Array },
}

export const dtypes: readonly DType[] = Object.keys(info) as DType[]

/** Bytes of one element. */
export function bytesPerElement(dtype: DType): number {
  return info[dtype].bytes
}

export function categoryOf(dtype: DType): Category {
  return info[dtype].category
}

export function isFloating(dtype: DType): boolean {
  return info[dtype].category === 'floating'
}

export function isDType(name: string): name is DType {
  return Object.hasOwn(info, name)
}

/** Throws a {@link DTypeError} unless `dtype` is one of the names above. */
export function checkDType(op: string, dtype: string): DType {
  if (isDType(dtype)) return dtype
  throw new DTypeError(op, `unknown dtype '${dtype}'; expected one of ${dtypes.join(', ')}`)
}

/** A zero-filled array of the kind that `dtype` is stored in. */
export function allocate(dtype: DType, length: number): TypedArray {
  return new info[dtype].storage(length)
}

/** A zero-filled array of the kind that `dtype` is computed in. */
export function allocateValues(dtype: DType, length: number): Values {
  return new info[dtype].compute(length)
}

/** Stored elements as numbers that can be computed on; shares memory where no conversion is needed. */
export function toValues(stored: TypedArray, dtype: DType): Values {
  if (dtype === 'float16') return widen(stored as Uint16Array, float16ToFloat32)
  if (dtype === 'bfloat16') return widen(stored as Uint16Array, bfloat16ToFloat32)
  return stored as Values
}

/** The inverse of {@link toValues}: rounds half-precision values to nearest even. */
export function toStorage(values: Values, dtype: DType): TypedArray {
  if (dtype === 'float16') return narrow(values, float32ToFloat16)
  if (dtype === 'bfloat16') return narrow(values, float32ToBfloat16)
  return values
}

function widen(bits: Uint16Array, convert: (bits: number) => number): Float32Array {
  const out = new Float32Array(bits.length)
  for (let i = 0; i < out.length; i++) out[i] = convert(bits[i]!)
  return out
}

function narrow(values: Values, convert: (value: number) => number): Uint16Array {
  const out = new Uint16Array(values.length)
  for (let i = 0; i < out.length; i++) out[i] = convert(values[i]!)
  return out
}

/** Writes `source` into a new computing array of `dtype`: bool is `x ≠ 0`, integers truncate and wrap as in C. */
export function convertValues(source: ArrayLike<number>, dtype: DType): Values {
  const out = allocateValues(dtype, source.length)
  if (dtype === 'bool') for (let i = 0; i < out.length; i++) out[i] = source[i] !== 0 ? 1 : 0
  else if (dtype === 'float16')
    for (let i = 0; i < out.length; i++) out[i] = float16ToFloat32(float32ToFloat16(source[i]!))
  else if (dtype === 'bfloat16')
    for (let i = 0; i < out.length; i++) out[i] = bfloat16ToFloat32(float32ToBfloat16(source[i]!))
  else for (let i = 0; i < out.length; i++) out[i] = source[i]!
  return out
}

/** Promotion of two dtypes of equal priority, as `torch.promote_types`. */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b) return a
  if ((a === 'float16' && b === 'bfloat16') || (a === 'bfloat16' && b === 'float16')) return 'float32'
  return info[a].rank >= info[b].rank ? a : b
}

/** What takes part in promotion: a tensor of some rank, or a JS number. */
export type Operand = { readonly dtype: DType; readonly shape: readonly number[] } | number | boolean

const categories: readonly Category[] = ['bool', 'integer', 'floating']

/**
 * Result dtype of an operation on tensors and JS numbers, as `torch.result_type`: tensors with dimensions come before
 * zero-dimensional ones, and those before numbers; a lower priority changes the dtype only when its category is higher.
 * A JS number counts as an integer when it is whole, so `int32 · 2` stays int32 and `int32 · 0.5` becomes float32.
 */
export function resultType(...operands: readonly Operand[]): DType {
  const tiers: (DType | undefined)[] = [undefined, undefined, undefined]
  for (const operand of operands) {
    const [tier, dtype] = typeof operand === 'object' ? tensorTier(operand) : [2, scalarType(operand)]
    const current = tiers[tier]
    tiers[tier] = current === undefined ? dtype : promoteTypes(current, dtype)
  }
  let result: DType | undefined
  for (const dtype of tiers) {
    if (dtype === undefined) continue
    const higher = result === undefined || level(dtype) > level(result)
    if (higher) result = dtype
  }
  return result ?? 'float32'
}

function tensorTier(operand: { dtype: DType; shape: readonly number[] }): [number, DType] {
  return [operand.shape.length > 0 ? 0 : 1, operand.dtype]
}

function scalarType(value: number | boolean): DType {
  if (typeof value === 'boolean') return 'bool'
  return Number.isInteger(value) ? 'int32' : 'float32'
}

function level(dtype: DType): number {
  return categories.indexOf(info[dtype].category)
}
