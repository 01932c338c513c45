import { softmax } from '../../nn/functional/activations.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** An image and what the network makes of it. */
export interface Reading {
  /** 28 × 28 numbers from 0 (paper) to 1 (ink). */
  readonly pixels: ArrayLike<number>
  /** One for each digit; they add up to 1. */
  readonly probabilities: readonly number[]
  /** What the network takes it for. */
  readonly digit: number
  /** The probability of that. */
  readonly confidence: number
}

/** Readings of images [N, 1, 28, 28] from the network's logits [N, 10]. */
export async function readingsOf(images: Tensor, logits: Tensor): Promise<Reading[]> {
  const [count, classes] = logits.shape as [number, number]
  const [pixels, shares] = [await images.data(), await softmax(logits, 1).data()]
  const size = pixels.length / count
  return Array.from({ length: count }, (_, i) => {
    const probabilities = Array.from(shares.subarray(i * classes, (i + 1) * classes))
    const confidence = Math.max(...probabilities)
    return {
      pixels: pixels.subarray(i * size, (i + 1) * size),
      probabilities,
      digit: probabilities.indexOf(confidence),
      confidence,
    }
  })
}
