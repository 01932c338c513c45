import { type DType, isFloating } from '../core/dtype.ts'
import type { Node } from '../graph/node.ts'
import type { LaneBuilder, ValueLike } from '../lane/builder.ts'
import { acos, asin, atan, atan2 } from '../lane/math/arc.ts'
import { erf } from '../lane/math/erf.ts'
import { erfc } from '../lane/math/erfc.ts'
import { exp } from '../lane/math/exp.ts'
import { exp2 } from '../lane/math/exp2.ts'
import { expm1 } from '../lane/math/expm1.ts'
import { floorDivide, floorRemainder, fmod } from '../lane/math/fmod.ts'
import { acosh, asinh, atanh, cosh, sinh } from '../lane/math/hyperbolic.ts'
import { integerFloorDivide, integerFmod, integerRemainder } from '../lane/math/integer-division.ts'
import { log } from '../lane/math/log.ts'
import { log10, log2 } from '../lane/math/log-base.ts'
import { log1p } from '../lane/math/log1p.ts'
import { integerPow, pow } from '../lane/math/pow.ts'
import { roundToBfloat16, roundToFloat16 } from '../lane/math/round-half.ts'
import { shiftLeft, shiftRight, shiftRightLogical } from '../lane/math/shift.ts'
import { cos, sin, tan } from '../lane/math/sin-cos.ts'
import { sigmoid, tanh } from '../lane/math/tanh.ts'
import type { Register, Value } from '../lane/program.ts'
import { Unsupported } from './bindings.ts'

/*
 * Elementwise ops as lane code. Values are f32 lanes for floats, i32 lanes for integers and masks for bools.
 */

/** `numbers` are the values of those arguments that are constants. */
type Body = (
  b: LaneBuilder,
  args: readonly Register[],
  node: Node,
  numbers: readonly (number | undefined)[],
) => Register

const floats = (f: (b: LaneBuilder, ...x: Register[]) => Register): Body => {
  return (b, args, node) => {
    if (!isFloating(node.inputs[0]!.dtype)) throw new Unsupported(`${node.op.name} of ${node.inputs[0]!.dtype}`)
    return f(b, ...args)
  }
}

/** One body for floats, one for int32; uint8 keeps its low byte after each operation. */
const numeric = (
  f: (b: LaneBuilder, ...x: Register[]) => Register,
  i: (b: LaneBuilder, ...x: Register[]) => Register,
): Body => {
  return (b, args, node) => {
    const { dtype } = node.inputs[0]!
    if (isFloating(dtype)) return f(b, ...args)
    if (dtype === 'bool') throw new Unsupported(`${node.op.name} of bool`)
    const y = i(b, ...args)
    return dtype === 'uint8' && y.type === 'i32' ? b.iand(y, b.int(255)) : y
  }
}

/** A NaN in either operand is the result. */
export const maximum = (b: LaneBuilder, x: Register, y: Register): Register => b.select(b.ne(x, x), x, b.max(x, y))
export const minimum = (b: LaneBuilder, x: Register, y: Register): Register => b.select(b.ne(x, x), x, b.min(x, y))

const bits =
  (
    mask: (b: LaneBuilder, x: Register, y: Register) => Register,
    int: (b: LaneBuilder, x: Register, y: Register) => Register,
  ): Body =>
  (b, [x, y]) =>
    x!.type === 'mask' ? mask(b, x!, y!) : int(b, x!, y!)

const same = (b: LaneBuilder, x: Register, y: Register): Register => {
  if (x.type === 'mask') return b.mnot(exclusive(b, x, y))
  return x.type === 'f32' ? b.eq(x, y) : b.ieq(x, y)
}

const exclusive = (b: LaneBuilder, x: Register, y: Register): Register => b.mand(b.mor(x, y), b.mnot(b.mand(x, y)))

/** 0 for NaN, as the interpreter. */
const sign = (b: LaneBuilder, x: Register): Register => b.select(b.lt(x, 0), -1, b.select(b.lt(0, x), 1, 0))

