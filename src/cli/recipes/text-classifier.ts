import * as v from 'valibot'
import { FileError } from '../../core/errors.ts'
import { arrayDataset } from '../../data/operators.ts'
import { stratifiedSplit } from '../../data/split.ts'
import { TensorDataset } from '../../data/tensor-dataset.ts'
import { numberedLines } from '../../data/text-file.ts'
import { Vocabulary } from '../../data/vocabulary.ts'
import { TextClassifier } from '../../models/sequence/text-classifier.ts'
import { softmax } from '../../nn/functional/activations.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { UsageError } from '../failure.ts'
import { count, percent } from '../terminal/format.ts'
import { classification, type Recipe, type RecipeModel } from './recipe.ts'
import { isTable, readColumns } from './rows.ts'
import { type CommonSettings, commonSettings, setting } from './settings.ts'

interface Settings extends CommonSettings {
  readonly data: string
  readonly validation?: string | undefined
  readonly test?: string | undefined
  readonly text: string
  readonly label: string
  readonly model: string
  readonly length: number
  readonly size: number
  readonly dropout: number
  readonly minCount: number
}

interface Labelled {
  readonly label: string
  readonly words: readonly string[]
}

interface Known {
  readonly classes: readonly string[]
  /** Words in the order of their numbers. */
  readonly words: readonly string[]
}

interface TextModel extends RecipeModel {
  readonly vocabulary: Vocabulary
  readonly classes: readonly string[]
}

const [padding, unknown] = ['<pad>', '<unknown>']

/** Texts with a label each: praise or blame, topics, languages. */
export const textRecipe: Recipe<Settings, Known, TextModel> = {
  name: 'text-classifier',
  description: 'an LSTM or a Transformer that tells what kind of text it reads',
  settings: v.strictObject({
    ...commonSettings({ epochs: 6, batchSize: 64, lr: 5e-3, clipNorm: 1 }),
    data: setting.text('CSV, TSV or JSONL file; any other has a label and a text a line: 1 a fine film'),
    validation: v.optional(setting.text('file to watch (default: 15 % of the data)')),
    test: v.optional(setting.text('file to test on (default: 15 % of the data)')),
    text: v.optional(setting.text('column of the texts'), 'text'),
    label: v.optional(setting.text('column of the labels'), 'label'),
    model: v.optional(setting.oneOf(['lstm', 'transformer'], 'what reads'), 'lstm'),
    length: v.optional(setting.whole(1, 'words of a text that are read'), 64),
    size: v.optional(setting.multiple(4, "size of each word's row"), 64),
    dropout: v.optional(setting.share('share that is left out at random while learning'), 0.5),
    minCount: v.optional(setting.whole(1, 'words that occur less often are taken for unknown'), 2),
  }),
  known: v.strictObject({ classes: setting.texts, words: setting.texts }),
  async prepare(settings) {
    const { length, minCount } = settings
    const { train, validation, test } = await readParts(settings)
    const { tokens } = Vocabulary.of(
      train.map(({ words }) => words),
      { minCount, special: [padding, unknown], unknown },
    )
    const classes = [...new Set([...train, ...validation, ...test].map(({ label }) => label))].sort()
    if (classes.length < 2)
      throw new FileError('text-classifier', `${settings.data}: all texts have the label '${classes[0]}'`)
    const known = { classes, words: tokens }
    const model = textModel(settings, known)
    const sets = [train, validation, test].map((texts) => datasetOf(texts, model, length))
    const shown = classes.slice(0, 8).join(', ')
    return {
      ...model,
      known,
      train: sets[0]!,
      validation: sets[1]!,
      test: sets[2]!,
      facts: [
        `${count(train.length)} texts to train, ${count(validation.length)} to watch, ${count(test.length)} to test`,
        `${classes.length} classes: ${shown}${classes.length > 8 ? ' ...' : ''}; ${count(tokens.length - 2)} words`,
      ],
    }
  },
  restore: async (settings, known) => textModel(settings, known),
  async testOn(data, restored, { text, label, length }) {
    const texts = await readTexts(data, text, label)
    const strange = texts.find((item) => !restored.classes.includes(item.label))
    if (strange)
      throw new UsageError(`${data}: label '${strange.label}' is none of the run's: ${restored.classes.join(', ')}`)
    if (texts.length === 0) throw new FileError('text-classifier', `${data}: holds no text with a label`)
    return { model: restored.model, test: datasetOf(texts, restored, length) }
  },
  async predict({ model, vocabulary, classes, inputShape }, input) {
    const words = wordsOf(input)
    if (words.length === 0) throw new UsageError('expects a text, received an empty one')
    const shares = Array.from(await softmax(model.forward(numbersOf([words], vocabulary, inputShape[1]!)), 1).data())
    const ranked = classes.map((name, i) => ({ name, share: shares[i]! })).sort((a, b) => b.share - a.share)
    const unfamiliar = words.filter((word) => vocabulary.encode([word])[0] === 1)
    return {
      lines: [
        ...ranked.slice(0, 5).map(({ name, share }) => `${percent(share).padStart(9)}  ${name}`),
        ...(unfamiliar.length > 0 ? [`unknown words: ${unfamiliar.join(', ')}`] : []),
      ],
      data: {
        prediction: ranked[0]?.name,
        probabilities: Object.fromEntries(classes.map((name, i) => [name, shares[i]])),
        unknownWords: unfamiliar,
      },
    }
  },
}

