import type { Tensor } from '../../tensor/tensor.ts'

/**
 * The mean of the rows of real tokens, as sentence encoders are trained (Reimers and Gurevych, "Sentence-BERT", 2019): rows
 * [N, L, E] and mask [N, L] → [N, E]. `F.normalize` then makes products of such rows to cosines.
 */
export function meanPooling(rows: Tensor, attentionMask: Tensor): Tensor {
  const weights = attentionMask.to(rows.dtype).unsqueeze(2)
  return rows.mul(weights).sum(1).div(weights.sum(1).clamp(1e-9))
}
