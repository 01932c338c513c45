/** Loads, stores, gathers and masks of lane code as AVX-512 or AVX2 instructions. */
import { Affine } from '../../lane/affine.ts'
import {
  type Access,
  type ElementType,
  elementBytes,
  type Gather,
  type IndexToLanes,
  type LaneRange,
  type Load,
  type ReadScalar,
  type Store,
} from '../../lane/program.ts'
import type { Addresses } from './addresses.ts'
import type { LaneOperands } from './lane-operands.ts'
import { type Mask, type Mem, mem, rax, rdx, type Vec } from './operands.ts'
import { isPlain } from './register-file.ts'

/** Lanes 0, 1, 2, ... times a stride. */
const iota = (o: LaneOperands, stride = 1): Int32Array => Int32Array.from({ length: o.lanes }, (_, i) => i * stride)

const signed = (word: number): number => word | 0

/** Bits of the lanes of a range that is the same in every round; `null` if it is not. */
function fixedLanes(o: LaneOperands, { at, low, high }: LaneRange): boolean[] | null {
  const expanded = at.expand()
  if (expanded.terms.length > 0) return null
  return Array.from({ length: o.lanes }, (_, i) => expanded.constant + i >= low && expanded.constant + i < high)
}

/** target = (at − low + lane) compared below high − low as unsigned numbers: both bounds at once. Gives the numbers; changes rax. */
function lanesFromLow(o: LaneOperands, addresses: Addresses, { at, low }: LaneRange, target: Vec): void {
  addresses.toRax(at.minus(low))
  broadcastRax(o, target)
  o.a.vpaddd(target, target, o.table(iota(o)))
}

function broadcastRax({ a, wide }: LaneOperands, target: Vec): void {
  if (wide) a.vpbroadcastd(target, rax.d)
  else {
    a.vmovd(target.x, rax.d)
    a.vpbroadcastd(target, target.x)
  }
}

/** AVX-512: the range as an opmask. */
export function rangeToOpmask(
  o: LaneOperands,
  addresses: Addresses,
  range: LaneRange,
  target: Mask,
  scratch: Vec,
): void {
  const { a } = o
  const fixed = fixedLanes(o, range)
  if (fixed) {
    a.mov(
      rax.d,
      fixed.reduce((word, active, i) => word | (active ? 1 << i : 0), 0),
    )
    a.kmovw(target, rax.d)
    return
  }
  lanesFromLow(o, addresses, range, scratch)
  a.vpcmpud(target, scratch, o.splat(signed(Math.max(0, range.high - range.low))), 1)
}

/** AVX2: the range as a vector of ones and zeros. */
export function rangeToVector(
  o: LaneOperands,
  addresses: Addresses,
  range: LaneRange,
  target: Vec,
  scratch: Vec,
): void {
  const { a } = o
  const fixed = fixedLanes(o, range)
  const width = range.high - range.low
  if (fixed || width <= 0) {
    a.vmovups(target, o.table(Int32Array.from({ length: o.lanes }, (_, i) => (fixed?.[i] ? -1 : 0))))
    return
  }
  lanesFromLow(o, addresses, range, scratch)
  a.vpminud(target, scratch, o.splat(signed(width - 1)))
  a.vpcmpeqd(target, target, scratch)
}

export function emitLoad(o: LaneOperands, addresses: Addresses, { dst, access }: Load, scratch: Mem): void {
  const { a, wide } = o
  const { buffer, base, laneStride, within } = access
  const d = o.result(dst)
  if (laneStride === 0) {
    loadSplat(o, d, buffer.type, addresses.element(buffer, base))
  } else if (isPlain(access)) {
    a.vmovups(d, addresses.element(buffer, base))
  } else if (laneStride === 1 && wide) {
    let target = d
    if (within) {
      const mask = o.temporaryMask()
      rangeToOpmask(o, addresses, within, mask, o.temporary())
      target = d.zeroUnder(mask)
    }
    loadSideBySide(o, target, buffer.type, addresses.element(buffer, base))
  } else if (laneStride === 1 && !within) {
    loadSideBySide(o, d, buffer.type, addresses.element(buffer, base))
  } else if (laneStride === 1 && elementBytes[buffer.type] === 4 && within) {
    const mask = o.temporary()
    rangeToVector(o, addresses, within, mask, o.temporary())
    a.vmaskmovps(d, mask, addresses.element(buffer, base))
  } else if (elementBytes[buffer.type] === 4) {
    loadStrided(o, addresses, d, access)
  } else {
    a.vxorps(d, d, d)
    a.vmovups(scratch, d)
    eachLane(o, addresses, access, (element, i) => copyElement(o, buffer.type, element, at(scratch, buffer.type, i)))
    loadSideBySide(o, d, buffer.type, scratch)
  }
  o.end(dst)
}

