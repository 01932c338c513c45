import { encodeImage } from '../../data/image.ts'
import { AppendFile } from '../../io/append-file.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { record } from './event-record.ts'
import { type Bytes, bytes, double, float, message, packedDoubles, whole } from './protobuf.ts'

/** What a training was set up with. */
export type Hyperparameters = Readonly<Record<string, number | string | boolean>>

/**
 * A file that TensorBoard reads (`tensorboard --logdir runs`): scalars, histograms, images, texts and hyperparameters over the
 * steps of a training. Names follow `torch.utils.tensorboard.SummaryWriter`. Events are appended as they come; a process that is
 * killed loses at most the last one. Needs Node.
 */
export class SummaryWriter {
  private readonly file: AppendFile

  /** @param folder made where it is absent; the file in it has a name of its own */
  constructor(folder: string) {
    const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0')
    this.file = new AppendFile(
      folder,
      `events.out.tfevents.${seconds}.gradus.${globalThis.crypto.randomUUID().slice(0, 8)}`,
    )
    this.file.append(record(event(0, bytes(3, 'brain.Event:2'))))
  }

  get path(): string {
    return this.file.path
  }

  addScalar(tag: string, value: number, step: number): void {
    this.add(tag, step, float(2, value))
  }

  /** Several scalars under one heading: `loss/train`, `loss/validation`. */
  addScalars(heading: string, values: Readonly<Record<string, number>>, step: number): void {
    for (const [name, value] of Object.entries(values)) this.addScalar(`${heading}/${name}`, value, step)
  }

  /** How values are distributed; those that are not finite are left out. */
  addHistogram(tag: string, values: ArrayLike<number>, step: number): void {
    this.add(tag, step, bytes(5, histogram(values)))
  }

  /** A picture [C, H, W]: uint8, or floats from 0 to 1. Encoded by the npm package `sharp`. */
  async addImage(tag: string, image: Tensor, step: number): Promise<void> {
    const [channels, height, width] = image.shape as [number, number, number]
    const png = await encodeImage(image)
    this.add(tag, step, bytes(4, message(whole(1, height), whole(2, width), whole(3, channels), bytes(4, png))))
  }

  /** A text in Markdown. */
  addText(tag: string, text: string, step: number): void {
    const shape = message(bytes(2, message(whole(1, 1))))
    const tensor = message(whole(1, dataTypeString), bytes(2, shape), bytes(8, text))
    this.add(tag, step, bytes(8, tensor), bytes(9, metadata('text')))
  }

  /** Settings, to be compared with those of other runs by the figures they led to. */
  addHparams(settings: Hyperparameters, metrics: readonly string[]): void {
    const infos = Object.entries(settings).map(([name, value]) =>
      bytes(4, message(bytes(1, name), whole(4, { string: 1, boolean: 2, number: 3 }[typeof value as 'string']!))),
    )
    const figures = metrics.map((tag) => bytes(5, message(bytes(1, message(bytes(2, tag))))))
    const values = Object.entries(settings).map(([name, value]) =>
      bytes(1, message(bytes(1, name), bytes(2, jsonValue(value)))),
    )
    const start = message(...values, double(5, Date.now() / 1000))
    const end = message(whole(1, 1), double(2, Date.now() / 1000))
    const parts = {
      experiment: bytes(2, message(...infos, ...figures)),
      session_start_info: bytes(3, start),
      session_end_info: bytes(4, end),
    }
    for (const [name, part] of Object.entries(parts)) {
      this.add(`_hparams_/${name}`, 0, bytes(9, metadata('hparams', message(whole(1, 0), part))))
    }
  }

  /** Resolves when everything so far is in the file. Throws a `FileError` when it could not be written. */
  flush(): Promise<void> {
    return this.file.flush()
  }

  private add(tag: string, step: number, ...value: readonly Bytes[]): void {
    const summary = message(bytes(1, message(bytes(1, tag), ...value)))
    this.file.append(record(event(step, bytes(5, summary))))
  }
}

/** TensorFlow's number for texts. */
const dataTypeString = 7

function event(step: number, what: Bytes): Uint8Array {
  return message(double(1, Date.now() / 1000), whole(2, step), what)
}

function metadata(plugin: string, content: Uint8Array = new Uint8Array()): Uint8Array {
  return message(bytes(1, message(bytes(1, plugin), bytes(2, content))))
}

function jsonValue(value: number | string | boolean): Uint8Array {
  if (typeof value === 'number') return message(double(2, value))
  return typeof value === 'string' ? message(bytes(3, value)) : message(whole(4, Number(value)))
}

/** Buckets grow by a tenth from 10⁻¹² on, to both sides of zero, as TensorFlow's. */
const limits: readonly number[] = (() => {
  const positive: number[] = []
  for (let limit = 1e-12; limit < 1e20; limit *= 1.1) positive.push(limit)
  return [...positive.map((limit) => -limit).reverse(), 0, ...positive, Number.MAX_VALUE]
})()

function histogram(values: ArrayLike<number>): Uint8Array {
  const counts = new Float64Array(limits.length)
  let [least, most, count, sum, squares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0]
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    if (!Number.isFinite(value)) continue
    least = Math.min(least, value)
    most = Math.max(most, value)
    count++
    sum += value
    squares += value * value
    counts[bucketOf(value)]!++
  }
  const first = Math.max(0, counts.findIndex((n) => n > 0) - 1)
  const last = counts.findLastIndex((n) => n > 0) + 1
  const used = Array.from({ length: Math.max(0, last - first) }, (_, i) => first + i)
  return message(
    ...[
      double(1, count > 0 ? least : 0),
      double(2, count > 0 ? most : 0),
      double(3, count),
      double(4, sum),
      double(5, squares),
    ],
    packedDoubles(
      6,
      used.map((i) => limits[i]!),
    ),
    packedDoubles(
      7,
      used.map((i) => counts[i]!),
    ),
  )
}

/** The first bucket whose limit is above `value`. */
function bucketOf(value: number): number {
  let [low, high] = [0, limits.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if (limits[middle]! > value) high = middle
    else low = middle + 1
  }
  return low
}
