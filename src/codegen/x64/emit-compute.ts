/** Arithmetic of lane code as AVX-512 or AVX2 instructions. */
import type { Compute, ComputeOp, Register, Value } from '../../lane/program.ts'
import type { LaneOperands } from './lane-operands.ts'
import type { Mem, Vec } from './operands.ts'
import { COMMUTATIVE } from './register-file.ts'

type Binary = (dst: Vec, a: Vec, b: Vec | Mem) => void

/** Instructions with two operands that exist alike in both sets; logic has different names. */
function binaryInstruction({ a, wide }: LaneOperands, op: ComputeOp): Binary | null {
  switch (op) {
    case 'add':
    case 'reduceAdd':
      return (d, x, y) => a.vaddps(d, x, y)
    case 'sub':
      return (d, x, y) => a.vsubps(d, x, y)
    case 'mul':
      return (d, x, y) => a.vmulps(d, x, y)
    case 'div':
      return (d, x, y) => a.vdivps(d, x, y)
    case 'min':
    case 'reduceMin':
      return (d, x, y) => a.vminps(d, x, y)
    case 'max':
    case 'reduceMax':
      return (d, x, y) => a.vmaxps(d, x, y)
    case 'iadd':
      return (d, x, y) => a.vpaddd(d, x, y)
    case 'isub':
      return (d, x, y) => a.vpsubd(d, x, y)
    case 'imul':
      return (d, x, y) => a.vpmulld(d, x, y)
    case 'imin':
      return (d, x, y) => a.vpminsd(d, x, y)
    case 'imax':
      return (d, x, y) => a.vpmaxsd(d, x, y)
    case 'iand':
      return (d, x, y) => (wide ? a.vpandd(d, x, y) : a.vpand(d, x, y))
    case 'ior':
      return (d, x, y) => (wide ? a.vpord(d, x, y) : a.vpor(d, x, y))
    case 'ixor':
      return (d, x, y) => (wide ? a.vpxord(d, x, y) : a.vpxor(d, x, y))
    default:
      return null
  }
}

/** Comparison predicates of VCMPPS that raise no exception (Intel SDM volume 2, table 3-1). */
const PREDICATES: Partial<Record<ComputeOp, number>> = { eq: 0, lt: 17, le: 18, ne: 4 }
/** Rounding modes of VROUNDPS and VRNDSCALEPS, without the inexact exception. */
const ROUNDING: Partial<Record<ComputeOp, number>> = { round: 8, floor: 9, ceil: 10, trunc: 11 }

const SIGN = -(2 ** 31)

export function emitCompute(o: LaneOperands, statement: Compute): void {
  const { op, dst, args } = statement
  if (dst.type === 'mask') emitMask(o, statement)
  else if (op === 'fma' || op === 'fnma') emitFma(o, statement)
  else if (op === 'select') emitSelect(o, statement)
  else if (op.startsWith('reduce')) emitReduce(o, statement)
  else if (op === 'permute' || op === 'permute2') emitPermute(o, statement)
  else if (args.length === 1) emitUnary(o, statement)
  else if (op === 'shl' || op === 'shr' || op === 'sar' || op === 'rotl') emitShift(o, statement)
  else emitBinary(o, statement)
  o.end(dst)
}

function ordered(op: ComputeOp, args: readonly Value[]): readonly [Value, Value] {
  const [x, y] = args as [Value, Value]
  return x.kind === 'constant' && y.kind !== 'constant' && COMMUTATIVE.has(op) ? [y, x] : [x, y]
}

function emitBinary(o: LaneOperands, { op, dst, args }: Compute): void {
  const instruction = binaryInstruction(o, op)
  if (!instruction) throw new Error(`x64: ${op} has no instruction`)
  const [x, y] = ordered(op, args)
  const first = o.inRegister(x)
  const second = o.operand(y)
  instruction(o.result(dst), first, second)
}

function emitUnary(o: LaneOperands, { op, dst, args }: Compute): void {
  const { a, wide } = o
  const [x] = args as [Value]
  if (op === 'move' && x.kind === 'constant') {
    o.constantInto(o.result(dst), x)
    return
  }
  const src = o.inRegister(x)
  const d = o.result(dst)
  const rounding = ROUNDING[op]
  if (rounding !== undefined) {
    if (wide) a.vrndscaleps(d, src, rounding)
    else a.vroundps(d, src, rounding)
    return
  }
  switch (op) {
    case 'move':
    case 'bitsOf':
    case 'fromBits':
      if (d !== src) a.vmovaps(d, src)
      break
    case 'sqrt':
      a.vsqrtps(d, src)
      break
    case 'abs':
      a.vandps(d, src, o.splat(~SIGN))
      break
    case 'neg':
      a.vxorps(d, src, o.splat(SIGN))
      break
    case 'toF32':
      a.vcvtdq2ps(d, src)
      break
    case 'toI32':
      a.vcvtps2dq(d, src)
      break
    case 'truncI32':
      a.vcvttps2dq(d, src)
      break
    default:
      throw new Error(`x64: ${op} has no instruction`)
  }
}

