/** Optimizers, learning-rate schedules and penalties. Schedules stand beside the optimizers: `optim.StepLR`. */
export { Adadelta, type AdadeltaOptions } from './adadelta.ts'
export { Adafactor, type AdafactorOptions } from './adafactor.ts'
export { Adagrad, type AdagradOptions } from './adagrad.ts'
export { Adam, type AdamOptions, AdamW, type AdamWOptions } from './adam.ts'
export { Adamax, type AdamaxOptions } from './adamax.ts'
export { ASGD, type ASGDOptions } from './asgd.ts'
export { LBFGS, type LBFGSClosure, type LBFGSOptions } from './lbfgs.ts'
export { Lion, type LionOptions } from './lion.ts'
export { Muon, type MuonOptions } from './muon.ts'
export { NAdam, type NAdamOptions } from './nadam.ts'
export {
  type Closure,
  type GroupOptions,
  Optimizer,
  type ParamGroup,
  type ParamGroupInit,
  type Params,
} from './optimizer.ts'
export { elasticNet, l1Penalty } from './penalties.ts'
export { RAdam, type RAdamOptions } from './radam.ts'
export { RMSprop, type RMSpropOptions } from './rmsprop.ts'
export { Rprop, type RpropOptions } from './rprop.ts'
export { SGD, type SGDOptions } from './sgd.ts'
export type { OptimizerStateDict, SavedGroup, SavedValue } from './state-dict.ts'
export { ChainedScheduler, SequentialLR } from './schedules/combined.ts'
export {
  CosineAnnealingLR,
  type CosineAnnealingLROptions,
  CosineAnnealingWarmRestarts,
  type CosineAnnealingWarmRestartsOptions,
} from './schedules/cosine.ts'
export { CyclicLR, type CyclicLROptions } from './schedules/cyclic.ts'
export {
  ExponentialLR,
  type GammaOptions,
  MultiStepLR,
  PolynomialLR,
  type PolynomialLROptions,
  StepLR,
} from './schedules/decay.ts'
export { type EpochFactor, LambdaLR, MultiplicativeLR } from './schedules/lambda.ts'
export { OneCycleLR, type OneCycleLROptions } from './schedules/one-cycle.ts'
export { ReduceLROnPlateau, type ReduceLROnPlateauOptions } from './schedules/plateau.ts'
export { LRScheduler, type ResumeOptions, type Schedulable, type SchedulerState } from './schedules/scheduler.ts'
export { ConstantLR, type ConstantLROptions, LinearLR, type LinearLROptions } from './schedules/warmup.ts'
