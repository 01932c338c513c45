export { type CifarImages, type CifarOptions, decodeCifar, loadCifar } from './cifar.ts'
export { collate } from './collate.ts'
export { type ColumnRule, type Columns, type ColumnType, inferColumns, type Row } from './columns.ts'
export { csv, type CsvOptions, inferCsvColumns, tsv } from './csv.ts'
export { DataLoader, type DataLoaderOptions, type LoaderState } from './data-loader.ts'
export type { Batch, Dataset, Origin, Sample, Visit } from './dataset.ts'
export {
  cacheFolder,
  downloadAndCache,
  type DownloadOptions,
  type DownloadProgress,
  type RemoteFile,
} from './download.ts'
export { decodeIdx, loadIdx } from './idx.ts'
export { decodeImage, type DecodeOptions, encodeImage, type Interpolation } from './image.ts'
export { imageDataset, type LabelledImages } from './image-dataset.ts'
export { type ImageFolder, imageFolder } from './image-folder.ts'
export { jsonl, type JsonlOptions, type JsonlRow } from './jsonl.ts'
export type { Collate } from './load-batch.ts'
export { type Digits, mnistDigits } from './mnist-digits.ts'
export { moduleDataset } from './module-dataset.ts'
export {
  cifar10,
  cifar10Classes,
  fashionClasses,
  fashionMnist,
  mnist,
  type NamedSetOptions,
  tinyShakespeare,
  type TrainAndTest,
} from './named-sets.ts'
export { arrayDataset, cacheSamples, concatDatasets, filterSamples, mapSamples, type SampleMap } from './operators.ts'
export { MissingPackageError } from './packages.ts'
export { padded, type PaddingOptions } from './pad.ts'
export { parquet, type ParquetOptions } from './parquet.ts'
export { permutation } from './permutation.ts'
export { Random } from './random.ts'
export { SampleError } from './sample-error.ts'
export { balancedSampler, type Sampler, weightedSampler } from './sampler.ts'
export { randomSplit, type SplitOptions, stratifiedSplit, type StratifiedSplitOptions } from './split.ts'
export { type BatchOptions, type ShuffleOptions, type Source, Stream } from './stream.ts'
export { Subset } from './subset.ts'
export { TensorDataset } from './tensor-dataset.ts'
export { readText, textLines } from './text-file.ts'
export { tokenWindows, type TokenWindowOptions } from './token-windows.ts'
export { Vocabulary, type VocabularyOptions } from './vocabulary.ts'
export { seriesWindows, type WindowOptions } from './windows.ts'
export { type ThreadOptions, WorkerError } from './worker-pool.ts'
export * as transforms from './transforms/index.ts'
