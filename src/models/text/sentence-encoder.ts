import type { FileError } from '../../core/errors.ts'
import { isRecord } from '../../core/record.ts'
import { type ModelFiles, readAnyJson, readJson } from '../../io/hub/model-files.ts'
import { normalize } from '../../nn/functional/normalization.ts'
import { Module } from '../../nn/module.ts'
import { arange, ones } from '../../tensor/creation.ts'
import { concat } from '../../tensor/joining.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { TextInputs } from './heads.ts'
import { meanPooling } from './pooling.ts'

/** How the rows of a text's tokens become one. */
export type Pooling = 'cls' | 'max' | 'mean' | 'meanSqrtLength' | 'weightedMean' | 'lastToken'

/** What `modules.json` says of a sentence encoder. */
export interface SentenceModules {
  /** Folder of the transformer among the files; empty for the top. */
  readonly transformer: string
  readonly pooling: readonly Pooling[]
  readonly normalized: boolean
  /** Tokens of a text that the encoder was trained with at most. */
  readonly maxLength: number | undefined
}

/** Rows [N, L, E] and their mask [N, L] → [N, E]. */
const poolings: Readonly<Record<Pooling, (rows: Tensor, mask: Tensor) => Tensor>> = {
  cls: (rows) => rows.select(1, 0),
  max: (rows, mask) => rows.maskedFill(mask.to('bool').logicalNot().unsqueeze(2), -1e9).amax(1),
  mean: meanPooling,
  meanSqrtLength: (rows, mask) => meanPooling(rows, mask).mul(mask.to(rows.dtype).sum(1, { keepdim: true }).sqrt()),
  weightedMean: (rows, mask) => meanPooling(rows, mask.mul(places(mask).add(1))),
  lastToken: (rows, mask) => {
    const last = places(mask).mul(mask).amax(1, { keepdim: true })
    return rows.maskedFill(places(mask).eq(last).logicalNot().unsqueeze(2), 0).sum(1)
  },
}

const places = (mask: Tensor): Tensor => arange(mask.shape[1]!, { dtype: 'int32' })

/**
 * A sentence encoder (Reimers and Gurevych, "Sentence-BERT", 2019): tokens [N, L] → one row for each text [N, E], or of several poolings
 * [N, E · poolings]; where it is normalised, of length 1, so that products of rows are cosines.
 */
export class SentenceEncoder extends Module {
  transformer: Module & { forward(tokens: Tensor, inputs?: TextInputs): Tensor }
  readonly pooling: readonly Pooling[]
  readonly normalized: boolean
  /** Tokens of a text that it was trained with at most, for the tokenizer; undefined where its files do not say. */
  readonly maxLength: number | undefined

  constructor(
    transformer: SentenceEncoder['transformer'],
    { pooling, normalized, maxLength }: Omit<SentenceModules, 'transformer'>,
  ) {
    super()
    this.transformer = transformer
    this.pooling = pooling
    this.normalized = normalized
    this.maxLength = maxLength
  }

  forward(tokens: Tensor, inputs: TextInputs = {}): Tensor {
    const rows = this.transformer.forward(tokens, inputs)
    const mask = inputs.attentionMask ?? ones(tokens.shape, { dtype: 'int32' })
    const pooled = concat(
      this.pooling.map((kind) => poolings[kind](rows, mask)),
      1,
    )
    return this.normalized ? normalize(pooled, { dim: 1 }) : pooled
  }
}

/** In the order in which sentence-transformers puts them beside each other. */
const poolingNames: readonly (readonly [flag: string, name: string, pooling: Pooling])[] = [
  ['pooling_mode_cls_token', 'cls', 'cls'],
  ['pooling_mode_max_tokens', 'max', 'max'],
  ['pooling_mode_mean_tokens', 'mean', 'mean'],
  ['pooling_mode_mean_sqrt_len_tokens', 'mean_sqrt_len_tokens', 'meanSqrtLength'],
  ['pooling_mode_weightedmean_tokens', 'weightedmean', 'weightedMean'],
  ['pooling_mode_lasttoken', 'lasttoken', 'lastToken'],
]

/** What the files of sentence-transformers say; undefined where there is no `modules.json`. `fail` makes the error for what is not known. */
export async function sentenceModules(
  files: ModelFiles,
  fail: (problem: string) => FileError,
): Promise<SentenceModules | undefined> {
  const list = await readAnyJson(files, 'modules.json')
  if (list === undefined) return undefined
  if (!Array.isArray(list)) throw fail('modules.json holds no list')
  const modules = list.map((entry: unknown) => {
    const { type, path } = isRecord(entry) ? entry : {}
    if (typeof type === 'string' && typeof path === 'string') return { kind: type.split('.').at(-1)!, path }
    throw fail(`modules.json: a module is ${JSON.stringify(entry)}, expected a type and a path`)
  })
  const [transformer, pooling, ...others] = modules
  const kinds = modules.map(({ kind }) => kind)
  const isKnown =
    kinds[0] === 'Transformer' && kinds[1] === 'Pooling' && others.every(({ kind }) => kind === 'Normalize')
  if (!transformer || !pooling || !isKnown)
    throw fail(`modules.json: ${kinds.join(', ')} is not known; expected Transformer, Pooling and Normalize or none`)
  const settings = await readJson(files, join(pooling.path, 'config.json'))
  if (!settings) throw fail(`has no ${join(pooling.path, 'config.json')}`)
  const limits = (await readJson(files, join(transformer.path, 'sentence_bert_config.json'))) ?? {}
  const { max_seq_length: maxLength } = limits
  return {
    transformer: transformer.path,
    pooling: poolingOf(settings, fail),
    normalized: others.length > 0,
    maxLength: typeof maxLength === 'number' ? maxLength : undefined,
  }
}

/** By a flag for each kind, or by `pooling_mode` with one name or more in their order. */
function poolingOf(settings: Readonly<Record<string, unknown>>, fail: (problem: string) => FileError): Pooling[] {
  const { pooling_mode: mode } = settings
  if (mode === undefined) {
    const found = poolingNames.filter(([flag]) => settings[flag] === true)
    return found.length > 0 ? found.map(([, , pooling]) => pooling) : ['mean']
  }
  return [mode].flat().map((wanted) => {
    const found = poolingNames.find(([, name]) => name === wanted)
    if (found) return found[2]
    const known = poolingNames.map(([, name]) => name).join(', ')
    throw fail(`pooling_mode ${JSON.stringify(wanted)} is not known; known are ${known}`)
  })
}

const join = (folder: string, file: string): string => (folder === '' ? file : `${folder}/${file}`)
