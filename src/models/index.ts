/** Named architectures: `import { resnet18 } from 'gradus/models'`. */
export { Autoencoder, type AutoencoderOptions, type VaeOutput, VariationalAutoencoder, vaeLoss } from './autoencoder.ts'
export { CifarResNet, type CifarResNetOptions, cifarResnet20, cifarResnet56, cifarResnet110 } from './cifar-resnet.ts'
export { AlexNet, type DropoutClassifierOptions, LeNet, Vgg, type VggLayers, type VggOptions } from './classic.ts'
export { ConvNeXt, type ConvNeXtOptions } from './convnext.ts'
export { EfficientNetB0 } from './efficientnet.ts'
export type { MobileOptions } from './mobile-blocks.ts'
export { MobileNetV2, type MobileNetV2Options, MobileNetV3, type MobileNetV3Options } from './mobilenet.ts'
export {
  cachedFeatures,
  freezeBatchNorm,
  gradualUnfreezing,
  type LayerGroup,
  type LayerwiseOptions,
  layerwiseGroups,
  replaceHead,
} from './fine-tuning.ts'
export { Lora, type LoraOptions, loadLora } from './lora.ts'
export type { ClassifierOptions } from './options.ts'
export {
  BasicBlock,
  Bottleneck,
  ResNet,
  type ResNetOptions,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
} from './resnet.ts'
export {
  type FromPretrainedOptions,
  fromConfig,
  fromPretrained,
  type Pretrained,
  type TensorModel,
} from './pretrained.ts'
export { loadModel, type SaveModelOptions, saveModel } from './saved.ts'
export { Forecaster, type ForecasterOptions, naiveErrors } from './sequence/forecaster.ts'
export { Gpt, type GptOptions } from './sequence/gpt.ts'
export { type LstmState, LstmWriter, type LstmWriterOptions } from './sequence/lstm-writer.ts'
export { Seq2Seq, type Seq2SeqOptions, specialTokens } from './sequence/seq2seq.ts'
export { TextClassifier, type TextClassifierOptions } from './sequence/text-classifier.ts'
export { UNet, type UNetOptions } from './unet.ts'
export { VisionTransformer, type VisionTransformerOptions } from './vit.ts'
export {
  BertForMaskedLM,
  BertForQuestionAnswering,
  BertForSequenceClassification,
  BertForTokenClassification,
  BertModel,
} from './text/bert.ts'
export {
  DistilBertForMaskedLM,
  DistilBertForQuestionAnswering,
  DistilBertForSequenceClassification,
  DistilBertForTokenClassification,
  DistilBertModel,
} from './text/distilbert.ts'
export {
  Gpt2ForCausalLM,
  Gpt2ForQuestionAnswering,
  Gpt2ForSequenceClassification,
  Gpt2ForTokenClassification,
  Gpt2Model,
} from './text/gpt2.ts'
export type { DecoderInputs, Head, Span, TextInputs } from './text/heads.ts'
export {
  LlamaForCausalLM,
  LlamaForQuestionAnswering,
  LlamaForSequenceClassification,
  LlamaForTokenClassification,
  LlamaModel,
} from './text/llama.ts'
export { meanPooling } from './text/pooling.ts'
export { type Pooling, SentenceEncoder, type SentenceModules } from './text/sentence-encoder.ts'
export {
  RobertaForMaskedLM,
  RobertaForQuestionAnswering,
  RobertaForSequenceClassification,
  RobertaForTokenClassification,
} from './text/roberta.ts'
