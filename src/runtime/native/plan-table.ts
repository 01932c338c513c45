/**
 * The plan table: what the driver (driver-code.ts) walks through. All numbers are little-endian; addresses and counts are 64-bit.
 *
 *   header    0  number of phases
 *             8  status, written when the run ends: 0 done, 1 failed, 2 stopped
 *            16  error cell: 32-bit code (0: none; kernels set it last), 32-bit op number
 *            24              64-bit index that was out of range
 *            32              64-bit size that it had to be below
 *            40              64-bit position of that index in its tensor
 *            48  reserved up to 64
 *   phases   64  for each phase 16 bytes: offset of its first kernel record from the start of the table, number of chunks of all its kernels
 *   kernels      for each kernel 32 bytes, those of one phase one after the other:
 *             0  address of the function
 *             8  address of its argument block
 *            16  chunks of this kernel and of all before it in the phase
 *            24  reserved
 *
 * A kernel is `fn(arguments, chunk, thread)`: the address of its argument block in rdi, the number of a chunk (from 0 in each kernel) in rsi, the
 * number of the running thread in rdx; System V convention; denormals are flushed. Kernels of one phase run in any order and at the same
 * time; all are over before the next phase begins. What an argument block holds is between kernel and planner; its cells may be rewritten
 * between runs, so that buffers are bound anew without a new table.
 */
import { addressOf, alignedBytes, type CodePages } from './memory.ts'

export const HEADER_BYTES = 64
export const PHASE_BYTES = 16
export const KERNEL_BYTES = 32
export const header = {
  phases: 0,
  status: 8,
  errorCode: 16,
  errorOp: 20,
  errorIndex: 24,
  errorSize: 32,
  errorPosition: 40,
} as const
export const phase = { kernels: 0, chunks: 8 } as const
export const kernel = { function: 0, arguments: 8, end: 16 } as const

/** One kernel of a phase. */
export interface KernelCall {
  readonly code: CodePages
  /** Where in `code` the function begins. */
  readonly offset: number
  readonly argumentBlock: ArrayBufferView
  /** How many times it is called, with chunk numbers from 0; at least 1. */
  readonly chunks: number
}

/** What a kernel reported. What the numbers mean is agreed between kernel and planner. */
export interface KernelError {
  readonly code: number
  readonly op: number
  readonly index: number
  readonly size: number
  readonly position: number
}

/** How a run ended: to the end; given up at a barrier because a kernel reported an error; or because the process exits. */
export type Outcome =
  | { readonly status: 'done' | 'stopped' }
  | { readonly status: 'failed'; readonly error: KernelError }

export class PlanTable {
  readonly address: number
  /** Holds code and argument blocks: what the table only knows by address. */
  readonly phases: readonly (readonly KernelCall[])[]
  readonly #view: DataView

  constructor(phases: readonly (readonly KernelCall[])[]) {
    this.phases = phases
    const kernels = phases.flat()
    const bytes = alignedBytes(HEADER_BYTES + PHASE_BYTES * phases.length + KERNEL_BYTES * kernels.length)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.address = addressOf(bytes)
    this.#write(header.phases, phases.length)
    let kernelAt = HEADER_BYTES + PHASE_BYTES * phases.length
    phases.forEach((calls, number) => {
      const phaseAt = HEADER_BYTES + PHASE_BYTES * number
      this.#write(phaseAt + phase.kernels, kernelAt)
      let end = 0
      for (const call of calls) {
        if (!(call.chunks >= 1))
          throw new RangeError(`phase ${number}: a kernel needs at least 1 chunk, received ${call.chunks}`)
        end += call.chunks
        this.#write(kernelAt + kernel.function, call.code.address + call.offset)
        this.#write(kernelAt + kernel.arguments, addressOf(call.argumentBlock))
        this.#write(kernelAt + kernel.end, end)
        kernelAt += KERNEL_BYTES
      }
      this.#write(phaseAt + phase.chunks, end)
    })
  }

  /** Address of the error cell, for the argument blocks of kernels that check indices. */
  get errorCell(): number {
    return this.address + header.errorCode
  }

  /** How the last run ended. */
  outcome(): Outcome {
    const status = this.#view.getUint32(header.status, true)
    if (status === 0) return { status: 'done' }
    if (status === 2) return { status: 'stopped' }
    const error = {
      code: this.#view.getUint32(header.errorCode, true),
      op: this.#view.getUint32(header.errorOp, true),
      index: Number(this.#view.getBigInt64(header.errorIndex, true)),
      size: Number(this.#view.getBigInt64(header.errorSize, true)),
      position: Number(this.#view.getBigInt64(header.errorPosition, true)),
    }
    return { status: 'failed', error }
  }

  #write(at: number, value: number): void {
    this.#view.setBigUint64(at, BigInt(value), true)
  }
}
