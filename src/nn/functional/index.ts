/** Functional forms, as `torch.nn.functional`: `import { F } from 'gradus'`. */
export { oneHot } from '../../tensor/one-hot.ts'
export * from './activations.ts'
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
} from './adaptive.ts'
export * from './attention.ts'
export * from './convolution.ts'
export { cosineSimilarity, pairwiseDistance, pdist } from './distance.ts'
export * from './dropout.ts'
export { embedding } from './embedding.ts'
export { embeddingBag } from './embedding-bag.ts'
export * from './fold.ts'
export * from './fractional.ts'
export * from './grid-sample.ts'
export * from './interpolate.ts'
export * from './linear.ts'
export * from './losses/binary.ts'
export * from './losses/classification.ts'
export * from './losses/ctc.ts'
export * from './losses/margin.ts'
export * from './losses/multilabel.ts'
export * from './losses/regression.ts'
export * from './normalization.ts'
export * from './padding.ts'
export * from './pixels.ts'
export * from './pooling.ts'
export * from './positions.ts'
export * from './unpooling.ts'