function emitShift(o: LaneOperands, { op, dst, args }: Compute): void {
  const { a, wide } = o
  const [x, count] = args as [Value, Value]
  if (count.kind !== 'constant') throw new Error(`x64: ${op} needs a constant count`)
  const n = count.value & 31
  const src = o.inRegister(x)
  const d = o.result(dst)
  if (op === 'shl') a.vpslld(d, src, n)
  else if (op === 'shr') a.vpsrld(d, src, n)
  else if (op === 'sar') a.vpsrad(d, src, n)
  else if (wide) a.vprold(d, src, n)
  else {
    const high = o.temporary()
    a.vpslld(high, src, n)
    a.vpsrld(d, src, 32 - n)
    a.vpor(d, d, high)
  }
}

/** The three forms differ in which operand is overwritten and which may be in memory; a move is needed only if none of them dies here. */
function emitFma(o: LaneOperands, { op, dst, args }: Compute): void {
  const { a } = o
  let [x, y, z] = args as [Value, Value, Value]
  if (x.kind === 'constant') [x, y] = [y, x]
  const fma231 = (d: Vec, m: Vec, n: Vec | Mem): void =>
    op === 'fma' ? a.vfmadd231ps(d, m, n) : a.vfnmadd231ps(d, m, n)
  const fma213 = (d: Vec, m: Vec, n: Vec | Mem): void =>
    op === 'fma' ? a.vfmadd213ps(d, m, n) : a.vfnmadd213ps(d, m, n)
  const fma132 = (d: Vec, m: Vec, n: Vec | Mem): void =>
    op === 'fma' ? a.vfmadd132ps(d, m, n) : a.vfnmadd132ps(d, m, n)

  const first = o.inRegister(x)
  const second = o.operand(y)
  // Only one operand can be in memory.
  const addend = second.kind === 'mem' && z.kind === 'constant' ? o.inRegister(z) : o.operand(z)
  const d = o.result(dst)
  if (d === addend) fma231(d, first, second)
  else if (d === first && second.kind === 'vec') fma213(d, second, addend)
  else if (d === first) fma132(d, addend as Vec, second)
  else if (d === second) fma213(d, first, addend)
  else {
    if (addend.kind === 'vec') a.vmovaps(d, addend)
    else if (z.kind === 'constant') o.constantInto(d, z)
    fma231(d, first, second)
  }
}

function emitSelect(o: LaneOperands, { dst, args }: Compute): void {
  const [mask, x, y] = args as [Value, Value, Value]
  const ifTrue = o.operand(x)
  const ifFalse = o.inRegister(y)
  if (o.wide) {
    const under = o.mask(mask)
    o.a.vblendmps(o.result(dst).under(under), ifFalse, ifTrue)
  } else {
    const selector = o.inRegister(mask)
    o.a.vblendvps(o.result(dst), ifFalse, ifTrue, selector)
  }
}

/** Comparisons and logic on masks. */
function emitMask(o: LaneOperands, { op, dst, args }: Compute): void {
  const { a, wide } = o
  const [x, y] = args as [Value, Value]
  const predicate = PREDICATES[op]
  if (predicate !== undefined) {
    const [first, second] = [o.inRegister(x), o.operand(y)]
    if (wide) a.vcmpps(o.resultMask(dst), first, second, predicate)
    else a.vcmpps(o.result(dst), first, second, predicate)
  } else if (op === 'ilt' || op === 'ieq') {
    // AVX2 has "greater" only: y > x.
    const [first, second] = wide || op === 'ieq' ? [o.inRegister(x), o.operand(y)] : [o.inRegister(y), o.operand(x)]
    if (wide) a.vpcmpd(o.resultMask(dst), first, second, op === 'ilt' ? 1 : 0)
    else if (op === 'ieq') a.vpcmpeqd(o.result(dst), first, second)
    else a.vpcmpgtd(o.result(dst), first, second)
  } else if (wide) {
    const [first, second] = [o.mask(x), y ? o.mask(y) : null]
    const d = o.resultMask(dst)
    if (op === 'mand' && second) a.kandw(d, first, second)
    else if (op === 'mor' && second) a.korw(d, first, second)
    else if (op === 'mnot') a.knotw(d, first)
    else if (op === 'move') a.kmovw(d, first)
    else throw new Error(`x64: ${op} has no instruction`)
  } else {
    const [first, second] = [o.inRegister(x), y ? o.inRegister(y) : null]
    const d = o.result(dst)
    if (op === 'mand' && second) a.vandps(d, first, second)
    else if (op === 'mor' && second) a.vorps(d, first, second)
    else if (op === 'mnot') a.vxorps(d, first, o.splat(-1))
    else if (op === 'move') a.vmovaps(d, first)
    else throw new Error(`x64: ${op} has no instruction`)
  }
}

