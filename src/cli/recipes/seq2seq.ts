import * as v from 'valibot'
import { FileError } from '../../core/errors.ts'
import { randomSplit } from '../../data/split.ts'
import { TensorDataset } from '../../data/tensor-dataset.ts'
import { numberedLines } from '../../data/text-file.ts'
import { Vocabulary } from '../../data/vocabulary.ts'
import { Seq2Seq, specialTokens } from '../../models/sequence/seq2seq.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { Module } from '../../nn/module.ts'
import { tensor } from '../../tensor/creation.ts'
import { concat } from '../../tensor/joining.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { editDistance } from '../../train/edit-distance.ts'
import { UsageError } from '../failure.ts'
import { count, percent } from '../terminal/format.ts'
import type { Measured, Recipe, RecipeModel } from './recipe.ts'
import { type CommonSettings, commonSettings, setting } from './settings.ts'

interface Settings extends CommonSettings {
  readonly data: string
  readonly sourceBy: string
  readonly targetBy: string
  readonly maxLength: number
  readonly layers: number
  readonly size: number
  readonly dropout: number
}

interface Pair {
  readonly source: readonly string[]
  readonly target: readonly string[]
}

/** How texts become tokens, and back. */
interface Side {
  readonly vocabulary: Vocabulary
  readonly by: string
}

interface Known {
  /** Tokens in the order of their numbers. */
  readonly source: readonly string[]
  readonly target: readonly string[]
}

interface PairsModel extends RecipeModel {
  readonly translator: Seq2Seq
  readonly source: Side
  readonly target: Side
}

/** Padding, beginning and end among {@link specialTokens}. */
const [pad, begin, end, special] = [0, 1, 2, 4]
const unknown = '<unknown>'
/** Pairs that are translated to count mistakes. */
const mostTested = 2000

/** Source and right target so far side by side [N, 2 · length] → logits [N, length, V]: what `fit` trains. */
class Teacher extends Module {
  translator: Seq2Seq

  constructor(translator: Seq2Seq) {
    super()
    this.translator = translator
  }

  forward(both: Tensor): Tensor {
    const { maxLength } = this.translator
    return this.translator.forward(both.narrow(1, 0, maxLength), both.narrow(1, maxLength, maxLength))
  }
}

/** Pairs of sequences: words and their sounds, sentences in two languages. */
export const seq2seqRecipe: Recipe<Settings, Known, PairsModel> = {
  name: 'seq2seq',
  description: 'a Transformer that turns one sequence into another, such as letters into sounds',
  settings: v.strictObject({
    ...commonSettings({ epochs: 10, batchSize: 64, lr: 2e-3, clipNorm: 1 }),
    data: setting.text('file with a source, a tab and a target a line'),
    sourceBy: v.optional(setting.oneOf(['character', 'word'], 'what sources are made of'), 'character'),
    targetBy: v.optional(
      setting.oneOf(['character', 'word'], 'what targets are made of, with blanks between words'),
      'word',
    ),
    maxLength: v.optional(setting.whole(2, 'longest sequence; pairs with longer ones are left out'), 24),
    layers: v.optional(setting.whole(1, 'layers of encoder and decoder'), 2),
    size: v.optional(setting.multiple(4, "size of each position's row"), 64),
    dropout: v.optional(setting.share('share that is left out at random while learning'), 0.1),
  }),
  known: v.strictObject({ source: setting.texts, target: setting.texts }),
  async prepare(settings) {
    const { data, sourceBy, targetBy, maxLength, seed } = settings
    const { pairs, left } = await readPairs(data, { sourceBy, targetBy, maxLength })
    const parts = randomSplit({ length: pairs.length, get: (i) => pairs[i]! }, [0.9, 0.05, 0.05], { seed })
    const [train, validation, test] = parts.map(({ indices }) => Array.from(indices, (i) => pairs[i]!)) as [
      ...[Pair[], Pair[], Pair[]],
    ]
    if (test.length === 0)
      throw new FileError(
        'seq2seq',
        `${data}: ${pairs.length} pairs of up to ${maxLength} tokens; at least 40 are needed`,
      )
    const tokensOf = (texts: readonly (readonly string[])[]): readonly string[] =>
      Vocabulary.of(texts, { special: specialTokens, unknown }).tokens
    const known = {
      source: tokensOf(train.map((pair) => pair.source)),
      target: tokensOf(train.map((pair) => pair.target)),
    }
    const model = pairsModel(settings, known)
    const { translator, source, target } = model
    const sourcesOf = (some: readonly Pair[]): Tensor =>
      filled(
        some.map((pair) => source.vocabulary.encode(pair.source)),
        maxLength,
      )
    const dataset = (some: readonly Pair[]): TensorDataset<readonly [Tensor, Tensor]> => {
      const targets = some.map((pair) => target.vocabulary.encode(pair.target))
      const given = filled(
        targets.map((tokens) => [begin, ...tokens]),
        maxLength,
      )
      const both = concat([sourcesOf(some), given], 1)
      return new TensorDataset(
        both,
        filled(
          targets.map((tokens) => [...tokens, end]),
          maxLength,
        ),
      )
    }
    return {
      ...model,
      known,
      train: dataset(train),
      validation: dataset(validation),
      test: dataset(test),
      facts: [
        `${count(train.length)} pairs to train, ${count(validation.length)} to watch, ${count(test.length)} to test`,
        ...(left > 0 ? [`${count(left)} pairs longer than ${maxLength} tokens are left out`] : []),
        `${source.vocabulary.size - special} source tokens, ${target.vocabulary.size - special} target tokens`,
      ],
      measure: () => mistakes(translator, test.slice(0, mostTested), { sourcesOf, source, target }),
    }
  },
  restore: async (settings, known) => pairsModel(settings, known),
  async predict({ translator, source, target }, input) {
    const tokens = tokensOf(input, source.by)
    if (tokens.length === 0 || tokens.length > translator.maxLength) {
      throw new UsageError(`expects 1 to ${translator.maxLength} source tokens, received ${tokens.length}`)
    }
    const found = await translator.search(filled([source.vocabulary.encode(tokens)], translator.maxLength))
    const text = textOf(target.vocabulary.decode(found), target.by)
    return { lines: [text], data: { source: input, prediction: text } }
  },
}

