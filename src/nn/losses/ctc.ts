import type { Tensor } from '../../tensor/tensor.ts'
import { type CtcOptions, ctcLoss, type Lengths } from '../functional/losses/ctc.ts'
import { Loss } from './loss.ts'

/**
 * Connectionist temporal classification (Graves et al. 2006) of log-probabilities [T, N, C]; `blank` is class 0 by default,
 * and with `zeroInfinity` targets that do not fit count as 0.
 */
export class CTCLoss extends Loss {
  readonly blank: number
  readonly zeroInfinity: boolean

  constructor({ blank = 0, zeroInfinity = false, ...options }: CtcOptions = {}) {
    super(options)
    this.blank = blank
    this.zeroInfinity = zeroInfinity
  }

  forward(logProbs: Tensor, targets: Tensor, inputLengths: Lengths, targetLengths: Lengths): Tensor {
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, this)
  }
}
