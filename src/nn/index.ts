/** Modules, as `torch.nn`: `import { nn } from 'gradus'`. */
export * from './activations/hard.ts'
export * from './activations/prelu.ts'
export * from './activations/rectifiers.ts'
export * from './activations/rrelu.ts'
export * from './activations/smooth.ts'
export * from './activations/softmax.ts'
export * from './containers.ts'
export type { ChoiceOptions } from './generation/choose.ts'
export { generate, type GenerateOptions, type LanguageModel } from './generation/generate.ts'
export type { ForwardHook, ForwardPreHook, HookHandle } from './hooks.ts'
export * as init from './init.ts'
export { type CacheOptions, KeyValueCache, type Remembered } from './key-value-cache.ts'
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  type AdaptiveMaxPoolOptions,
} from './layers/adaptive-pool.ts'
export { AvgPool1d, AvgPool2d, AvgPool3d } from './layers/avg-pool.ts'
export { BatchNorm1d, BatchNorm2d, BatchNorm3d, type RunningNormOptions } from './layers/batch-norm.ts'
export { Conv1d, Conv2d, Conv3d, type ConvLayerOptions, type PaddingMode } from './layers/conv.ts'
export {
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from './layers/conv-transpose.ts'
export * from './layers/distance.ts'
export { AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d, FeatureAlphaDropout } from './layers/dropout.ts'
export { Embedding, type EmbeddingLayerOptions, type PretrainedOptions } from './layers/embedding.ts'
export { EmbeddingBag, type EmbeddingBagLayerOptions } from './layers/embedding-bag.ts'
export * from './layers/flatten.ts'
export * from './layers/fold.ts'
export {
  FractionalMaxPool2d,
  FractionalMaxPool3d,
  type FractionalMaxPoolLayerOptions,
} from './layers/fractional-pool.ts'
export { InstanceNorm1d, InstanceNorm2d, InstanceNorm3d } from './layers/instance-norm.ts'
export * from './layers/layer-norm.ts'
export { Bilinear, Identity, Linear, type LinearOptions } from './layers/linear.ts'
export * from './layers/local-response-norm.ts'
export { LPPool1d, LPPool2d, LPPool3d } from './layers/lp-pool.ts'
export { MaxPool1d, MaxPool2d, MaxPool3d, type MaxPoolLayerOptions, type Pooled } from './layers/max-pool.ts'
export { MaxUnpool1d, MaxUnpool2d, MaxUnpool3d, type MaxUnpoolLayerOptions } from './layers/max-unpool.ts'
export {
  type AttentionMasks,
  MultiheadAttention,
  type MultiheadAttentionOptions,
  type MultiheadOptions,
} from './layers/multihead-attention.ts'
export * from './layers/padding.ts'
export * from './layers/positions.ts'
export * from './layers/shuffle.ts'
export * from './layers/upsample.ts'
export { AdaptiveLogSoftmaxWithLoss, type AdaptiveLogSoftmaxOptions } from './losses/adaptive-softmax.ts'
export * from './losses/binary.ts'
export * from './losses/classification.ts'
export * from './losses/ctc.ts'
export * from './losses/margin.ts'
export * from './losses/multilabel.ts'
export * from './losses/regression.ts'
export { type Forward, type Layer, type Member, Module, type RecurseOptions, type WalkOptions } from './module.ts'
export { Buffer, type BufferOptions, Parameter, type ParameterOptions } from './parameter.ts'
export { GRU, LSTM, type LSTMOptions, RNN, type RecurrentOptions, type RNNOptions } from './recurrent/layers.ts'
export { type CellOptions, GRUCell, LSTMCell, RNNCell, type RNNCellOptions } from './recurrent/single.ts'
export type { LoadOptions, LoadReport, StateDict } from './state-dict.ts'
export type { Summary, SummaryRow } from './summary.ts'
export {
  type DecoderLayer,
  type DecoderLayerMasks,
  type DecoderMasks,
  TransformerDecoder,
  TransformerDecoderLayer,
} from './transformer/decoder.ts'
export {
  type EncoderLayer,
  type EncoderLayerMasks,
  type EncoderMasks,
  type StackOptions,
  TransformerEncoder,
  TransformerEncoderLayer,
} from './transformer/encoder.ts'
export { type FeedForwardActivation, SwiGLU, type SwiGLUOptions } from './transformer/feed-forward.ts'
export type { TransformerLayerOptions } from './transformer/layer.ts'
export { Transformer, type TransformerMasks, type TransformerOptions } from './transformer/transformer.ts'
export * as utils from './utils/index.ts'
