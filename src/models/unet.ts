import { ReLU } from '../nn/activations/rectifiers.ts'
import { Sequential } from '../nn/containers.ts'
import { BatchNorm2d } from '../nn/layers/batch-norm.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { ConvTranspose2d } from '../nn/layers/conv-transpose.ts'
import { MaxPool2d } from '../nn/layers/max-pool.ts'
import { Module } from '../nn/module.ts'
import { snakeCase } from '../nn/names.ts'
import { concat } from '../tensor/joining.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** U-Net (Ronneberger et al. 2015) with padding and batch normalisation; names are those of https://github.com/milesial/Pytorch-UNet. */

export interface UNetOptions {
  /** Default 3. */
  readonly inChannels?: number
  /** Classes of a pixel. Default 2. */
  readonly numClasses?: number
  /** Channels at full size, doubled at each of the four halvings. Default 64. */
  readonly width?: number
}

class DoubleConv extends Module {
  doubleConv: Sequential

  constructor(inChannels: number, outChannels: number) {
    super()
    const conv = (from: number): Conv2d => new Conv2d(from, outChannels, 3, { padding: 1, bias: false })
    this.doubleConv = new Sequential(
      ...[conv(inChannels), new BatchNorm2d(outChannels), new ReLU()],
      ...[conv(outChannels), new BatchNorm2d(outChannels), new ReLU()],
    )
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  forward(x: Tensor): Tensor {
    return this.doubleConv.forward(x)
  }
}

class Down extends Module {
  maxpoolConv: Sequential

  constructor(inChannels: number, outChannels: number) {
    super()
    this.maxpoolConv = new Sequential(new MaxPool2d(2), new DoubleConv(inChannels, outChannels))
  }

  protected override stateName(property: string): string {
    return snakeCase(property)
  }

  forward(x: Tensor): Tensor {
    return this.maxpoolConv.forward(x)
  }
}

class Up extends Module {
  up: ConvTranspose2d
  conv: DoubleConv

  constructor(inChannels: number, outChannels: number) {
    super()
    this.up = new ConvTranspose2d(inChannels, inChannels / 2, 2, { stride: 2 })
    this.conv = new DoubleConv(inChannels, outChannels)
  }

  /** `skip` comes from the way down and may be a row or column larger. */
  forward(x: Tensor, skip: Tensor): Tensor {
    const y = this.up.forward(x)
    const [rows, columns] = [2, 3].map((d) => skip.shape[d]! - y.shape[d]!) as [number, number]
    const [top, left] = [Math.floor(rows / 2), Math.floor(columns / 2)]
    return this.conv.forward(concat([skip, y.pad([left, columns - left, top, rows - top])], 1))
  }
}

class OutConv extends Module {
  conv: Conv2d

  constructor(inChannels: number, outChannels: number) {
    super()
    this.conv = new Conv2d(inChannels, outChannels, 1)
  }

  forward(x: Tensor): Tensor {
    return this.conv.forward(x)
  }
}

/** Images [N, inChannels, H, W] of at least 16×16 → logits [N, numClasses, H, W]; 31 million parameters at the default width. */
export class UNet extends Module {
  inc: DoubleConv
  down1: Down
  down2: Down
  down3: Down
  down4: Down
  up1: Up
  up2: Up
  up3: Up
  up4: Up
  outc: OutConv

  constructor({ inChannels = 3, numClasses = 2, width = 64 }: UNetOptions = {}) {
    super()
    this.inc = new DoubleConv(inChannels, width)
    this.down1 = new Down(width, 2 * width)
    this.down2 = new Down(2 * width, 4 * width)
    this.down3 = new Down(4 * width, 8 * width)
    this.down4 = new Down(8 * width, 16 * width)
    this.up1 = new Up(16 * width, 8 * width)
    this.up2 = new Up(8 * width, 4 * width)
    this.up3 = new Up(4 * width, 2 * width)
    this.up4 = new Up(2 * width, width)
    this.outc = new OutConv(width, numClasses)
  }

  forward(x: Tensor): Tensor {
    const x1 = this.inc.forward(x)
    const x2 = this.down1.forward(x1)
    const x3 = this.down2.forward(x2)
    const x4 = this.down3.forward(x3)
    const x5 = this.down4.forward(x4)
    const y = this.up2.forward(this.up1.forward(x5, x4), x3)
    return this.outc.forward(this.up4.forward(this.up3.forward(y, x2), x1))
  }
}
