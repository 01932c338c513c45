import type { GenericSchema } from 'valibot'
import type { DataLoader } from '../../data/data-loader.ts'
import type { Dataset } from '../../data/dataset.ts'
import type { Layer, Module } from '../../nn/module.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Tree } from '../../tensor/tree.ts'
import type { Supervised } from '../../train/evaluate.ts'
import { accuracy, type Metric } from '../../train/metrics.ts'
import type { Figures, Metrics } from '../../train/running-figures.ts'
import type { DType } from '../../core/dtype.ts'
import type { Shape } from '../../core/shape.ts'
import type { CommonSettings } from './settings.ts'

/**
 * A kind of training that the command knows by name. `Known` is what it finds out about its data, as plain data: with it and the settings, the
 * trained model can be used where the data is not.
 */
export interface Recipe<
  S extends CommonSettings = CommonSettings,
  Known = unknown,
  Model extends RecipeModel = RecipeModel,
> {
  readonly name: string
  /** One line, for the help. */
  readonly description: string
  /** Its settings with their defaults, checks and descriptions. */
  readonly settings: GenericSchema<unknown, S>
  readonly known: GenericSchema<unknown, Known>
  /** Loads the data and makes the model; called after the random numbers are seeded. */
  prepare(settings: S): Promise<Model & Training<Known>>
  /** The model again, without the data; its weights are loaded afterwards. `folder` holds the {@link Training.files}. */
  restore(settings: S, known: Known, folder: string): Promise<Model>
  /** What a trained model makes of an input that somebody typed. */
  predict?(trained: Model, input: string): Promise<Prediction>
  /** The trained model with other data than the run's own to test it on. */
  testOn?(data: string, trained: Model, settings: S): Promise<TestData>
  /** The trained model as others take it. Default: weights, settings and what is known. */
  publish?(trained: Model): Promise<Publication>
}

/** Parameters that are trained at a learning rate of their own. */
export interface ParameterGroup {
  readonly params: Tensor[]
  readonly lr: number
}

/** A model with what belongs beside its weights. */
export interface Publication {
  readonly model: Module
  /** The content of `config.json`. */
  readonly config: Readonly<Record<string, unknown>>
  /** Paths of files that are copied: those of the tokenizer. */
  readonly files?: readonly string[]
  /** Contents of further JSON files by name; they come before copies of that name. */
  readonly json?: Readonly<Record<string, object>>
  /** What `forward` takes, for export to ONNX, and what to call its tensors. Default: zeros of `inputShape`. */
  readonly example?: { readonly inputs: readonly Tree[]; readonly inputNames: readonly string[] }
}

/** A model and what it is tested on. */
export interface TestData {
  readonly model: Layer
  readonly test: Dataset<Supervised> | DataLoader<Supervised>
}

/** A model, and how to tell what it is worth. */
export interface RecipeModel {
  /** All of it, as it is saved. */
  readonly model: Layer
  /** Of one batch of one sample. */
  readonly inputShape: Shape
  /** Of that batch. Default float32. */
  readonly inputDtype?: DType
  readonly loss: Metric
  readonly metrics: Metrics
  /** The figure that tells most, shown by name: `accuracy`, or `loss` itself. */
  readonly headline: string
  /** Figures of the validation that can decide which epoch is the best, and which end of them is good. The first one does, unless somebody chooses. */
  readonly monitors: Readonly<Record<string, 'min' | 'max'>>
  readonly classes?: readonly string[]
}

/** How classifiers are judged. */
export const classification: Pick<RecipeModel, 'metrics' | 'headline' | 'monitors'> = {
  metrics: { accuracy },
  headline: 'accuracy',
  monitors: { accuracy: 'max', loss: 'min' },
}

/** What a model learns from. */
export interface Training<Known = unknown> {
  readonly known: Known
  /** Files that the model needs beside its weights, such as those of a tokenizer: they are copied into the run. */
  readonly files?: readonly string[]
  /** What sees the data, where it is a part of the model alone. Default: the model. */
  readonly learner?: Layer
  /** What is trained, and how fast. Default: all parameters of the model. */
  readonly parameters?: readonly ParameterGroup[]
  readonly train: Dataset<Supervised> | DataLoader<Supervised>
  readonly validation: Dataset<Supervised> | DataLoader<Supervised>
  /** Plays no part before the end. Default: what was watched is all that there is to say. */
  readonly test?: Dataset<Supervised> | DataLoader<Supervised> | undefined
  /** Lines about the data. */
  readonly facts: readonly string[]
  /** What loss and metrics cannot tell about the trained model; added to the figures on the test data. */
  measure?(figures: Figures): Promise<Measured>
  /** Samples that cannot be loaded, by now. */
  readonly skipped?: () => ReadonlyMap<number, Error>
}

/** Everything that a training is made of. */
export type Prepared = RecipeModel & Training

export interface Measured {
  readonly figures: Figures
  /** For people. */
  readonly lines: readonly string[]
}

export interface Prediction {
  /** For people. */
  readonly lines: readonly string[]
  /** For scripts. */
  readonly data: Readonly<Record<string, unknown>>
}
