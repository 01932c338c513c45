import { IndexError, ShapeError, ValueError } from '../core/errors.ts'
import { formatShape } from '../core/shape.ts'
import { type BatchValues, fromSums, type StreamingMetric } from './streaming-metric.ts'

/** How figures of single classes become one: their mean, their mean by class size, or all samples counted together. */
export type Averaging = 'macro' | 'weighted' | 'micro'

export interface ClassMetricOptions {
  /** Number of classes. 2 with outputs [N] or [N, 1]: class 1 where the logit is above 0. */
  readonly classes: number
  /** Default 'macro'. A number: the figure of that class alone. */
  readonly average?: Averaging | number
}

/** Share of those taken for a class that are of it. */
export function precision(options: ClassMetricOptions): StreamingMetric {
  return perClass('precision', options, ({ right, taken }) => right / taken)
}

/** Share of those of a class that were taken for it. */
export function recall(options: ClassMetricOptions): StreamingMetric {
  return perClass('recall', options, ({ right, are }) => right / are)
}

/** Harmonic mean of precision and recall. */
export function f1(options: ClassMetricOptions): StreamingMetric {
  return perClass('f1', options, ({ right, taken, are }) => (2 * right) / (taken + are))
}

/** Share of the samples whose class is among the `k` largest outputs. Outputs [N, C] and labels [N]. */
export function topK(k: number): StreamingMetric {
  return fromSums(
    2,
    (sums, batch) => {
      const { output } = batch
      for (const { label, from, classes } of rows('topK', batch)) {
        let above = 0
        for (let c = 0; c < classes; c++) if (output[from + c]! > output[from + label]!) above++
        if (above < k) sums[0]!++
        sums[1]!++
      }
    },
    ([right, all]) => right! / all!,
  )
}

/** Counts how often class i (row) was taken for class j (column), row by row; `compute` gives the share on the diagonal. */
export function confusion(options: { readonly classes: number }): StreamingMetric {
  const { classes } = options
  return fromSums(
    classes * classes,
    (sums, batch) => count('confusion', sums, batch, classes),
    (sums) => diagonal(sums, classes) / total(sums),
  )
}

/**
 * Area under the receiver operating characteristic of a two-class model: the chance that a sample of class 1 has a larger output than one
 * of class 0, ties counting half (Mann & Whitney 1947). Outputs [N], [N, 1], or [N, 2], whose difference is taken. Keeps all
 * scores.
 */
export function rocAuc(): StreamingMetric {
  let pairs: number[] = []
  return {
    update({ output, outputShape, target }) {
      const width = outputShape[1] ?? 1
      if (width > 2)
        throw new ShapeError('rocAuc', `expects outputs of two classes, received ${formatShape(outputShape)}`)
      for (let i = 0; i < target.length; i++) {
        const score = width === 2 ? output[2 * i + 1]! - output[2 * i]! : output[i]!
        pairs.push(score, target[i]!)
      }
    },
    compute: () => areaUnderCurve(pairs),
    fresh: rocAuc,
    state: () => [...pairs],
    restore: (state) => {
      pairs = [...state]
    },
  }
}

function areaUnderCurve(pairs: readonly number[]): number {
  const scored = Array.from({ length: pairs.length / 2 }, (_, i) => [pairs[2 * i]!, pairs[2 * i + 1]!] as const)
  scored.sort(([a], [b]) => a - b)
  const positives = scored.filter(([, label]) => label === 1).length
  let ranks = 0
  for (let from = 0; from < scored.length; ) {
    let to = from
    while (to < scored.length && scored[to]![0] === scored[from]![0]) to++
    const rank = (from + 1 + to) / 2
    for (let i = from; i < to; i++) if (scored[i]![1] === 1) ranks += rank
    from = to
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * (scored.length - positives))
}

interface Counts {
  readonly right: number
  /** Samples taken for the class. */
  readonly taken: number
  /** Samples of the class. */
  readonly are: number
}

function perClass(
  op: string,
  { classes, average = 'macro' }: ClassMetricOptions,
  figure: (counts: Counts) => number,
): StreamingMetric {
  if (typeof average === 'number' && !(average >= 0 && average < classes)) {
    throw new ValueError(op, `there is no class ${average} of ${classes}`)
  }
  return fromSums(
    classes * classes,
    (sums, batch) => count(op, sums, batch, classes),
    (sums) => {
      const counts = Array.from({ length: classes }, (_, c): Counts => {
        const column = sums.filter((__, i) => i % classes === c)
        return {
          right: sums[c * classes + c]!,
          taken: total(column),
          are: total(sums.slice(c * classes, (c + 1) * classes)),
        }
      })
      // As scikit-learn: where nothing was taken for a class, its figure is 0.
      const figures = counts.map((each) => (each.right === 0 ? 0 : figure(each)))
      if (typeof average === 'number') return figures[average]!
      if (average === 'micro') return diagonal(sums, classes) / total(sums)
      const weights = average === 'macro' ? counts.map(() => 1) : counts.map(({ are }) => are)
      return total(figures.map((value, c) => value * weights[c]!)) / total(weights)
    },
  )
}

function count(op: string, sums: number[], batch: BatchValues, classes: number): void {
  for (const { label, taken } of rows(op, batch)) {
    if (!(label >= 0 && label < classes)) throw new IndexError(op, `label ${label} is not one of ${classes} classes`)
    sums[label * classes + taken]!++
  }
}

/** Label and choice of every sample. Labels may be class shares [N, C]; then the largest counts. */
function* rows(
  op: string,
  { output, outputShape, target, targetShape }: BatchValues,
): Generator<{ label: number; taken: number; from: number; classes: number }> {
  const count = outputShape[0] ?? 0
  const classes = outputShape.length < 2 ? 1 : outputShape.at(-1)!
  const width = target.length / count
  if (outputShape.length > 2 || (width !== 1 && width !== classes)) {
    throw new ShapeError(
      op,
      `expects outputs [N, C] and labels [N], received ${formatShape(outputShape)} and ${formatShape(targetShape)}`,
    )
  }
  for (let i = 0; i < count; i++) {
    const from = i * classes
    const label = width === 1 ? target[i]! : largest(target, i * width, width)
    const taken = classes === 1 ? Number(output[i]! > 0) : largest(output, from, classes)
    yield { label, taken, from, classes }
  }
}

function largest(values: ArrayLike<number>, from: number, length: number): number {
  let best = 0
  for (let c = 1; c < length; c++) if (values[from + c]! > values[from + best]!) best = c
  return best
}

const total = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0)

function diagonal(sums: readonly number[], classes: number): number {
  let right = 0
  for (let c = 0; c < classes; c++) right += sums[c * classes + c]!
  return right
}
