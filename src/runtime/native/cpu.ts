/** What the processor can do, asked by the CPUID instruction. */
import { ValueError } from '../../core/errors.ts'
import { Assembler } from '../../codegen/x64/assembler.ts'
import { emitEntry } from '../../codegen/x64/calling-convention.ts'
import { mem, r8, r9, rax, rbx, rcx, rdi, rdx, rsi } from '../../codegen/x64/operands.ts'
import { addressOf, CodePages } from './memory.ts'

/** The instruction sets that the code generator writes for. */
export type InstructionSet = 'avx512' | 'avx2'

export interface CpuFeatures {
  /** `AMD EPYC 9654 96-Core Processor` */
  readonly brand: string
  /** AVX2, FMA and F16C, with the operating system saving the ymm registers. */
  readonly avx2: boolean
  /** AVX-512 F, VL, BW and DQ, with the operating system saving zmm registers and opmasks. */
  readonly avx512: boolean
}

type Registers = readonly [eax: number, ebx: number, ecx: number, edx: number]

const bit = (value: number, index: number): boolean => ((value >>> index) & 1) === 1

/**
 * Reads the features out of CPUID leaves (Intel SDM volume 2, CPUID).
 *
 * @param cpuid result of the instruction for a leaf and subleaf
 * @param xcr0 the state components that the operating system saves (XGETBV), asked only where OSXSAVE is set
 */
export function readFeatures(cpuid: (leaf: number, subleaf: number) => Registers, xcr0: () => number): CpuFeatures {
  const leaves = cpuid(0, 0)[0]
  const [, , ecx1] = cpuid(1, 0)
  const [, ebx7] = leaves >= 7 ? cpuid(7, 0) : [0, 0, 0, 0]
  const saved = bit(ecx1, 27) ? xcr0() : 0
  const ymmSaved = (saved & 0b110) === 0b110
  const zmmSaved = (saved & 0b1110_0110) === 0b1110_0110
  const avx2 = ymmSaved && bit(ecx1, 28) && bit(ecx1, 12) && bit(ecx1, 29) && bit(ebx7, 5)
  const avx512 = avx2 && zmmSaved && bit(ebx7, 16) && bit(ebx7, 17) && bit(ebx7, 30) && bit(ebx7, 31)
  return { brand: brandString(cpuid), avx2, avx512 }
}

function brandString(cpuid: (leaf: number, subleaf: number) => Registers): string {
  if (cpuid(0x80000000, 0)[0] >>> 0 < 0x80000004) return 'unknown x86-64 processor'
  const words = [2, 3, 4].flatMap((i) => [...cpuid(0x80000000 + i, 0)])
  const bytes = new Uint8Array(new Uint32Array(words).buffer)
  return String.fromCharCode(...bytes.filter((byte) => byte !== 0)).trim()
}

let features: CpuFeatures | null = null

/** Features of this machine's processor. Needs the FFI. */
export function cpuFeatures(): CpuFeatures {
  if (features) return features
  const a = new Assembler()
  // cpuid(leaf, subleaf, out)
  emitEntry(a, 'systemV', () => {
    a.mov(rax.d, rdi.d)
    a.mov(rcx.d, rsi.d)
    a.mov(r8, rdx)
    a.cpuid()
    for (const [i, register] of [rax, rbx, rcx, rdx].entries()) a.mov(mem(r8, 4 * i), register.d)
  })
  a.align(16)
  const xgetbvOffset = a.length
  emitEntry(a, 'systemV', () => {
    a.mov(r9, rdi)
    a.xor(rcx.d, rcx.d)
    a.xgetbv()
    a.mov(mem(r9), rax.d)
  })
  const pages = new CodePages(a.finish())
  const cpuidFunction = pages.functionAt(0, 'void', 'uint32_t', 'uint32_t', 'uintptr_t')
  const xgetbvFunction = pages.functionAt(xgetbvOffset, 'void', 'uintptr_t')
  const out = new Uint32Array(new ArrayBuffer(16))
  const outAddress = addressOf(out)
  features = readFeatures(
    (leaf, subleaf) => {
      cpuidFunction(leaf, subleaf, outAddress)
      return [...out] as unknown as Registers
    },
    () => {
      xgetbvFunction(outAddress)
      return out[0] as number
    },
  )
  return features
}

/**
 * The instruction set to generate code for: the best one, or the one that `GRADUS_CPU` names. `null` where the processor has neither.
 *
 * @throws ValueError where `GRADUS_CPU` names an unknown set or one that this processor lacks
 */
export function chooseInstructionSet(
  cpu: CpuFeatures = cpuFeatures(),
  wanted: string | undefined = process.env['GRADUS_CPU'],
): InstructionSet | null {
  if (wanted === undefined || wanted === '') return cpu.avx512 ? 'avx512' : cpu.avx2 ? 'avx2' : null
  if (wanted !== 'avx512' && wanted !== 'avx2') {
    throw new ValueError('GRADUS_CPU', `expected 'avx2' or 'avx512', received '${wanted}'`)
  }
  if (!cpu[wanted]) throw new ValueError('GRADUS_CPU', `this processor (${cpu.brand}) has no ${wanted}`)
  return wanted
}
