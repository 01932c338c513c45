import { FileError, StateDictError } from '../core/errors.ts'
import { formatShape, sameShape } from '../core/shape.ts'
import type { AllowanceOptions } from '../io/allowance.ts'
import { filesBelow, findWeights, modelFiles, readJson } from '../io/hub/model-files.ts'
import type { HubOptions } from '../io/hub/settings.ts'
import { Settings } from '../io/settings.ts'
import { loadTensors } from '../io/weights.ts'
import type { Module } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Architecture } from './architecture.ts'
import { architectureOf } from './architectures.ts'
import { asOwn, fromPublished } from './published.ts'
import type { Head, TextInputs } from './text/heads.ts'
import { SentenceEncoder, sentenceModules } from './text/sentence-encoder.ts'

/** A network from images or tokens to one tensor. */
export type TensorModel = Module & { forward(x: Tensor, inputs?: TextInputs): Tensor }

export interface FromPretrainedOptions extends HubOptions, AllowanceOptions {
  /** What is on top of a text model. Default: what its `config.json` names, or the pooling that its `modules.json` names. */
  readonly head?: Head
  /** Classes of the head; where they are not those of the weights, the head starts anew. */
  readonly numLabels?: number
}

/** A model, and what its weights left open. */
export interface Pretrained<M extends Module = TensorModel> {
  /** In evaluation mode. */
  readonly model: M
  /** The content of `config.json`. */
  readonly config: Readonly<Record<string, unknown>>
  /** Parameters of the head that the weights do not have: they start anew and want training. */
  readonly missing: readonly string[]
  /** Weights that the model has no place for. */
  readonly unexpected: readonly string[]
}

/**
 * A model with published weights. `source` is a repository of the Hugging Face hub (`org/name`), a folder with the same
 * files, or a file of weights with `config.json` beside it. Where `modules.json` of sentence-transformers is there and no head is asked for, the model is
 * a {@link SentenceEncoder}. Known are networks for images as timm stores them (ResNet, Vision
 * Transformer, ConvNeXt, VGG, MobileNetV2 and V3, EfficientNet-B0), and BERT (MiniLM and other encoders among them), RoBERTa,
 * DistilBERT, GPT-2 and Llama as transformers stores them.
 *
 * ```ts
 * const { model, missing } = await fromPretrained('google-bert/bert-base-uncased', { head: 'sequenceClassification' })
 * ```
 *
 * Throws a `FileError` when a file cannot be had or the network is not known, and a `StateDictError` when the weights lack
 * anything but the head.
 */
export async function fromPretrained<M extends Module = TensorModel>(
  source: string,
  { head, numLabels, maxBytes, ...hub }: FromPretrainedOptions = {},
): Promise<Pretrained<M>> {
  const files = await modelFiles(source, hub)
  const fail = (problem: string): FileError => new FileError('fromPretrained', `${files.name}: ${problem}`)
  const top = await readJson(files, 'config.json')
  // Networks for images have no sentences, and whoever asks for a head wants no other.
  const mayBeSentences = head === undefined && top?.['architecture'] === undefined
  const sentences = mayBeSentences ? await sentenceModules(files, fail) : undefined
  const inner = sentences ? filesBelow(files, sentences.transformer) : files
  const config = inner === files ? top : await readJson(inner, 'config.json')
  if (!config) throw fail('has no config.json, which says what network it is')
  const wanted = { head: sentences ? ('none' as const) : head, numLabels }
  const { model, architecture } = networkOf(config, wanted, (problem) => fail(`config.json: ${problem}`))
  const path = await findWeights(inner)
  const tensors = await loadTensors(path, maxBytes === undefined ? {} : { maxBytes })
  const report = fit(model, tensors, architecture)
  if (!sentences) return { model: model.eval() as M, config, ...report }
  const encoder: Module = new SentenceEncoder(model as SentenceEncoder['transformer'], sentences)
  const missing = report.missing.map((name) => `transformer.${name}`)
  return { model: encoder.eval() as M, config, ...report, missing }
}

