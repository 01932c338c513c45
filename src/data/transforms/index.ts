export {
  affine,
  type AffineParameters,
  randomAffine,
  type RandomAffineOptions,
  randomRotation,
  randomTranslation,
  type Range,
  type WarpOptions,
} from './affine.ts'
export * as batched from './batched.ts'
export {
  cutout,
  gaussianBlur,
  gaussianNoise,
  randomErasing,
  type RandomErasingOptions,
} from './blur.ts'
export {
  colorJitter,
  type ColorJitterOptions,
  grayscale,
  imagenetDeviation,
  imagenetMean,
  normalize,
} from './colour.ts'
export {
  centerCrop,
  pad,
  type PaddingMode,
  type PaddingSizes,
  type PadOptions,
  randomCrop,
  type RandomCropOptions,
  randomHorizontalFlip,
  randomResizedCrop,
  type RandomResizedCropOptions,
  randomVerticalFlip,
} from './crop.ts'
export { type BatchMix, cutMix, mixed, type MixOptions, mixUp, randomMix, smoothLabels } from './mix.ts'
export { type Corners, perspective, randomPerspective, type RandomPerspectiveOptions } from './perspective.ts'
export { compose, randomApply, toFloat, type Transform } from './picture.ts'
export { randAugment, type RandAugmentOptions } from './rand-augment.ts'
export { resize, type ResizeOptions, type Size } from './resize.ts'
export { jitter, scaling, windowWarp, type WindowWarpOptions } from './series.ts'
export { randomSpan, type SequenceTransform, tokenDropout, type TokenDropoutOptions } from './text.ts'
export type { Fill, Interpolation } from './warp.ts'