export function emitStore(o: LaneOperands, addresses: Addresses, { value, access }: Store, scratch: Mem): void {
  const { a, wide } = o
  const { buffer, base, laneStride, within } = access
  const src = o.inRegister(value)
  if (isPlain(access)) {
    a.vmovups(addresses.element(buffer, base), src)
  } else if (laneStride === 1 && wide) {
    let mask: Mask | null = null
    if (within) {
      mask = o.temporaryMask()
      rangeToOpmask(o, addresses, within, mask, o.temporary())
    }
    const target = addresses.element(buffer, base)
    storeSideBySide(o, mask ? target.under(mask) : target, buffer.type, src)
  } else if (laneStride === 1 && !within) {
    storeSideBySide(o, addresses.element(buffer, base), buffer.type, src)
  } else if (laneStride === 1 && elementBytes[buffer.type] === 4 && within) {
    const mask = o.temporary()
    rangeToVector(o, addresses, within, mask, o.temporary())
    a.vmaskmovps(addresses.element(buffer, base), mask, src)
  } else if (elementBytes[buffer.type] === 4 && wide) {
    const [mask, indices] = stridedLanes(o, addresses, access)
    a.vscatterdps(strided(addresses, access, indices).under(mask as Mask), src)
  } else {
    storeSideBySide(o, scratch, buffer.type, src)
    eachLane(o, addresses, access, (element, i) => copyElement(o, buffer.type, at(scratch, buffer.type, i), element))
  }
}

/** Lanes that lie apart are gathered by constant indices. */
function loadStrided(o: LaneOperands, addresses: Addresses, d: Vec, access: Access): void {
  const { a } = o
  const [mask, indices] = stridedLanes(o, addresses, access)
  if (mask.kind === 'mask') {
    a.vpxord(d, d, d)
    a.vpgatherdd(d.under(mask), strided(addresses, access, indices))
  } else {
    a.vpxor(d, d, d)
    a.vpgatherdd(d, strided(addresses, access, indices), mask)
  }
}

/** The active lanes, as gathers and scatters of the set want them, and the multiples of the stride. */
function stridedLanes(o: LaneOperands, addresses: Addresses, access: Access): [Mask | Vec, Vec] {
  const { a, wide } = o
  const { within, laneStride } = access
  const indices = o.temporary()
  const mask = wide ? o.temporaryMask() : o.temporary()
  if (mask.kind === 'mask') {
    if (within) rangeToOpmask(o, addresses, within, mask, indices)
    else a.kxnorw(mask, mask, mask)
  } else {
    if (within) rangeToVector(o, addresses, within, mask, indices)
    else a.vpcmpeqd(mask, mask, mask)
  }
  a.vmovups(indices, o.table(iota(o, laneStride)))
  return [mask, indices]
}

function strided(addresses: Addresses, { buffer, base }: Access, indices: Vec): Mem {
  return addresses.element(buffer, base).indexedBy(indices, 4)
}

export function emitGather(o: LaneOperands, addresses: Addresses, statement: Gather): void {
  const { a, wide } = o
  const { dst, buffer, base, indices, scale, within } = statement
  let index = o.inRegister(indices)
  if (scale !== 1) {
    const scaled = o.temporary()
    a.vpmulld(scaled, index, o.splat(scale))
    index = scaled
  }
  // The instruction reads its index after the destination is cleared, so the two must differ: the result goes through a temporary.
  const gathered = o.temporary()
  const address = (): Mem => addresses.element(buffer, base).indexedBy(index, 4)
  if (wide) {
    const mask = o.temporaryMask()
    if (within) rangeToOpmask(o, addresses, within, mask, gathered)
    else a.kxnorw(mask, mask, mask)
    a.vpxord(gathered, gathered, gathered)
    a.vpgatherdd(gathered.under(mask), address())
    a.vmovaps(o.result(dst), gathered)
  } else {
    const mask = o.temporary()
    if (within) rangeToVector(o, addresses, within, mask, gathered)
    else a.vpcmpeqd(mask, mask, mask)
    a.vpxor(gathered, gathered, gathered)
    a.vpgatherdd(gathered, address(), mask)
    a.vmovaps(o.result(dst), gathered)
  }
  o.end(dst)
}

export function emitIndexToLanes(o: LaneOperands, addresses: Addresses, statement: IndexToLanes): void {
  const { a } = o
  const { dst, value, laneStride } = statement
  const d = o.result(dst)
  const expanded = value.expand()
  if (expanded.terms.length === 0) {
    a.vmovups(d, o.table(iota(o, laneStride).map((lane) => lane + expanded.constant)))
  } else {
    addresses.toRax(expanded)
    broadcastRax(o, d)
    if (laneStride !== 0) a.vpaddd(d, d, o.table(iota(o, laneStride)))
  }
  o.end(dst)
}

export function emitReadScalar(o: LaneOperands, addresses: Addresses, { dst, parameter }: ReadScalar): void {
  addresses.argumentsToRax()
  o.a.vbroadcastss(o.result(dst), mem(rax, 8 * parameter.cell))
  o.end(dst)
}

