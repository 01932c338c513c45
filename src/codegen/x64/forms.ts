/**
 * Operand forms: which operands an instruction takes, and where each one is encoded. The instruction tables name a form by its key; the
 * type of the assembler's method follows from the same key, so a wrong operand is a type error.
 *
 * An operand class is one letter:
 *   v  vector register            w  vector register or memory        (all of v, w in one instruction have the same width)
 *   a  vector register, any width b  the same or memory
 *   x  xmm                        y  xmm or memory
 *   k  opmask                     h  opmask or memory
 *   g  general register           n  the same or memory               (all of g, n in one instruction have the same size)
 *   d  32-bit general register    D  the same or memory               q, Q: 64 bits   e, E: 8 bits   o, O: 16 bits
 *   c  al, ax, eax, rax           l  cl
 *   m  memory                     t  memory with a vector index
 *   s  immediate that fits a sign-extended byte                       i  immediate          j  immediate of 64 bits
 * A place is one letter:
 *   r  ModRM.reg   m  ModRM.rm   v  VEX.vvvv   i  immediate   4  upper half of the immediate byte   o  low bits of the opcode   -  implied
 */
import type { Gpr, GprSize, Mask, Mem, Vec, VecWidth } from './operands.ts'

/** Form name: [operand classes, places]. */
export const forms: Record<FormName, readonly [classes: string, places: string]> = {
  none: ['', ''],

  // Vector instructions
  rvm: ['vvw', 'rvm'],
  rvmi: ['vvwi', 'rvmi'],
  rvmr: ['vvwv', 'rvm4'],
  rm: ['vw', 'rm'],
  rmi: ['vwi', 'rmi'],
  load: ['vm', 'rm'],
  store: ['mv', 'mr'],
  shift: ['vvi', 'vmi'],
  shiftBy: ['vvy', 'rvm'],
  maskedLoad: ['vvm', 'rvm'],
  maskedStore: ['mvv', 'mvr'],
  convert: ['ab', 'rm'],
  convertRegister: ['aa', 'rm'],
  narrow: ['ba', 'mr'],
  narrowImm: ['bai', 'mri'],
  insert: ['aabi', 'rvmi'],
  gather: ['ata', 'rmv'],
  gatherMasked: ['at', 'rm'],
  scatterMasked: ['ta', 'mr'],

  // Scalars in xmm registers
  xxy: ['xxy', 'rvm'],
  xxyi: ['xxyi', 'rvmi'],
  xxx: ['xxx', 'rvm'],
  xy: ['xy', 'rm'],
  xm: ['xm', 'rm'],
  mx: ['mx', 'mr'],

  // Opmasks
  kvw: ['kvw', 'rvm'],
  kvwi: ['kvwi', 'rvmi'],
  kxyi: ['kxyi', 'rvmi'],
  kkk: ['kkk', 'rvm'],
  kk: ['kk', 'rm'],
  kki: ['kki', 'rmi'],
  kh: ['kh', 'rm'],
  mk: ['mk', 'mr'],
  kd: ['kd', 'rm'],
  kq: ['kq', 'rm'],
  dk: ['dk', 'rm'],
  qk: ['qk', 'rm'],
  kv: ['kv', 'rm'],
  vk: ['vk', 'rm'],

  // Between general and vector registers
  xD: ['xD', 'rm'],
  xq: ['xq', 'rm'],
  Dx: ['Dx', 'mr'],
  qx: ['qx', 'mr'],
  vd: ['vd', 'rm'],
  vq: ['vq', 'rm'],
  dv: ['dv', 'rm'],
  xxD: ['xxD', 'rvm'],
  xxQ: ['xxQ', 'rvm'],
  dy: ['dy', 'rm'],
  qy: ['qy', 'rm'],

  // General registers
  n: ['n', 'm'],
  gn: ['gn', 'rm'],
  ng: ['ng', 'mr'],
  gm: ['gm', 'rm'],
  ns: ['ns', 'mi'],
  ni: ['ni', 'mi'],
  ci: ['ci', '-i'],
  nl: ['nl', 'm-'],
  gns: ['gns', 'rmi'],
  gni: ['gni', 'rmi'],
  gE: ['gE', 'rm'],
  gO: ['gO', 'rm'],
  qD: ['qD', 'rm'],
  di: ['di', 'oi'],
  ei: ['ei', 'oi'],
  qj: ['qj', 'oi'],
  q: ['q', 'o'],
  g: ['g', 'o'],
  Q: ['Q', 'm'],
  E: ['E', 'm'],
  m: ['m', 'm'],
}

export type FormName = keyof Signatures

type X = Vec<16>
type Imm = number