const bodies: Readonly<Record<string, Body>> = {
  add: numeric(
    (b, x, y) => b.add(x!, y!),
    (b, x, y) => b.iadd(x!, y!),
  ),
  sub: numeric(
    (b, x, y) => b.sub(x!, y!),
    (b, x, y) => b.isub(x!, y!),
  ),
  mul: numeric(
    (b, x, y) => b.mul(x!, y!),
    (b, x, y) => b.imul(x!, y!),
  ),
  div: floats((b, x, y) => b.div(x!, y!)),
  maximum: numeric(
    (b, x, y) => maximum(b, x!, y!),
    (b, x, y) => b.imax(x!, y!),
  ),
  minimum: numeric(
    (b, x, y) => minimum(b, x!, y!),
    (b, x, y) => b.imin(x!, y!),
  ),
  neg: numeric(
    (b, x) => b.neg(x!),
    (b, x) => b.isub(zero(b), x!),
  ),
  abs: numeric(
    (b, x) => b.abs(x!),
    (b, x) => b.imax(x!, b.isub(zero(b), x!)),
  ),
  sign: numeric(
    (b, x) => sign(b, x!),
    (b, x) => b.imax(b.int(-1), b.imin(b.int(1), x!)),
  ),
  reciprocal: floats((b, x) => b.div(1, x!)),
  sqrt: floats((b, x) => b.sqrt(x!)),
  rsqrt: floats((b, x) => b.div(1, b.sqrt(x!))),
  floor: numeric(
    (b, x) => b.floor(x!),
    (_b, x) => x!,
  ),
  ceil: numeric(
    (b, x) => b.ceil(x!),
    (_b, x) => x!,
  ),
  round: numeric(
    (b, x) => b.round(x!),
    (_b, x) => x!,
  ),
  trunc: numeric(
    (b, x) => b.trunc(x!),
    (_b, x) => x!,
  ),
  exp: floats((b, x) => exp(b, x!)),
  log: floats((b, x) => log(b, x!)),
  sin: floats((b, x) => sin(b, x!)),
  cos: floats((b, x) => cos(b, x!)),
  tanh: floats((b, x) => tanh(b, x!)),
  sigmoid: floats((b, x) => sigmoid(b, x!)),
  erf: floats((b, x) => erf(b, x!)),
  erfc: floats((b, x) => erfc(b, x!)),
  exp2: floats((b, x) => exp2(b, x!)),
  expm1: floats((b, x) => expm1(b, x!)),
  log1p: floats((b, x) => log1p(b, x!)),
  log2: floats((b, x) => log2(b, x!)),
  log10: floats((b, x) => log10(b, x!)),
  tan: floats((b, x) => tan(b, x!)),
  asin: floats((b, x) => asin(b, x!)),
  acos: floats((b, x) => acos(b, x!)),
  atan: floats((b, x) => atan(b, x!)),
  atan2: floats((b, y, x) => atan2(b, y!, x!)),
  sinh: floats((b, x) => sinh(b, x!)),
  cosh: floats((b, x) => cosh(b, x!)),
  asinh: floats((b, x) => asinh(b, x!)),
  acosh: floats((b, x) => acosh(b, x!)),
  atanh: floats((b, x) => atanh(b, x!)),
  fmod: numeric(
    (b, x, y) => fmod(b, x!, y!),
    (b, x, y) => integerFmod(b, x!, y!),
  ),
  remainder: numeric(
    (b, x, y) => floorRemainder(b, x!, y!),
    (b, x, y) => integerRemainder(b, x!, y!),
  ),
  floorDivide: numeric(
    (b, x, y) => floorDivide(b, x!, y!),
    (b, x, y) => integerFloorDivide(b, x!, y!),
  ),
  pow: power,
  eq: (b, [x, y]) => same(b, x!, y!),
  ne: (b, [x, y]) => (x!.type === 'f32' ? b.ne(x!, y!) : b.mnot(same(b, x!, y!))),
  lt: numeric(
    (b, x, y) => b.lt(x!, y!),
    (b, x, y) => b.ilt(x!, y!),
  ),
  le: numeric(
    (b, x, y) => b.le(x!, y!),
    (b, x, y) => b.mnot(b.ilt(y!, x!)),
  ),
  and: bits(
    (b, x, y) => b.mand(x, y),
    (b, x, y) => b.iand(x, y),
  ),
  or: bits(
    (b, x, y) => b.mor(x, y),
    (b, x, y) => b.ior(x, y),
  ),
  xor: bits(exclusive, (b, x, y) => b.ixor(x, y)),
  where: (b, [c, x, y]) => (x!.type === 'mask' ? b.mor(b.mand(c!, x!), b.mand(b.mnot(c!), y!)) : b.select(c!, x!, y!)),
  cast: (b, [x], node) => convert(b, x!, node.inputs[0]!.dtype, node.dtype),
  shiftLeft: shift((b, x, count) => b.shl(x, count), shiftLeft),
  shiftRight: shift((b, x, count) => b.sar(x, count), shiftRight),
  shiftRightLogical: shift((b, x, count) => b.shr(x, count), shiftRightLogical),
  bitcast: (b, [x], node) => (node.dtype === 'int32' ? b.bitsOf(x!) : b.fromBits(x!)),
}

