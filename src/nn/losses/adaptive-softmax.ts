import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { add, neg, sub } from '../../graph/ops/arithmetic.ts'
import { gather } from '../../graph/ops/indexing.ts'
import { constant } from '../../graph/ops/leaves.ts'
import { and, less, lessEqual, where } from '../../graph/ops/logic.ts'
import { checkedLabels, reduceLoss } from '../../graph/ops/loss.ts'
import { reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { concat } from '../../tensor/joining.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { ModuleList, Sequential } from '../containers.ts'
import { describe } from '../describe.ts'
import { logSoftmax } from '../functional/activations.ts'
import { checkWhole, type ParameterizedOptions } from '../layers/arguments.ts'
import { Linear } from '../layers/linear.ts'
import { Module } from '../module.ts'

export interface AdaptiveLogSoftmaxOptions extends ParameterizedOptions {
  /** Each further cluster is computed with this many times fewer features. Default 4. */
  readonly divValue?: number
  /** Whether the head has a bias. Default false. */
  readonly headBias?: boolean
}

const op = 'AdaptiveLogSoftmaxWithLoss'

/**
 * Softmax for very many classes of which few are frequent (Grave et al., "Efficient softmax approximation for GPUs", 2017).
 * Classes are sorted by falling frequency; `cutoffs` divide them: the first group is decided by the head, each further one by
 * a cluster with fewer features of its own.
 */
export class AdaptiveLogSoftmaxWithLoss extends Module {
  readonly inFeatures: number
  readonly nClasses: number
  /** The given cutoffs and the number of classes. */
  readonly cutoffs: readonly number[]
  readonly divValue: number
  head: Linear
  tail: ModuleList<Sequential>

  constructor(
    inFeatures: number,
    nClasses: number,
    cutoffs: readonly number[],
    { divValue = 4, headBias = false, dtype = 'float32' }: AdaptiveLogSoftmaxOptions = {},
  ) {
    super()
    this.inFeatures = checkWhole(op, 'inFeatures', inFeatures)
    this.nClasses = checkWhole(op, 'nClasses', nClasses)
    const rising = cutoffs.every((c, i) => Number.isInteger(c) && c > (cutoffs[i - 1] ?? 0) && c < nClasses)
    if (cutoffs.length === 0 || !rising) {
      throw new ValueError(
        op,
        `cutoffs must be rising whole numbers from 1 to ${nClasses - 1}, received ${formatShape(cutoffs)}`,
      )
    }
    this.cutoffs = [...cutoffs, nClasses]
    this.divValue = divValue
    this.head = new Linear(inFeatures, cutoffs[0]! + cutoffs.length, { bias: headBias, dtype })
    this.tail = new ModuleList(
      cutoffs.map((start, i) => {
        const hidden = Math.floor(inFeatures / divValue ** (i + 1))
        return new Sequential(
          new Linear(inFeatures, hidden, { bias: false, dtype }),
          new Linear(hidden, this.cutoffs[i + 1]! - start, { bias: false, dtype }),
        )
      }),
    )
  }

  resetParameters(): void {
    for (const module of this.modules()) if (module instanceof Linear) module.resetParameters()
  }

  /** Log-probabilities of the head's own classes and clusters, and of the classes within each cluster. */
  private logProbs(x: Tensor): { head: Tensor; clusters: Tensor[] } {
    const clusters = Array.from(this.tail, (cluster) => logSoftmax(cluster.forward(x), 1))
    return { head: logSoftmax(this.head.forward(x), 1), clusters }
  }

  /**
   * x [N, inFeatures] and labels [N] (or [inFeatures] and a scalar) → `output`, the log-probability of each label [N], and
   * `loss`, the mean of their negatives. A label outside [0, nClasses) gives an {@link IndexError} when the data is looked at.
   */
  forward(x: Tensor, target: Tensor): { output: Tensor; loss: Tensor } {
    const batch = x.rank === 2
    if ((x.rank !== 1 && !batch) || target.rank !== x.rank - 1 || (batch && target.shape[0] !== x.shape[0])) {
      throw new ShapeError(
        op,
        `expects an input [N, ${this.inFeatures}] and labels [N], or one of each; received ${formatShape(x.shape)} and ${formatShape(target.shape)}`,
      )
    }
    const rows = batch ? x : x.reshape(1, this.inFeatures)
    const n = rows.shape[0]!
    const labels = reshape(checkedLabels(target.node, { classes: this.nClasses, label: op }), [n, 1])
    const { head, clusters } = this.logProbs(rows)
    const number = (value: number): Node => constant(value, 'int32')
    const first = number(this.cutoffs[0]!)
    let place = where(less(labels, first), labels, number(0))
    let within = reshape(constant(0, head.dtype), [1, 1])
    for (const [i, cluster] of clusters.entries()) {
      const start = number(this.cutoffs[i]!)
      const inside = and(lessEqual(start, labels), less(labels, number(this.cutoffs[i + 1]!)))
      const relative = where(inside, sub(labels, start), number(0))
      place = where(inside, number(this.cutoffs[0]! + i), place)
      within = where(inside, gather(cluster.node, relative, 1, op), within)
    }
    const output = reshape(add(gather(head.node, place, 1, op), within), batch ? [n] : [])
    return { output: wrap(output), loss: wrap(reduceLoss(neg(output), 'mean')) }
  }

  /** Log-probabilities of all classes: x [N, inFeatures] → [N, nClasses]. */
  logProb(x: Tensor): Tensor {
    const { head, clusters } = this.logProbs(x)
    const first = this.cutoffs[0]!
    const parts = clusters.map((cluster, i) => cluster.add(head.narrow(1, first + i, 1)))
    return concat([head.narrow(1, 0, first), ...parts], 1)
  }

  /** The likeliest class of each sample: x [N, inFeatures] → int32 [N]. */
  predict(x: Tensor): Tensor {
    return this.logProb(x).argMax(1)
  }

  override extraRepr(): string {
    const { inFeatures, nClasses, cutoffs, divValue } = this
    return describe({ inFeatures, nClasses, cutoffs, divValue })
  }
}
