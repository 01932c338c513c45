import { ShapeError } from '../core/errors.ts'
import { formatShape } from '../core/shape.ts'
import { GELU } from '../nn/activations/smooth.ts'
import { Sequential } from '../nn/containers.ts'
import { normal, truncNormal } from '../nn/init.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { Dropout } from '../nn/layers/dropout.ts'
import { LayerNorm } from '../nn/layers/layer-norm.ts'
import { Linear } from '../nn/layers/linear.ts'
import { MultiheadAttention } from '../nn/layers/multihead-attention.ts'
import { Module } from '../nn/module.ts'
import { snakeCase } from '../nn/names.ts'
import { Parameter } from '../nn/parameter.ts'
import { zeros } from '../tensor/creation.ts'
import { concat } from '../tensor/joining.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { ClassifierOptions } from './options.ts'

/** The Vision Transformer (Dosovitskiy et al., "An image is worth 16x16 words", 2020) with the names of torchvision. */

export interface VisionTransformerOptions extends ClassifierOptions {
  /** Height and width of the images. Default 224. */
  readonly imageSize?: number
  /** Height and width of a patch. Default 16. */
  readonly patchSize?: number
  /** Default 12. */
  readonly numLayers?: number
  /** Default 12. */
  readonly numHeads?: number
  /** Width of the network. Default 768. */
  readonly hiddenDim?: number
  /** Width inside the perceptrons. Default 3072. */
  readonly mlpDim?: number
  /** Probability of dropping features in training. Default 0. */
  readonly dropout?: number
}

type Sizes = Required<Omit<VisionTransformerOptions, keyof ClassifierOptions>>

/** Normalisation, attention and perceptron, each beside a shortcut. */
class EncoderBlock extends Module {
  ln_1: LayerNorm
  self_attention: MultiheadAttention
  dropout: Dropout
  ln_2: LayerNorm
  mlp: Sequential

  constructor({ hiddenDim, mlpDim, numHeads, dropout }: Sizes) {
    super()
    this.ln_1 = new LayerNorm(hiddenDim, { eps: 1e-6 })
    this.self_attention = new MultiheadAttention(hiddenDim, numHeads, { batchFirst: true })
    this.dropout = new Dropout(dropout)
    this.ln_2 = new LayerNorm(hiddenDim, { eps: 1e-6 })
    this.mlp = new Sequential(
      ...[new Linear(hiddenDim, mlpDim), new GELU(), new Dropout(dropout)],
      ...[new Linear(mlpDim, hiddenDim), new Dropout(dropout)],
    )
  }

  forward(x: Tensor): Tensor {
    const y = this.ln_1.forward(x)
    const [attended] = this.self_attention.forward(y, y, y, { needWeights: false })
    const z = x.add(this.dropout.forward(attended))
    return z.add(this.mlp.forward(this.ln_2.forward(z)))
  }
}

class Encoder extends Module {
  pos_embedding: Parameter
  dropout: Dropout
  layers: Sequential
  ln: LayerNorm

  constructor(length: number, sizes: Sizes) {
    super()
    this.pos_embedding = new Parameter(zeros([1, length, sizes.hiddenDim]))
    this.dropout = new Dropout(sizes.dropout)
    const blocks = Array.from(
      { length: sizes.numLayers },
      (_, i) => [`encoder_layer_${i}`, new EncoderBlock(sizes)] as const,
    )
    this.layers = new Sequential(Object.fromEntries(blocks))
    this.ln = new LayerNorm(sizes.hiddenDim, { eps: 1e-6 })
    normal(this.pos_embedding, { std: 0.02 })
  }

  forward(x: Tensor): Tensor {
    return this.ln.forward(this.layers.forward(this.dropout.forward(x.add(this.pos_embedding))))
  }
}

/** Images [N, inChannels, imageSize, imageSize] → logits [N, numClasses]; ViT-B/16, 86.6 million parameters, unless told otherwise. */
export class VisionTransformer extends Module {
  readonly imageSize: number
  classToken: Parameter
  convProj: Conv2d
  encoder: Encoder
  heads: Sequential

  constructor({
    numClasses = 1000,
    inChannels = 3,
    imageSize = 224,
    patchSize = 16,
    numLayers = 12,
    numHeads = 12,
    hiddenDim = 768,
    mlpDim = 3072,
    dropout = 0,
  }: VisionTransformerOptions = {}) {
    super()
    this.imageSize = imageSize
    const length = Math.floor(imageSize / patchSize) ** 2 + 1
    this.classToken = new Parameter(zeros([1, 1, hiddenDim]))
    this.convProj = new Conv2d(inChannels, hiddenDim, patchSize, { stride: patchSize })
    this.encoder = new Encoder(length, { imageSize, patchSize, numLayers, numHeads, hiddenDim, mlpDim, dropout })
    this.heads = new Sequential({ head: new Linear(hiddenDim, numClasses) })
    truncNormal(this.convProj.weight, { std: Math.sqrt(1 / (inChannels * patchSize ** 2)) })
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  /** The normalised class token [N, hiddenDim]. */
  forwardFeatures(x: Tensor): Tensor {
    const { imageSize } = this
    if (x.shape[2] !== imageSize || x.shape[3] !== imageSize) {
      const expected = `[N, ${this.convProj.inChannels}, ${imageSize}, ${imageSize}]`
      throw new ShapeError('VisionTransformer', `expects images ${expected}, received ${formatShape(x.shape)}`)
    }
    const patches = this.convProj.forward(x).flatten(2).permute(0, 2, 1)
    const [samples, , width] = patches.shape as [number, number, number]
    const tokens = concat([this.classToken.expand([samples, 1, width]), patches], 1)
    return this.encoder.forward(tokens).select(1, 0)
  }

  forward(x: Tensor): Tensor {
    return this.heads.forward(this.forwardFeatures(x))
  }
}