/** Element i of the area on the stack. */
const at = (scratch: Mem, type: ElementType, i: number): Mem => scratch.plus(i * elementBytes[type])

/** Element by element, for what no vector instruction of the set does: narrow elements under a mask, strides. */
function eachLane(
  o: LaneOperands,
  addresses: Addresses,
  access: Access,
  copy: (element: Mem, lane: number) => void,
): void {
  const { a } = o
  const { buffer, base, laneStride, within } = access
  const fixed = within ? fixedLanes(o, within) : null
  for (let i = 0; i < o.lanes; i++) {
    if (fixed && !fixed[i]) continue
    const skip = a.label()
    if (within && !fixed) {
      addresses.toRax(within.at.plus(i - within.low))
      a.cmp(rax, Math.max(0, within.high - within.low))
      a.jae(skip)
    }
    copy(addresses.element(buffer, Affine.of(base).plus(i * laneStride)), i)
    a.bind(skip)
  }
}

function copyElement({ a }: LaneOperands, type: ElementType, from: Mem, to: Mem): void {
  const register = rdx
  switch (elementBytes[type]) {
    case 1:
      a.mov(register.b, from)
      a.mov(to, register.b)
      break
    case 2:
      a.mov(register.w, from)
      a.mov(to, register.w)
      break
    default:
      a.mov(register.d, from)
      a.mov(to, register.d)
  }
}

function loadSplat({ a }: LaneOperands, d: Vec, type: ElementType, from: Mem): void {
  switch (type) {
    case 'f32':
    case 'i32':
      a.vbroadcastss(d, from)
      break
    case 'f16':
      a.movzx(rax.d, from.sized(2))
      a.vmovd(d.x, rax.d)
      a.vcvtph2ps(d.x, d.x)
      a.vbroadcastss(d, d.x)
      break
    case 'bf16':
      a.movzx(rax.d, from.sized(2))
      a.shl(rax.d, 16)
      a.vmovd(d.x, rax.d)
      a.vbroadcastss(d, d.x)
      break
    case 'u8':
      a.movzx(rax.d, from.sized(1))
      a.vmovd(d.x, rax.d)
      a.vpbroadcastd(d, d.x)
      break
  }
}

function loadSideBySide({ a }: LaneOperands, d: Vec, type: ElementType, from: Mem): void {
  switch (type) {
    case 'f32':
    case 'i32':
      a.vmovups(d, from)
      break
    case 'f16':
      a.vcvtph2ps(d, from)
      break
    case 'bf16':
      a.vpmovzxwd(d, from)
      a.vpslld(unmasked(d), unmasked(d), 16)
      break
    case 'u8':
      a.vpmovzxbd(d, from)
      break
  }
}

const unmasked = (v: Vec): Vec => (v.width === 64 ? v.z : v.y)

function storeSideBySide(o: LaneOperands, to: Mem, type: ElementType, src: Vec): void {
  const { a, wide } = o
  switch (type) {
    case 'f32':
    case 'i32':
      a.vmovups(to, src)
      break
    case 'f16':
      a.vcvtps2ph(to, src, 0)
      break
    case 'bf16': {
      const words = o.temporary()
      roundToBfloat16(o, words, src)
      if (wide) a.vpmovdw(to, words)
      else {
        const upper = o.temporary()
        a.vextracti128(upper.x, words, 1)
        a.vpackusdw(words.x, words.x, upper.x)
        a.vmovups(to, words.x)
      }
      break
    }
    case 'u8':
      if (wide) a.vpmovdb(to, src)
      else {
        const [bytes, upper] = [o.temporary(), o.temporary()]
        a.vpand(bytes, src, o.splat(255))
        a.vextracti128(upper.x, bytes, 1)
        a.vpackusdw(bytes.x, bytes.x, upper.x)
        a.vpackuswb(bytes.x, bytes.x, bytes.x)
        a.vmovsd(to, bytes.x)
      }
      break
  }
}

/** words = bits of the nearest bfloat16, ties to even; a NaN keeps its upper bits and becomes quiet. */
function roundToBfloat16(o: LaneOperands, words: Vec, src: Vec): void {
  const { a, wide } = o
  const quiet = o.temporary()
  a.vpsrld(quiet, src, 16)
  if (wide) a.vpandd(words, quiet, o.splat(1))
  else a.vpand(words, quiet, o.splat(1))
  a.vpaddd(words, words, src)
  a.vpaddd(words, words, o.splat(0x7fff))
  a.vpsrld(words, words, 16)
  if (wide) {
    const nans = o.temporaryMask()
    a.vcmpps(nans, src, src, 3)
    a.vpord(words.under(nans), quiet, o.splat(0x40))
  } else {
    const nans = o.temporary()
    a.vpor(quiet, quiet, o.splat(0x40))
    a.vcmpps(nans, src, src, 3)
    a.vblendvps(words, words, quiet, nans)
  }
}
