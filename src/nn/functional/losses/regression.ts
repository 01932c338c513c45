import { mul, sub } from '../../../graph/ops/arithmetic.ts'
import { widened } from '../../../graph/ops/precision.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { checkPair, reduced, weighted, type WeightedLossOptions } from './reduction.ts'

/** (input − target)², input and target of one shape; `weight` broadcasts. */
export function mseLoss(input: Tensor, target: Tensor, options: WeightedLossOptions = {}): Tensor {
  checkPair('mseLoss', input, target)
  const { reduction = 'mean', weight } = options
  const difference = sub(widened(input.node), widened(target.node))
  return reduced('mseLoss', weighted(mul(difference, difference), weight), reduction, input)
}
