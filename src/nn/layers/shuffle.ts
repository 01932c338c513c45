import type { Tensor } from '../../tensor/tensor.ts'
import { describe } from '../describe.ts'
import { channelShuffle, pixelShuffle, pixelUnshuffle } from '../functional/pixels.ts'
import { Module } from '../module.ts'
import { checkWhole } from './arguments.ts'

/** Channels become pixels: x [.., C · r², H, W] → [.., C, H · r, W · r], r = `upscaleFactor` (Shi et al. 2016). */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number

  constructor(upscaleFactor: number) {
    super()
    this.upscaleFactor = checkWhole('PixelShuffle', 'upscaleFactor', upscaleFactor)
  }

  forward(x: Tensor): Tensor {
    return pixelShuffle(x, this.upscaleFactor)
  }

  override extraRepr(): string {
    const { upscaleFactor } = this
    return describe({ upscaleFactor })
  }
}

/** Pixels become channels: x [.., C, H · r, W · r] → [.., C · r², H, W], r = `downscaleFactor`. */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number

  constructor(downscaleFactor: number) {
    super()
    this.downscaleFactor = checkWhole('PixelUnshuffle', 'downscaleFactor', downscaleFactor)
  }

  forward(x: Tensor): Tensor {
    return pixelUnshuffle(x, this.downscaleFactor)
  }

  override extraRepr(): string {
    const { downscaleFactor } = this
    return describe({ downscaleFactor })
  }
}

/** Channels of x [N, C, ...] in `groups` groups are dealt out in turn (Zhang et al. 2018). */
export class ChannelShuffle extends Module {
  readonly groups: number

  constructor(groups: number) {
    super()
    this.groups = checkWhole('ChannelShuffle', 'groups', groups)
  }

  forward(x: Tensor): Tensor {
    return channelShuffle(x, this.groups)
  }

  override extraRepr(): string {
    const { groups } = this
    return describe({ groups })
  }
}