/** Shifts by a constant are one instruction; uint8 keeps its low byte. */
function shift(
  byConstant: (b: LaneBuilder, x: Register, count: number) => Register,
  byLanes: (b: LaneBuilder, x: Register, count: Register) => Register,
): Body {
  return (b, [x, y], node, [, count]) => {
    const fixed = count !== undefined && count >= 0 && count < 32
    const shifted = fixed ? byConstant(b, x!, count) : byLanes(b, x!, y!)
    return node.dtype === 'uint8' ? b.iand(shifted, b.int(255)) : shifted
  }
}

/** Squares, cubes and reciprocals by constant exponents need no logarithm. */
function power(
  b: LaneBuilder,
  [x, y]: readonly Register[],
  node: Node,
  [, exponent]: readonly (number | undefined)[],
): Register {
  if (!isFloating(node.dtype)) {
    const whole = integerPow(b, x!, y!)
    return node.dtype === 'uint8' ? b.iand(whole, b.int(255)) : whole
  }
  if (exponent === 2) return b.mul(x!, x!)
  if (exponent === 3) return b.mul(b.mul(x!, x!), x!)
  if (exponent === -1) return b.div(1, x!)
  return pow(b, x!, y!)
}

const zero = (b: LaneBuilder): Register => b.variable(b.int(0))

/** Conversions round to half precision; its arithmetic is rounded when it is stored. */
function convert(b: LaneBuilder, x: Register, from: DType, to: DType): Register {
  if (to === 'float64') throw new Unsupported(`conversion to ${to}`)
  if (to === 'float16') return roundToFloat16(b, convert(b, x, from, 'float32'))
  if (to === 'bfloat16') return roundToBfloat16(b, convert(b, x, from, 'float32'))
  if (x.type === 'mask') return to === 'bool' ? x : isFloating(to) ? b.select(x, 1, 0) : b.select(x, b.int(1), b.int(0))
  if (to === 'bool') return x.type === 'f32' ? b.ne(x, 0) : b.mnot(b.ieq(x, b.int(0)))
  if (isFloating(to)) return x.type === 'f32' ? x : b.toF32(x)
  const whole = x.type === 'f32' ? b.truncI32(x) : x
  return to === 'uint8' && from !== 'uint8' ? b.iand(whole, b.int(255)) : whole
}

/** The lanes of one elementwise op. */
export function emitElementwise(
  b: LaneBuilder,
  node: Node,
  args: readonly Register[],
  numbers: readonly (number | undefined)[],
): Register {
  const body = bodies[node.op.name]
  if (!body) throw new Unsupported(`op ${node.op.name}`)
  return body(b, args, node, numbers)
}

/** A constant of a dtype, in all lanes. */
export function emitNumber(b: LaneBuilder, value: number, dtype: DType): Register {
  if (dtype === 'bool') return value === 0 ? b.mnot(b.ieq(b.int(0), b.int(0))) : b.ieq(b.int(0), b.int(0))
  const like: Value | ValueLike = isFloating(dtype) ? b.float(value) : b.int(value)
  return b.variable(like)
}

/** A number given at run time, as its dtype rounds it. */
export function emitGiven(b: LaneBuilder, x: Register, dtype: DType): Register {
  return dtype === 'float32' || dtype === 'int32' ? x : convert(b, x, isFloating(dtype) ? 'float32' : 'int32', dtype)
}