function pairsModel(settings: Settings, known: Known): PairsModel {
  const { sourceBy, targetBy, maxLength, layers, size, dropout } = settings
  const [source, target] = [known.source, known.target].map((tokens) => new Vocabulary(tokens, { unknown })) as [
    ...[Vocabulary, Vocabulary],
  ]
  const translator = new Seq2Seq({
    ...{ sourceVocabulary: source.size, targetVocabulary: target.size },
    ...{ maxLength, layers, size, dropout },
  })
  return {
    translator,
    source: { by: sourceBy, vocabulary: source },
    target: { by: targetBy, vocabulary: target },
    model: new Teacher(translator),
    inputShape: [1, 2 * maxLength],
    inputDtype: 'int32',
    loss: (logits, wanted) => crossEntropy(logits.flatten(0, 1), wanted.flatten(), { ignoreIndex: pad }),
    metrics: {},
    headline: 'loss',
    monitors: { loss: 'min' },
  }
}

/** Translates pairs that were never seen: edits for each token of the right target, and the share without a mistake. */
async function mistakes(
  translator: Seq2Seq,
  pairs: readonly Pair[],
  { sourcesOf, source, target }: Pick<PairsModel, 'source' | 'target'> & { sourcesOf(some: readonly Pair[]): Tensor },
): Promise<Measured> {
  let [wrong, all, whole] = [0, 0, 0]
  const examples: string[] = []
  for (let from = 0; from < pairs.length; from += 250) {
    const some = pairs.slice(from, from + 250)
    for (const [i, numbers] of (await translator.translate(sourcesOf(some))).entries()) {
      const said = target.vocabulary.decode(numbers)
      const right = some[i]!.target
      const distance = editDistance(said, right)
      wrong += distance
      all += right.length
      if (distance === 0) whole++
      if (examples.length < 4) examples.push(`  ${textOf(some[i]!.source, source.by)}: ${textOf(said, target.by)}`)
    }
  }
  const [tokenErrorRate, exact] = [wrong / all, whole / pairs.length]
  return {
    figures: { tokenErrorRate, exact },
    lines: [
      `Of ${count(pairs.length)} unseen targets ${percent(exact)} are right, ${percent(tokenErrorRate)} of the tokens wrong:`,
      ...examples,
    ],
  }
}

async function readPairs(
  path: string,
  { sourceBy, targetBy, maxLength }: Pick<Settings, 'sourceBy' | 'targetBy' | 'maxLength'>,
): Promise<{ pairs: Pair[]; left: number }> {
  const pairs: Pair[] = []
  let left = 0
  for await (const { text, line } of numberedLines('seq2seq', path)) {
    if (text.trim() === '') continue
    const sides = text.split('\t')
    const source = tokensOf(sides[0]!, sourceBy)
    const target = tokensOf(sides[1] ?? '', targetBy)
    if (sides.length !== 2 || source.length === 0 || target.length === 0) {
      throw new FileError('seq2seq', `${path}: line ${line}: expected a source, a tab and a target, received '${text}'`)
    }
    // The target's end takes a place.
    if (source.length > maxLength || target.length >= maxLength) left++
    else pairs.push({ source, target })
  }
  return { pairs, left }
}

const tokensOf = (text: string, by: string): string[] =>
  by === 'word' ? text.split(/\s+/).filter(Boolean) : [...text.trim()]

const textOf = (tokens: readonly string[], by: string): string => tokens.join(by === 'word' ? ' ' : '')

/** Rows of token numbers, filled up with padding: int32 [N, length]. */
function filled(rows: readonly (readonly number[])[], length: number): Tensor {
  const values = new Int32Array(rows.length * length).fill(pad)
  for (const [n, row] of rows.entries()) values.set(row, n * length)
  return tensor(values, { shape: [rows.length, length] })
}
