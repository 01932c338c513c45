import { csv } from '../../data/csv.ts'
import { DataLoader } from '../../data/data-loader.ts'
import { permutation } from '../../data/permutation.ts'
import type { Sampler } from '../../data/sampler.ts'
import { stratifiedSplit } from '../../data/split.ts'
import type { Tokenizer } from '../../io/tokenizer.ts'
import { tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Supervised } from '../../train/evaluate.ts'
import { UsageError } from '../failure.ts'

/** Lengths are filled up to multiples of this, so that few shapes are compiled. */
const step = 16

export interface LabelledTexts {
  readonly texts: readonly string[]
  readonly labels: readonly string[]
}

/** Two columns of a CSV file; rows without a text or a label are left out. Throws a {@link UsageError} when fewer than `least` are left. */
export async function readTexts(
  path: string,
  { textColumn, labelColumn }: { readonly textColumn: string; readonly labelColumn: string },
  least: number,
): Promise<LabelledTexts> {
  const [texts, labels]: [string[], string[]] = [[], []]
  for await (const row of csv(path)) {
    const missing = [textColumn, labelColumn].find((name) => !(name in row))
    if (missing !== undefined) {
      const there = Object.keys(row).join(', ')
      throw new UsageError(
        `${path} has no column '${missing}'; it has ${there}: name yours with --text-column and --label-column`,
      )
    }
    const [text, label] = [row[textColumn]!.trim(), row[labelColumn]!.trim()]
    if (text === '' || label === '') continue
    texts.push(text)
    labels.push(label)
  }
  if (texts.length < least)
    throw new UsageError(`${path}: ${texts.length} rows have a text and a label; at least ${least} are needed`)
  return { texts, labels }
}

/** 70 %, 15 % and 15 % of the rows, every class alike. */
export function partsOf({ texts, labels }: LabelledTexts, seed: number): LabelledTexts[] {
  const rows = { length: texts.length, get: (i: number) => i }
  return stratifiedSplit(rows, [0.7, 0.15, 0.15], { labels, seed }).map(({ indices }) => ({
    texts: Array.from(indices, (i) => texts[i]!),
    labels: Array.from(indices, (i) => labels[i]!),
  }))
}

export interface BatchesOptions {
  readonly tokenizer: Tokenizer
  readonly classes: readonly string[]
  readonly maxLength: number
  readonly batchSize: number
  /** A new order each epoch, with texts of about one length together. Default: as they are. */
  readonly seed?: number
}

/** Batches of texts as one tensor (see {@link packed}) with the numbers of their classes. */
export function textBatches({ texts, labels }: LabelledTexts, options: BatchesOptions): DataLoader<Supervised> {
  const { tokenizer, classes, maxLength, batchSize, seed } = options
  let known: number[] | undefined
  const lengths = (): number[] => {
    known ??= texts.map((text) => tokenizer.encode(text, { maxLength }).length)
    return known
  }
  const numbers = labels.map((label) => classes.indexOf(label))
  const batch = (indices: ArrayLike<number>): readonly [Tensor, Tensor] => [
    packed(
      Array.from(indices, (i) => texts[i]!),
      tokenizer,
      maxLength,
    ),
    tensor(Int32Array.from(indices, (i) => numbers[i]!)),
  ]
  const dataset = {
    length: texts.length,
    get: (index: number): Supervised => [batch([index])[0].squeeze(0), numbers[index]!],
    batch,
  }
  return new DataLoader<Supervised>(dataset, {
    batchSize,
    ...(seed !== undefined && { seed, sampler: byLength(texts.length, lengths, batchSize) }),
  })
}

/** int32 [N, 3, L]: tokens, which of them are no padding, and which of two texts they belong to. */
export function packed(texts: readonly string[], tokenizer: Tokenizer, maxLength: number): Tensor {
  const rows = texts.map((text) => tokenizer.encode(text, { maxLength }))
  const longest = Math.max(...rows.map(({ length }) => length))
  const length = Math.min(maxLength, step * Math.ceil(longest / step))
  const values = new Int32Array(texts.length * 3 * length)
  for (const [n, row] of rows.entries()) {
    const at = 3 * n * length
    values.fill(tokenizer.paddingToken, at, at + length)
    values.set(row, at)
    values.fill(1, at + length, at + length + row.length)
  }
  return tensor(values, { shape: [texts.length, 3, length] })
}

/** Random order in which a batch has texts of about one length: shuffled, sorted in stretches of 50 batches, batches shuffled. */
function byLength(count: number, lengthsOf: () => readonly number[], batchSize: number): Sampler {
  return {
    length: count,
    indices(seed, epoch) {
      const lengths = lengthsOf()
      const order = permutation(count, seed, epoch)
      const stretch = 50 * batchSize
      for (let from = 0; from < count; from += stretch) {
        order.subarray(from, from + stretch).sort((a, b) => lengths[a]! - lengths[b]! || a - b)
      }
      // The last batch may be smaller and stays the last.
      const whole = Math.floor(count / batchSize)
      const batches = Array.from(permutation(whole, seed, epoch), (i) =>
        order.subarray(i * batchSize, (i + 1) * batchSize),
      )
      const out = new Int32Array(count)
      for (const [i, batch] of batches.entries()) out.set(batch, i * batchSize)
      out.set(order.subarray(whole * batchSize), whole * batchSize)
      return out
    },
  }
}
