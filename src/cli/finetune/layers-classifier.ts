import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isRecord } from '../../core/record.ts'
import { type LayersModel, loadLayersModel } from '../../io/tfjs/layers-model.ts'
import { modelFiles, readJson } from '../../io/hub/model-files.ts'
import { Conv2d } from '../../nn/layers/conv.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { Module } from '../../nn/module.ts'
import { zeros } from '../../tensor/creation.ts'
import { noGrad } from '../../tensor/grad.ts'
import { concat } from '../../tensor/joining.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { UsageError } from '../failure.ts'

/** A layers model of TensorFlow.js up to some layers, and a new linear layer on what they give out: images [N, 3, S, S] → logits [N, classes]. */
export class LayersClassifier extends Module {
  body: LayersModel
  head: Linear
  readonly layers: readonly string[]

  /** `size` is the side of the images that it is tried with, to learn how many features there are. */
  constructor(whole: LayersModel, layers: readonly string[], classes: number, size: number) {
    super()
    this.body = whole.upTo(...layers)
    this.layers = layers
    const { training } = this.body
    this.body.eval()
    this.head = new Linear(noGrad(() => this.features(zeros([1, 3, size, size]))).shape[1]!, classes)
    this.body.train(training)
  }

  /** Rows of features; of maps [N, C, H, W], the means of their channels. */
  features(images: Tensor): Tensor {
    const outputs = this.layers.map((name) => this.body.forwardTo(name, images))
    return concat(
      outputs.map((x) => (x.rank === 4 ? x.mean([2, 3]) : x.flatten(1))),
      1,
    )
  }

  forward(images: Tensor): Tensor {
    return this.head.forward(this.features(images))
  }
}

/** Path of the `model.json` of TensorFlow.js that `from` names, itself or by its folder. */
export async function layersModelAt(from: string): Promise<string | undefined> {
  if (from.endsWith('model.json')) return from
  const path = join(from, 'model.json')
  const [model, config] = await Promise.all(
    [path, join(from, 'config.json')].map((file) => stat(file).catch(() => undefined)),
  )
  return model?.isFile() && !config ? path : undefined
}

export interface LayersPretrained {
  readonly network: LayersClassifier
  /** What `config.json` would say if there were one: see {@link layersClassifier}. */
  readonly config: Readonly<Record<string, unknown>>
  /** Paths of the model's files. */
  readonly files: readonly string[]
}

/**
 * The layers model at `path` with a new head. Features are what `layers` give out, or else what its last layer takes. Pixels are taken to go from
 * 0 to 1: the file does not say.
 */
export async function pretrainedLayers(
  path: string,
  {
    layers,
    classes,
    size,
  }: { readonly layers: readonly string[]; readonly classes: number; readonly size?: number | undefined },
): Promise<LayersPretrained> {
  const whole = await loadLayersModel(path)
  const [, height = size ?? 224] = whole.imageShape ?? []
  const features = layers.length > 0 ? layers : [lastFeatures(whole, path)]
  const config = {
    format: 'layers-model',
    features,
    pretrained_cfg: { input_size: [3, height, height], mean: [0, 0, 0], std: [1, 1, 1] },
  }
  return { network: new LayersClassifier(whole, features, classes, size ?? height), config, files: await filesOf(path) }
}

/** The network that {@link pretrainedLayers} made, from the copies of its files in `folder`; undefined for a configuration of another one. */
export async function layersClassifier(
  { format, features }: LayersPretrained['config'],
  { folder, classes, size }: { readonly folder: string; readonly classes: number; readonly size: number },
): Promise<LayersClassifier | undefined> {
  if (format !== 'layers-model' || !Array.isArray(features)) return undefined
  return new LayersClassifier(await loadLayersModel(join(folder, 'model.json')), features, classes, size)
}

/** `model.json` and the files that its list of weights names. */
async function filesOf(path: string): Promise<string[]> {
  const folder = dirname(path)
  const { weightsManifest: groups } = (await readJson(await modelFiles(folder), 'model.json')) ?? {}
  const names = (Array.isArray(groups) ? groups : []).flatMap((group: unknown) =>
    isRecord(group) && Array.isArray(group['paths']) ? group['paths'].filter((name) => typeof name === 'string') : [],
  )
  return [path, ...names.map((name: string) => join(folder, name))]
}

/** The layer whose output the model's last layer with weights takes: that one tells the classes of another task. */
function lastFeatures(model: LayersModel, name: string): string {
  const [last] = model.layerNames
    .filter((layer) =>
      model
        .getSubmodule(layer)
        .modules()
        .some((module) => module instanceof Conv2d || module instanceof Linear),
    )
    .slice(-1)
  const [before] = last === undefined ? [] : model.inputsOf(last)
  if (before !== undefined && model.upTo(before).parameters().length > 0) return before
  throw new UsageError(
    `${name}: no layer with weights stands before the last one, so there are no features to go on from`,
  )
}
