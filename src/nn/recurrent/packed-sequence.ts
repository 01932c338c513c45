import { ShapeError, ValueError } from '../../core/errors.ts'
import { formatShape, sameShape } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { gather } from '../../graph/ops/indexing.ts'
import { buffer, scalar } from '../../graph/ops/leaves.ts'
import { where } from '../../graph/ops/logic.ts'
import { reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { concat } from '../../tensor/joining.ts'
import { Tensor } from '../../tensor/tensor.ts'

/**
 * Sequences of different lengths without padding, longest first: the first rows of all, then the second rows of those that
 * have one, and so on. Made by {@link packPaddedSequence} and {@link packSequence}; recurrent layers take and give it.
 */
export class PackedSequence {
  /** [sum of lengths, ...] */
  readonly data: Tensor
  /** How many sequences have a row at each time; never growing. */
  readonly batchSizes: readonly number[]
  /** The sequence at each place, longest first; undefined where they were sorted from the beginning. */
  readonly sortedIndices: readonly number[] | undefined

  constructor(data: Tensor, batchSizes: readonly number[], sortedIndices?: readonly number[]) {
    const total = batchSizes.reduce((sum, n) => sum + n, 0)
    if (data.shape[0] !== total || batchSizes.some((n, t) => n < 1 || n > (batchSizes[t - 1] ?? n))) {
      throw new ValueError(
        'PackedSequence',
        `batch sizes never grow and add up to the rows of data ${formatShape(data.shape)}, received ${formatShape(batchSizes)}`,
      )
    }
    this.data = data
    this.batchSizes = batchSizes
    this.sortedIndices = sortedIndices
  }

  /** Where each sequence went; the opposite of {@link sortedIndices}. */
  get unsortedIndices(): readonly number[] | undefined {
    return this.sortedIndices && inverse(this.sortedIndices)
  }

  /** Lengths, longest first. */
  get sortedLengths(): number[] {
    return Array.from({ length: this.batchSizes[0] ?? 0 }, (_, b) => this.batchSizes.filter((n) => n > b).length)
  }

  /** The same sequences with other rows. */
  with(data: Tensor): PackedSequence {
    return new PackedSequence(data, this.batchSizes, this.sortedIndices)
  }
}

function inverse(order: readonly number[]): number[] {
  const out = new Array<number>(order.length)
  order.forEach((from, to) => {
    out[from] = to
  })
  return out
}

/** Rows of x [n, ...] by their numbers. */
function rowsOf(x: Node, numbers: readonly number[]): Node {
  const index = buffer(Int32Array.from(numbers), [numbers.length, ...x.shape.slice(1).map(() => 1)], 'int32')
  return gather(x, index, 0, 'PackedSequence')
}

/** Sequence number `order[b]` of x [.., B, ...] at place b. */
export function reordered(x: Node, dim: number, order: readonly number[]): Node {
  const index = buffer(
    Int32Array.from(order),
    x.shape.map((_, d) => (d === dim ? order.length : 1)),
    'int32',
  )
  return gather(x, index, dim, 'PackedSequence')
}

/** Where the row of time t and sequence b lies in the data. */
function* places(batchSizes: readonly number[]): Iterable<readonly [t: number, b: number]> {
  for (const [t, count] of batchSizes.entries()) for (let b = 0; b < count; b++) yield [t, b]
}

/** The rows as [T, B, ...], longest first, with whatever where a sequence has ended, and bool [T, B, 1] that is false there. */
export function padded({ data, batchSizes }: PackedSequence): { rows: Node; mask: Node } {
  const [steps, batch] = [batchSizes.length, batchSizes[0] ?? 0]
  const numbers = new Array<number>(steps * batch).fill(0)
  const mask = new Uint8Array(steps * batch)
  let row = 0
  for (const [t, b] of places(batchSizes)) {
    numbers[t * batch + b] = row++
    mask[t * batch + b] = 1
  }
  const rows = reshape(rowsOf(data.node, numbers), [steps, batch, ...data.shape.slice(1)])
  return { rows, mask: buffer(mask, [steps, batch, 1], 'bool') }
}

/** The rows of x [T, B, ...] that `batchSizes` count. */
export function packed(x: Node, batchSizes: readonly number[]): Node {
  const [steps, batch, ...rest] = x.shape as [number, number, ...number[]]
  const numbers = [...places(batchSizes)].map(([t, b]) => t * batch + b)
  return rowsOf(reshape(x, [steps * batch, ...rest]), numbers)
}

export interface PackOptions {
  /** Input is [B, T, ...] instead of [T, B, ...]. Default false. */
  readonly batchFirst?: boolean
  /** Expect the longest sequence first; false sorts them, and what comes out is in the given order. Default true. */
  readonly enforceSorted?: boolean
}

/** Packs padded sequences [T, B, ...] of the given lengths. A tensor of lengths is waited for. */
export function packPaddedSequence(
  input: Tensor,
  lengths: readonly number[] | Tensor,
  { batchFirst = false, enforceSorted = true }: PackOptions = {},
): PackedSequence {
  const op = 'packPaddedSequence'
  const each = lengths instanceof Tensor ? [...lengths.dataSync()] : [...lengths]
  if (input.rank < 2) throw new ShapeError(op, `expects [T, B, ...], received ${formatShape(input.shape)}`)
  const x = batchFirst ? input.transpose(0, 1).node : input.node
  const [steps, batch] = x.shape as [number, number]
  if (each.length !== batch || each.some((n) => !Number.isInteger(n) || n < 1 || n > steps)) {
    throw new ValueError(op, `expects ${batch} lengths from 1 to ${steps}, received ${formatShape(each)}`)
  }
  const order = each.map((_, b) => b).sort((a, b) => each[b]! - each[a]!)
  if (enforceSorted && each.some((n, b) => n > (each[b - 1] ?? n))) {
    throw new ValueError(op, `lengths ${formatShape(each)} do not fall; sort them or pass { enforceSorted: false }`)
  }
  const longest = Math.max(0, ...each)
  const batchSizes = Array.from({ length: longest }, (_, t) => each.filter((n) => n > t).length)
  const sorted = enforceSorted ? x : reordered(x, 1, order)
  return new PackedSequence(wrap(packed(sorted, batchSizes)), batchSizes, enforceSorted ? undefined : order)
}

export interface PadPackedOptions {
  /** Output is [B, T, ...] instead of [T, B, ...]. Default false. */
  readonly batchFirst?: boolean
  /** What stands behind the end of a sequence. Default 0. */
  readonly paddingValue?: number
  /** T of the output. Default: the longest length. */
  readonly totalLength?: number
}

/** The opposite of {@link packPaddedSequence}: [padded sequences, lengths], in the order in which they were packed. */
export function padPackedSequence(
  sequence: PackedSequence,
  { batchFirst = false, paddingValue = 0, totalLength }: PadPackedOptions = {},
): [padded: Tensor, lengths: number[]] {
  const { batchSizes, unsortedIndices, sortedLengths } = sequence
  if (totalLength !== undefined && totalLength < batchSizes.length) {
    throw new ValueError(
      'padPackedSequence',
      `totalLength = ${totalLength} is less than the longest sequence, ${batchSizes.length}`,
    )
  }
  const { rows, mask } = padded(sequence)
  const seen = reshape(mask, [...mask.shape.slice(0, 2), ...rows.shape.slice(2).map(() => 1)])
  const filled = wrap(where(seen, rows, scalar(paddingValue, rows.dtype)))
  const extra = (totalLength ?? batchSizes.length) - batchSizes.length
  const whole =
    extra > 0
      ? filled.pad([...new Array<number>(2 * (filled.rank - 1)).fill(0), 0, extra], { value: paddingValue })
      : filled
  const ordered = unsortedIndices ? wrap(reordered(whole.node, 1, unsortedIndices)) : whole
  const lengths = unsortedIndices ? unsortedIndices.map((b) => sortedLengths[b]!) : sortedLengths
  return [batchFirst ? ordered.transpose(0, 1) : ordered, lengths]
}

export interface PadOptions {
  /** Output is [B, T, ...] instead of [T, B, ...]. Default false. */
  readonly batchFirst?: boolean
  /** Default 0. */
  readonly paddingValue?: number
  /** Default `'right'`. */
  readonly paddingSide?: 'left' | 'right'
}

/** Sequences [Tᵢ, ...] of different lengths as one tensor [T, B, ...], T the longest. */
export function padSequence(
  sequences: readonly Tensor[],
  { batchFirst = false, paddingValue = 0, paddingSide = 'right' }: PadOptions = {},
): Tensor {
  const [first] = sequences
  if (!first) throw new ValueError('padSequence', 'expects at least one sequence')
  const odd = sequences.find((x) => x.rank === 0 || !sameShape(x.shape.slice(1), first.shape.slice(1)))
  if (odd) {
    throw new ShapeError(
      'padSequence',
      `expects sequences [T, ...] that differ in T alone, received ${formatShape(first.shape)} and ${formatShape(odd.shape)}`,
    )
  }
  const longest = Math.max(...sequences.map((x) => x.shape[0]!))
  const dim = batchFirst ? 0 : 1
  const whole = sequences.map((x) => {
    const missing = longest - x.shape[0]!
    const sides = paddingSide === 'left' ? [missing, 0] : [0, missing]
    return x.pad([...new Array<number>(2 * (x.rank - 1)).fill(0), ...sides], { value: paddingValue }).unsqueeze(dim)
  })
  return concat(whole, dim)
}

/** {@link packPaddedSequence} of sequences [Tᵢ, ...]. */
export function packSequence(
  sequences: readonly Tensor[],
  { enforceSorted = true }: Pick<PackOptions, 'enforceSorted'> = {},
): PackedSequence {
  const lengths = sequences.map((x) => x.shape[0] ?? 0)
  return packPaddedSequence(padSequence(sequences), lengths, { enforceSorted })
}

/** The opposite of {@link padSequence}. */
export function unpadSequence(
  padded: Tensor,
  lengths: readonly number[],
  { batchFirst = false }: Pick<PadOptions, 'batchFirst'> = {},
): Tensor[] {
  return lengths.map((length, b) => padded.select(batchFirst ? 0 : 1, b).narrow(0, 0, length))
}

/** The opposite of {@link packSequence}. */
export function unpackSequence(sequence: PackedSequence): Tensor[] {
  return unpadSequence(...padPackedSequence(sequence))
}
