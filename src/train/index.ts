export { evaluate, type EvaluateOptions, predict, type Supervised } from './evaluate.ts'
export {
  type EpochRecord,
  fit,
  type FitOptions,
  type History,
  type Schedule,
  type StepProgress,
  type Stepper,
} from './fit.ts'
export { accuracy, confusionMatrix, type Metric } from './metrics.ts'
export type { Figures } from './running-mean.ts'