/**
 * The network that the content of a `config.json` describes, with new weights and in training mode. Throws a `FileError` when it is none of those that
 * {@link fromPretrained} knows.
 *
 * ```ts
 * const model = fromConfig({ model_type: 'bert', vocab_size: 1000, hidden_size: 64, ... }, { head: 'maskedLM' })
 * ```
 */
export function fromConfig<M extends Module = TensorModel>(
  config: Readonly<Record<string, unknown>>,
  options: Pick<FromPretrainedOptions, 'head' | 'numLabels'> = {},
): M {
  return networkOf(config, options, (problem) => new FileError('fromConfig', problem)).model as M
}

function networkOf(
  config: Readonly<Record<string, unknown>>,
  { head, numLabels }: { readonly head?: Head | undefined; readonly numLabels?: number | undefined },
  fail: (problem: string) => FileError,
): { readonly model: Module; readonly architecture: Architecture } {
  const labels = numLabels ?? labelsIn(config)
  const settings = new Settings(labels === undefined ? config : { ...config, num_labels: labels }, fail)
  const named = Array.isArray(config['architectures']) ? config['architectures'] : []
  const architecture = architectureOf(settings, named, head)
  return { model: architecture.make(settings), architecture }
}

/** transformers writes names of the labels instead of their number. */
function labelsIn({ id2label, num_labels: count }: Readonly<Record<string, unknown>>): number | undefined {
  if (typeof count === 'number') return count
  return typeof id2label === 'object' && id2label !== null ? Object.keys(id2label).length : undefined
}

/** Loads what fits. Of the network itself everything must be there; a head may be missing or of another size. */
function fit(
  model: Module,
  tensors: ReadonlyMap<string, Tensor>,
  architecture: Architecture,
): Pick<Pretrained, 'missing' | 'unexpected'> {
  const own = model.stateDict()
  const { roots = [], published = asOwn } = architecture
  const given = fromPublished(own, tensors, published, (name) => spellingsOf(name, roots))
  const isHead = headTest(own, architecture)
  for (const [name, x] of given) {
    const wanted = own[name]
    if (wanted && isHead(name) && !sameShape(wanted.shape, x.shape)) given.delete(name)
  }
  const tied = tiedNames(model)
  const { missing, unexpected } = model.loadStateDict(given, { strict: false })
  const open = missing.filter((name) => !(tied.get(name) ?? []).some((other) => given.has(other)))
  const lost = open.filter((name) => !isHead(name))
  if (lost.length > 0) {
    const names = lost
      .map((name) => `'${published.name(name)}' ${formatShape(published.shape(name, own[name]!.shape))}`)
      .join(', ')
    throw new StateDictError(
      'fromPretrained',
      `the weights lack ${names}; they have ${[...tensors.keys()].slice(0, 5).join(', ')} ...`,
    )
  }
  return { missing: open, unexpected }
}

/** Which names belong to the head: all outside the root; of a network without a head, the pooler. */
function headTest(
  own: Readonly<Record<string, Tensor>>,
  { roots: [root] = [], head }: Architecture,
): (name: string) => boolean {
  if (head !== undefined) return (name) => name.startsWith(`${head}.`)
  const whole = root !== undefined && Object.keys(own).some((name) => name.startsWith(`${root}.`))
  return (name) => /(^|\.)pooler\./.test(name) || (whole && !name.startsWith(`${root}.`))
}

/** A weight's name without or with the root, and with today's words for scale and shift of normalisations. */
function spellingsOf(name: string, roots: readonly string[]): readonly string[] {
  const today = name.replace(/\.gamma$/, '.weight').replace(/\.beta$/, '.bias')
  const root = roots.find((word) => today.startsWith(`${word}.`))
  const bare = root === undefined ? today : today.slice(root.length + 1)
  return [name, today, bare, `${roots[0]}.${bare}`]
}

/** Of each name, all names of the same parameter. */
function tiedNames(model: Module): Map<string, readonly string[]> {
  const names = new Map<Tensor, string[]>()
  const named = model.namedParameters({ removeDuplicate: false })
  for (const [name, parameter] of named) names.set(parameter, [...(names.get(parameter) ?? []), name])
  return new Map(named.map(([name, parameter]) => [name, names.get(parameter)!]))
}