/** Folds halves onto each other: lanes i and i + 8, i + 4, i + 2, i + 1. */
function emitReduce(o: LaneOperands, { op, dst, args }: Compute): void {
  const { a, wide } = o
  const fold = binaryInstruction(o, op) as Binary
  const [sum, upper] = [o.temporary(), o.temporary()]
  const src = o.inRegister(args[0] as Value)
  if (wide) {
    a.vextractf64x4(upper.y, src.z, 1)
    fold(sum.y, src.y, upper.y)
    a.vextractf32x4(upper.x, sum.y, 1)
  } else {
    a.vextractf128(upper.x, src.y, 1)
  }
  fold(sum.x, wide ? sum.x : src.x, upper.x)
  a.vpermilpd(upper.x, sum.x, 1)
  fold(sum.x, sum.x, upper.x)
  a.vmovshdup(upper.x, sum.x)
  fold(sum.x, sum.x, upper.x)
  a.vbroadcastss(o.result(dst), sum.x)
}

function emitPermute(o: LaneOperands, { op, dst, args, pattern }: Compute): void {
  const { a, wide } = o
  if (!pattern) throw new Error(`${op} without a pattern`)
  if (op === 'permute2' && emitShuffle(o, dst, args, pattern)) return
  const indices = o.temporary()
  a.vmovups(indices, o.table(Int32Array.from(pattern, (lane) => (wide ? lane : lane % o.lanes))))
  const first = o.inRegister(args[0] as Value)
  if (op === 'permute') {
    a.vpermps(o.result(dst), indices, first)
    return
  }
  const second = o.inRegister(args[1] as Value)
  if (wide) {
    a.vpermi2ps(indices, first, second)
    a.vmovaps(o.result(dst), indices)
    return
  }
  const other = o.temporary()
  a.vpermps(other, indices, first)
  a.vpermps(indices, indices, second)
  const fromSecond = pattern.reduce((mask, lane, i) => mask | (lane >= o.lanes ? 1 << i : 0), 0)
  a.vblendps(o.result(dst), other, indices, fromSecond)
}

/** One instruction for what lanes of two vectors it can choose; false where there is none. */
function emitShuffle(o: LaneOperands, dst: Register, args: readonly Value[], pattern: readonly number[]): boolean {
  const { a, wide, lanes } = o
  const inGroups = choiceInGroups(pattern, lanes)
  const groups = choiceOfGroups(pattern, lanes)
  if (inGroups === undefined && groups === undefined) return false
  const [first, second] = [o.inRegister(args[0] as Value), o.inRegister(args[1] as Value)]
  if (inGroups !== undefined) a.vshufps(o.result(dst), first, second, inGroups)
  else if (wide) a.vshuff32x4(o.result(dst), first, second, groups!)
  else a.vperm2f128(o.result(dst), first, second, groups!)
  return true
}

/** In every group of four lanes the same two of the first vector's group, then two of the second's: two bits for each. */
function choiceInGroups(pattern: readonly number[], lanes: number): number | undefined {
  const chosen = pattern.slice(0, 4).map((lane, i) => lane - (i < 2 ? 0 : lanes))
  if (chosen.some((lane) => lane < 0 || lane > 3)) return undefined
  const same = pattern.every((lane, i) => lane === chosen[i % 4]! + (i - (i % 4)) + (i % 4 < 2 ? 0 : lanes))
  return same ? chosen.reduce((bits, lane, i) => bits | (lane << (2 * i)), 0) : undefined
}

/** Whole groups of four lanes: the lower half of them from the first vector, the upper from the second. */
function choiceOfGroups(pattern: readonly number[], lanes: number): number | undefined {
  const groups = pattern.filter((_, i) => i % 4 === 0).map((lane) => lane / 4)
  const count = lanes / 4
  const whole = pattern.every((lane, i) => lane === 4 * groups[Math.floor(i / 4)]! + (i % 4))
  const halved = groups.every((group, i) => group >= count === i >= count / 2)
  if (!whole || !halved || !groups.every(Number.isInteger)) return undefined
  // With four groups two bits choose one of a vector's; with two groups four bits choose one of both vectors'.
  return groups.reduce((bits, group, i) => bits | (count === 4 ? (group % 4) << (2 * i) : group << (4 * i)), 0)
}
