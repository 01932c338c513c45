export { editDistance } from './edit-distance.ts'
export {
  type Averaging,
  type ClassMetricOptions,
  confusion,
  f1,
  precision,
  recall,
  rocAuc,
  topK,
} from './classification-metrics.ts'
export { type Disease, type DoctorOptions, type Finding, TrainingDoctor } from './doctor.ts'
export { findLearningRate, type LearningRateCurve, type LearningRateOptions } from './find-learning-rate.ts'
export { type Evaluable, evaluate, type EvaluateOptions, predict, type Supervised } from './evaluate.ts'
export { fit } from './fit.ts'
export type {
  Batches,
  Callback,
  CheckpointOptions,
  EpochRecord,
  FitOptions,
  History,
  Schedule,
  StepProgress,
  Stepper,
  TrainingView,
  ValidationRecord,
} from './fit-options.ts'
export { accuracy, confusionMatrix, type Metric } from './metrics.ts'
export { csvFile } from './logs/csv-file.ts'
export { type Hyperparameters, SummaryWriter } from './logs/event-file.ts'
export { historyFile } from './logs/history-file.ts'
export { tensorBoard, type TensorBoardOptions } from './logs/tensorboard.ts'
export { mae, perplexity, r2, rmse } from './regression-metrics.ts'
export type { Figures, Metrics } from './running-figures.ts'
export { type BatchValues, fromSums, type StreamingMetric } from './streaming-metric.ts'
export { type AverageState, updateBatchNorm, WeightAverage } from './weight-average.ts'
