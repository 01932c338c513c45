import { type WarpOptions, warpAffine } from './affine.ts'
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  adjustSharpness,
  autocontrastPicture,
  equalizePicture,
  posterizePicture,
  solarizePicture,
} from './colour.ts'
import { onPictures, type Picture, type Transform } from './picture.ts'

export interface RandAugmentOptions extends WarpOptions {
  /** Changes one after the other. Default 2. */
  readonly count?: number
  /** How strong, from 0 to 30. Default 9. */
  readonly magnitude?: number
}

/** Magnitudes are steps of a scale of so many. */
const bins = 31

interface Change {
  readonly name: string
  /** Whether the amount is taken negatively half of the time. */
  readonly isSigned: boolean
  /** `level` goes from 0 to 1 with the magnitude. */
  apply(picture: Picture, level: number, options: WarpOptions): Picture
}

const degrees = (slope: number): number => (Math.atan(slope) * 180) / Math.PI
const corner = [0, 0] as const

/** The fourteen changes of the paper, with torchvision's ranges. */
export const changes: readonly Change[] = [
  { name: 'identity', isSigned: false, apply: (picture) => picture },
  {
    name: 'shearX',
    isSigned: true,
    apply: (picture, level, options) =>
      warpAffine(picture, { shear: [degrees(0.3 * level), 0], center: corner }, options),
  },
  {
    name: 'shearY',
    isSigned: true,
    apply: (picture, level, options) =>
      warpAffine(picture, { shear: [0, degrees(0.3 * level)], center: corner }, options),
  },
  {
    name: 'translateX',
    isSigned: true,
    apply: (picture, level, options) =>
      warpAffine(picture, { translate: [Math.trunc((150 / 331) * picture.width * level), 0] }, options),
  },
  {
    name: 'translateY',
    isSigned: true,
    apply: (picture, level, options) =>
      warpAffine(picture, { translate: [0, Math.trunc((150 / 331) * picture.height * level)] }, options),
  },
  {
    name: 'rotate',
    isSigned: true,
    apply: (picture, level, options) => warpAffine(picture, { angle: -30 * level }, options),
  },
  { name: 'brightness', isSigned: true, apply: (picture, level) => adjustBrightness(picture, 1 + 0.9 * level) },
  { name: 'color', isSigned: true, apply: (picture, level) => adjustSaturation(picture, 1 + 0.9 * level) },
  { name: 'contrast', isSigned: true, apply: (picture, level) => adjustContrast(picture, 1 + 0.9 * level) },
  { name: 'sharpness', isSigned: true, apply: (picture, level) => adjustSharpness(picture, 1 + 0.9 * level) },
  {
    name: 'posterize',
    isSigned: false,
    apply: (picture, level) => posterizePicture(picture, 8 - Math.round(4 * level)),
  },
  { name: 'solarize', isSigned: false, apply: (picture, level) => solarizePicture(picture, 1 - level) },
  { name: 'autocontrast', isSigned: false, apply: (picture) => autocontrastPicture(picture) },
  { name: 'equalize', isSigned: false, apply: (picture) => equalizePicture(picture) },
]

/**
 * Random changes of one strength, as `RandAugment` (Cubuk et al., "RandAugment: practical automated data augmentation with a
 * reduced search space", 2020).
 */
export function randAugment(options: RandAugmentOptions = {}): Transform {
  const { count = 2, magnitude = 9 } = options
  return onPictures('randAugment', (picture, random) => {
    let changed = picture
    for (let i = 0; i < count; i++) {
      const { isSigned, apply } = changes[random.integer(changes.length)]!
      const level = magnitude / (bins - 1)
      changed = apply(changed, isSigned && random.chance(0.5) ? -level : level, options)
    }
    return changed
  })
}