/** The type of the method of each form. `W` and `S` tie the widths of the others to the destination's. */
export interface Signatures {
  none: () => void
  rvm: <W extends VecWidth>(dst: Vec<W>, a: Vec<NoInfer<W>>, b: Vec<NoInfer<W>> | Mem) => void
  rvmi: <W extends VecWidth>(dst: Vec<W>, a: Vec<NoInfer<W>>, b: Vec<NoInfer<W>> | Mem, imm: Imm) => void
  rvmr: <W extends VecWidth>(
    dst: Vec<W>,
    a: Vec<NoInfer<W>>,
    b: Vec<NoInfer<W>> | Mem,
    selector: Vec<NoInfer<W>>,
  ) => void
  rm: <W extends VecWidth>(dst: Vec<W>, src: Vec<NoInfer<W>> | Mem) => void
  rmi: <W extends VecWidth>(dst: Vec<W>, src: Vec<NoInfer<W>> | Mem, imm: Imm) => void
  load: (dst: Vec, src: Mem) => void
  store: (dst: Mem, src: Vec) => void
  shift: <W extends VecWidth>(dst: Vec<W>, src: Vec<NoInfer<W>>, count: Imm) => void
  shiftBy: <W extends VecWidth>(dst: Vec<W>, src: Vec<NoInfer<W>>, count: X | Mem) => void
  maskedLoad: <W extends VecWidth>(dst: Vec<W>, mask: Vec<NoInfer<W>>, src: Mem) => void
  maskedStore: <W extends VecWidth>(dst: Mem, mask: Vec<W>, src: Vec<W>) => void
  convert: (dst: Vec, src: Vec | Mem) => void
  convertRegister: (dst: Vec, src: Vec) => void
  narrow: (dst: Vec | Mem, src: Vec) => void
  narrowImm: (dst: Vec | Mem, src: Vec, imm: Imm) => void
  insert: <W extends VecWidth>(dst: Vec<W>, a: Vec<NoInfer<W>>, b: Vec | Mem, imm: Imm) => void
  gather: (dst: Vec, src: Mem, mask: Vec) => void
  gatherMasked: (dst: Vec, src: Mem) => void
  scatterMasked: (dst: Mem, src: Vec) => void
  xxy: (dst: X, a: X, b: X | Mem) => void
  xxyi: (dst: X, a: X, b: X | Mem, imm: Imm) => void
  xxx: (dst: X, a: X, b: X) => void
  xy: (dst: X, src: X | Mem) => void
  xm: (dst: X, src: Mem) => void
  mx: (dst: Mem, src: X) => void
  kvw: <W extends VecWidth>(dst: Mask, a: Vec<W>, b: Vec<W> | Mem) => void
  kvwi: <W extends VecWidth>(dst: Mask, a: Vec<W>, b: Vec<W> | Mem, imm: Imm) => void
  kxyi: (dst: Mask, a: X, b: X | Mem, imm: Imm) => void
  kkk: (dst: Mask, a: Mask, b: Mask) => void
  kk: (dst: Mask, src: Mask) => void
  kki: (dst: Mask, src: Mask, imm: Imm) => void
  kh: (dst: Mask, src: Mask | Mem) => void
  mk: (dst: Mem, src: Mask) => void
  kd: (dst: Mask, src: Gpr<4>) => void
  kq: (dst: Mask, src: Gpr<8>) => void
  dk: (dst: Gpr<4>, src: Mask) => void
  qk: (dst: Gpr<8>, src: Mask) => void
  kv: (dst: Mask, src: Vec) => void
  vk: (dst: Vec, src: Mask) => void
  xD: (dst: X, src: Gpr<4> | Mem) => void
  xq: (dst: X, src: Gpr<8>) => void
  Dx: (dst: Gpr<4> | Mem, src: X) => void
  qx: (dst: Gpr<8>, src: X) => void
  vd: (dst: Vec, src: Gpr<4>) => void
  vq: (dst: Vec, src: Gpr<8>) => void
  dv: (dst: Gpr<4>, src: Vec) => void
  xxD: (dst: X, a: X, b: Gpr<4> | Mem) => void
  xxQ: (dst: X, a: X, b: Gpr<8> | Mem) => void
  dy: (dst: Gpr<4>, src: X | Mem) => void
  qy: (dst: Gpr<8>, src: X | Mem) => void
  n: (dst: Gpr | Mem) => void
  gn: <S extends GprSize>(dst: Gpr<S>, src: Gpr<NoInfer<S>> | Mem) => void
  ng: <S extends GprSize>(dst: Gpr<S> | Mem, src: Gpr<NoInfer<S>>) => void
  gm: (dst: Gpr, src: Mem) => void
  ns: (dst: Gpr | Mem, imm: Imm) => void
  ni: (dst: Gpr | Mem, imm: Imm) => void
  ci: (dst: Gpr, imm: Imm) => void
  nl: (dst: Gpr | Mem, count: Gpr<1>) => void
  gns: <S extends GprSize>(dst: Gpr<S>, src: Gpr<NoInfer<S>> | Mem, imm: Imm) => void
  gni: <S extends GprSize>(dst: Gpr<S>, src: Gpr<NoInfer<S>> | Mem, imm: Imm) => void
  gE: (dst: Gpr, src: Gpr<1> | Mem) => void
  gO: (dst: Gpr, src: Gpr<2> | Mem) => void
  qD: (dst: Gpr<8>, src: Gpr<4> | Mem) => void
  di: (dst: Gpr<4>, imm: Imm) => void
  ei: (dst: Gpr<1>, imm: Imm) => void
  qj: (dst: Gpr<8>, imm: bigint) => void
  q: (src: Gpr<8>) => void
  g: (src: Gpr) => void
  Q: (src: Gpr<8> | Mem) => void
  E: (dst: Gpr<1> | Mem) => void
  m: (src: Mem) => void
}
