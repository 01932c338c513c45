import { ReLU } from '../nn/activations/rectifiers.ts'
import { Sigmoid } from '../nn/activations/smooth.ts'
import { Sequential } from '../nn/containers.ts'
import { binaryCrossEntropy } from '../nn/functional/losses/binary.ts'
import { Linear } from '../nn/layers/linear.ts'
import { type Layer, Module } from '../nn/module.ts'
import { randn } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** Networks that give back their input through a narrow middle. */

export interface AutoencoderOptions {
  /** Width of the input. Default 784. */
  readonly inputs?: number
  /** Widths of the hidden layers, from the outside in. Default [400]. */
  readonly hidden?: readonly number[]
  /** Width of the middle. Default 20. */
  readonly latent?: number
}

/** Linear layers of these widths with ReLU between them. */
function perceptron(widths: readonly number[]): Layer[] {
  return widths.slice(1).flatMap((width, i) => [...(i > 0 ? [new ReLU()] : []), new Linear(widths[i]!, width)])
}

/** x [N, inputs] with values from 0 to 1 → its reconstruction [N, inputs]. */
export class Autoencoder extends Module {
  encoder: Sequential
  decoder: Sequential

  constructor({ inputs = 784, hidden = [400], latent = 20 }: AutoencoderOptions = {}) {
    super()
    const widths = [inputs, ...hidden, latent]
    this.encoder = new Sequential(perceptron(widths))
    this.decoder = new Sequential([...perceptron(widths.toReversed()), new Sigmoid()])
  }

  forward(x: Tensor): Tensor {
    return this.decoder.forward(this.encoder.forward(x))
  }
}

/** What a variational autoencoder says of an input. */
export interface VaeOutput {
  /** [N, inputs], from 0 to 1. */
  readonly reconstruction: Tensor
  /** Of the latent variable [N, latent]. */
  readonly mean: Tensor
  /** Logarithm of its variance [N, latent]. */
  readonly logVariance: Tensor
}

/**
 * A variational autoencoder (Kingma and Welling, "Auto-encoding variational Bayes", 2013): x [N, inputs] from 0 to 1. In training
 * the latent variable is drawn, in evaluation it is its mean.
 */
export class VariationalAutoencoder extends Module {
  encoder: Sequential
  mean: Linear
  logVariance: Linear
  decoder: Sequential

  constructor({ inputs = 784, hidden = [400], latent = 20 }: AutoencoderOptions = {}) {
    super()
    const widths = [inputs, ...hidden]
    this.encoder = new Sequential([...perceptron(widths), new ReLU()])
    this.mean = new Linear(widths.at(-1)!, latent)
    this.logVariance = new Linear(widths.at(-1)!, latent)
    this.decoder = new Sequential([...perceptron([latent, ...widths.toReversed()]), new Sigmoid()])
  }

  forward(x: Tensor): VaeOutput {
    const features = this.encoder.forward(x)
    const mean = this.mean.forward(features)
    const logVariance = this.logVariance.forward(features)
    const latent = this.training ? mean.add(logVariance.mul(0.5).exp().mul(randn(mean.shape))) : mean
    return { reconstruction: this.decoder.forward(latent), mean, logVariance }
  }
}

/**
 * The negative evidence lower bound per sample: cross-entropy of the reconstruction, and the divergence of the latent variable
 * from a standard normal one, −½ Σ (1 + log σ² − μ² − σ²).
 */
export function vaeLoss({ reconstruction, mean, logVariance }: VaeOutput, x: Tensor): Tensor {
  const [samples = 1] = x.shape
  const error = binaryCrossEntropy(reconstruction, x, { reduction: 'sum' })
  const divergence = logVariance.add(1).sub(mean.square()).sub(logVariance.exp()).sum().mul(-0.5)
  return error.add(divergence).div(samples)
}
