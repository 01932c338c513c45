import type { Tensor } from 'gradus'
import type { AttentionWork } from './attention.ts'
import type { ConvolutionWork } from './convolution.ts'
import type { MatmulWork } from './matmul.ts'
import type { RowsWork } from './rows.ts'
import type { TrainWork } from './train.ts'

/** What a workload does, as plain data: every side (Gradus and each peer) reads the same description. */
export type Work = MatmulWork | TrainWork | RowsWork | ConvolutionWork | AttentionWork

/** A piece of work under its name in tables and in `--only`. */
export interface Workload {
  readonly name: string
  readonly work: Work
}

/** All that a side starts from, by name; the peers read it from a safetensors file. */
export type Inputs = ReadonlyMap<string, Tensor>

/** Work that is ready to be timed. */
export interface Prepared {
  /** One iteration; resolves when everything it stands for is computed. */
  run(): Promise<unknown>
  /** What every side must arrive at after the same number of iterations. */
  evidence(): Promise<ArrayLike<number>>
}

/** How one kind of work is done with Gradus. */
export interface Kind<W extends Work> {
  /** Iterations before sides are compared; they warm up, too. */
  readonly checkAfter: number
  inputs(work: W): Inputs
  prepare(work: W, inputs: Inputs): Prepared
  /** Floating-point operations of the products in one iteration, 2 a multiply-add; null where there are none. */
  flops(work: W): number | null
}

/** Of a long result some elements from all over it. */
export function sample(values: ArrayLike<number>, count = 256): number[] {
  const length = Math.min(count, values.length)
  return Array.from({ length }, (_, i) => values[Math.floor((i * values.length) / length)]!)
}

export function input(inputs: Inputs, name: string): Tensor {
  const found = inputs.get(name)
  if (!found) throw new Error(`no input '${name}' among ${[...inputs.keys()].join(', ')}`)
  return found
}
