import { ValueError } from '../core/errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { checkNotNegative } from './checks.ts'

/**
 * λ · Σ|w| over all elements of `params`, to be added to a loss: drives weights that do not matter to zero (Tibshirani,
 * "Regression shrinkage and selection via the lasso", 1996).
 *
 * @returns a scalar
 */
export function l1Penalty(params: Iterable<Tensor>, lambda: number): Tensor {
  checkNotNegative('l1Penalty', { lambda })
  return total('l1Penalty', params, (w) => w.abs().sum()).mul(lambda)
}

/**
 * l1 · Σ|w| + l2 · Σw² over all elements of `params`, to be added to a loss (Zou & Hastie, "Regularization and variable
 * selection via the elastic net", 2005). With l1 = 0 this is the L2 penalty, whose gradient is that of weightDecay = 2 · l2.
 *
 * @returns a scalar
 */
export function elasticNet(params: Iterable<Tensor>, { l1, l2 }: { l1: number; l2: number }): Tensor {
  checkNotNegative('elasticNet', { l1, l2 })
  const each = (w: Tensor): Tensor => w.abs().sum().mul(l1).add(w.mul(w).sum().mul(l2))
  return total('elasticNet', params, each)
}

function total(op: string, params: Iterable<Tensor>, each: (w: Tensor) => Tensor): Tensor {
  const parts = [...params].map(each)
  const [first, ...rest] = parts
  if (!first) throw new ValueError(op, 'received no parameters; pass model.parameters()')
  return rest.reduce((sum, part) => sum.add(part), first)
}