function textModel(settings: Settings, { classes, words }: Known): TextModel {
  const { length, size, dropout } = settings
  const reader = settings.model === 'transformer' ? 'transformer' : 'lstm'
  const vocabulary = new Vocabulary(words, { unknown })
  return {
    vocabulary,
    classes,
    model: new TextClassifier({
      ...{ vocabulary: vocabulary.size, classes: classes.length, reader, size, maxLength: length, dropout },
    }),
    inputShape: [1, length],
    inputDtype: 'int32',
    loss: crossEntropy,
    ...classification,
  }
}

/** Texts as rows of word numbers, with the numbers of their classes. */
function datasetOf(
  texts: readonly Labelled[],
  { vocabulary, classes }: Pick<TextModel, 'vocabulary' | 'classes'>,
  length: number,
): TensorDataset<readonly [Tensor, Tensor]> {
  const words = texts.map((text) => text.words)
  const labels = Int32Array.from(texts, ({ label }) => classes.indexOf(label))
  return new TensorDataset(numbersOf(words, vocabulary, length), tensor(labels))
}

interface Parts {
  readonly train: readonly Labelled[]
  readonly validation: readonly Labelled[]
  readonly test: readonly Labelled[]
}

/** The files that are named; what is missing is cut from the data, every class alike. */
async function readParts({ data, validation, test, text, label, seed }: Settings): Promise<Parts> {
  const read = (path: string): Promise<Labelled[]> => readTexts(path, text, label)
  const [all, watched, tested] = await Promise.all([
    read(data),
    validation === undefined ? [] : read(validation),
    test === undefined ? [] : read(test),
  ])
  const shares = [validation === undefined ? 0.15 : 0, test === undefined ? 0.15 : 0]
  const isWhole = shares.every((share) => share === 0)
  const parts = isWhole
    ? [all]
    : stratifiedSplit(arrayDataset(all), [1 - shares[0]! - shares[1]!, ...shares], {
        labels: all.map((item) => item.label),
        seed,
      }).map(({ indices }) => Array.from(indices, (i) => all[i]!))
  const found = {
    train: parts[0]!,
    validation: validation === undefined ? parts[1]! : watched,
    test: test === undefined ? parts[2]! : tested,
  }
  const empty = Object.entries(found).find(([, texts]) => texts.length === 0)
  if (empty) throw new FileError('text-classifier', `${data}: ${all.length} texts leave none for ${empty[0]}`)
  return found
}

async function readTexts(path: string, text: string, label: string): Promise<Labelled[]> {
  if (isTable(path)) {
    const rows = await readColumns(path, [text, label])
    return rows
      .map((row) => ({ label: row[label]!.trim(), words: wordsOf(row[text]!) }))
      .filter((row) => row.label !== '' && row.words.length > 0)
  }
  const texts: Labelled[] = []
  for await (const { text: content, line } of numberedLines('text-classifier', path)) {
    if (content.trim() === '') continue
    const [, name, rest = ''] = /^\s*(\S+)\s+(.*)$/.exec(content) ?? []
    const words = wordsOf(rest)
    if (name === undefined || words.length === 0) {
      throw new FileError(
        'text-classifier',
        `${path}: line ${line}: expected a label and a text, received '${content}'`,
      )
    }
    texts.push({ label: name, words })
  }
  return texts
}

/** Words in lower case, each sign of punctuation by itself. */
function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*|['’]\p{L}+|[^\s\p{L}\p{N}]/gu) ?? []
}

/** Word numbers [N, length], cut or filled up with 0. */
function numbersOf(texts: readonly (readonly string[])[], vocabulary: Vocabulary, length: number): Tensor {
  const values = new Int32Array(texts.length * length)
  for (const [n, words] of texts.entries()) values.set(vocabulary.encode(words.slice(0, length)), n * length)
  return tensor(values, { shape: [texts.length, length] })
}
