import { isFloating } from '../core/dtype.ts'
import { DTypeError, IndexError, ShapeError } from '../core/errors.ts'
import { formatShape, sameShape } from '../core/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** A figure of merit for one batch: from the model's output and the target to a scalar. */
export type Metric = (output: Tensor, target: Tensor) => Tensor

/**
 * Share of the samples whose largest output is at their class.
 *
 * @param logits [N, C], or probabilities
 * @param labels class numbers [N]; or class shares [N, C], of which the largest counts
 */
export function accuracy(logits: Tensor, labels: Tensor): Tensor {
  const classes = sameShape(labels.shape, logits.shape) && isFloating(labels.dtype) ? labels.argMax(1) : labels
  checkClassification('accuracy', logits, classes)
  return logits.argMax(1).eq(classes).to('float32').mean()
}

/**
 * How often a sample of class i (row) was taken for class j (column).
 *
 * @param logits [N, C], or probabilities
 * @param labels class numbers, [N]
 */
export async function confusionMatrix(logits: Tensor, labels: Tensor): Promise<number[][]> {
  checkClassification('confusionMatrix', logits, labels)
  const classes = logits.shape[1] ?? 0
  const predicted = await logits.argMax(1).data()
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  for (const [i, label] of (await labels.data()).entries()) {
    const row = matrix[label]
    if (!row)
      throw new IndexError('confusionMatrix', `label ${label} at position ${i} is not one of ${classes} classes`)
    row[predicted[i]!]! += 1
  }
  return matrix
}

function checkClassification(op: string, logits: Tensor, labels: Tensor): void {
  if (logits.rank !== 2 || !sameShape(labels.shape, logits.shape.slice(0, 1))) {
    throw new ShapeError(
      op,
      `expects outputs [N, C] and labels [N], received ${formatShape(logits.shape)} and ${formatShape(labels.shape)}`,
    )
  }
  if (isFloating(labels.dtype)) throw new DTypeError(op, `labels are class numbers, received ${labels.dtype}`)
}
