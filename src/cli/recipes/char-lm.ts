import * as v from 'valibot'
import { FileError } from '../../core/errors.ts'
import { DataLoader } from '../../data/data-loader.ts'
import { readText } from '../../data/text-file.ts'
import { tokenWindows } from '../../data/token-windows.ts'
import { Vocabulary } from '../../data/vocabulary.ts'
import { Gpt } from '../../models/sequence/gpt.ts'
import { LstmWriter } from '../../models/sequence/lstm-writer.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { perplexity } from '../../train/regression-metrics.ts'
import { UsageError } from '../failure.ts'
import { count } from '../terminal/format.ts'
import type { Recipe, RecipeModel } from './recipe.ts'
import { type CommonSettings, commonSettings, setting } from './settings.ts'

interface Settings extends CommonSettings {
  readonly data: string
  readonly model: string
  readonly context: number
  readonly layers?: number | undefined
  readonly size?: number | undefined
  readonly dropout: number
  readonly write: number
  readonly temperature: number
}

interface Writer extends RecipeModel {
  readonly model: Gpt | LstmWriter
  readonly alphabet: Vocabulary
  readonly write: number
  readonly temperature: number
}

interface Known {
  /** All characters, sorted. */
  readonly alphabet: string
}

/** A text, learned character by character. */
export const charRecipe: Recipe<Settings, Known, Writer> = {
  name: 'char-lm',
  description: 'a small GPT or an LSTM that learns to write like a text, character by character',
  settings: v.strictObject({
    ...commonSettings({ epochs: 3, batchSize: 12, lr: 2e-3, clipNorm: 1 }),
    data: setting.text('a text file (UTF-8); its last tenth is watched, not learned'),
    model: v.optional(setting.oneOf(['gpt', 'lstm'], 'what reads and writes'), 'gpt'),
    context: v.optional(setting.whole(2, 'characters that are seen at once'), 64),
    layers: v.optional(setting.whole(1, 'layers (default: 4 of the GPT, 1 of the LSTM)')),
    size: v.optional(
      setting.whole(4, 'size of a row of the GPT (default 128), of the state of the LSTM (default 256)'),
    ),
    dropout: v.optional(setting.share('share that the GPT leaves out at random while learning'), 0),
    write: v.optional(setting.whole(1, 'characters that gradus predict writes'), 300),
    temperature: v.optional(setting.positive('how freely it writes: below 1 safer, above 1 wilder'), 0.8),
  }),
  known: v.strictObject({ alphabet: v.string() }),
  async prepare(settings) {
    const { data, context, batchSize, seed, write, temperature } = settings
    const text = await readText(data)
    const known = { alphabet: [...new Set(text)].sort().join('') }
    const writer = writerOf(settings, known)
    const { model, alphabet } = writer
    const tokens = Int32Array.from(alphabet.encode(text))
    const parts = [tokens.subarray(0, 0.9 * tokens.length), tokens.subarray(0.9 * tokens.length)] as const
    const [train, held] = parts
    if (held.length <= context) {
      const least = 10 * (context + 1)
      throw new FileError(
        'char-lm',
        `${data}: ${tokens.length} characters are too few for a context of ${context}; at least ${least} are needed`,
      )
    }
    const windows = tokenWindows(train, { length: context, shift: true })
    const watched = tokenWindows(held, { length: context })
    return {
      ...writer,
      known,
      train: new DataLoader(windows, { batchSize, seed, shuffle: true, dropLast: windows.length > batchSize }),
      validation: watched,
      facts: [
        `${count(train.length)} characters to train, ${count(held.length)} to watch; ${alphabet.size} different ones`,
        'losses are in nats a character',
      ],
      async measure({ loss = Number.NaN }) {
        const sample = await writeText(model, alphabet, '\n', { write: Math.min(write, 200), temperature })
        const lines = [
          'What it writes:',
          ...sample
            .trim()
            .split('\n')
            .map((line) => `  ${line}`),
        ]
        return { figures: { perplexity: perplexity(loss) }, lines }
      },
    }
  },
  restore: async (settings, known) => writerOf(settings, known),
  async predict({ model, alphabet, ...options }, input) {
    const strange = [...new Set(input)].filter((character) => alphabet.encode([character]).length === 0)
    if (strange.length > 0) {
      throw new UsageError(`the text that it learned from has no ${strange.map((c) => `'${c}'`).join(', ')}`)
    }
    const text = await writeText(model, alphabet, input, options)
    return { lines: `${input}${text}`.split('\n'), data: { prompt: input, text } }
  },
}

function writerOf(settings: Settings, known: Known): Writer {
  const { context, dropout, layers, size, write, temperature } = settings
  const isGpt = settings.model === 'gpt'
  if (isGpt && (size ?? 128) % 4 !== 0) throw new UsageError(`field 'size' expects a multiple of 4, received ${size}`)
  const alphabet = new Vocabulary([...known.alphabet])
  const vocabulary = alphabet.size
  return {
    model: isGpt
      ? new Gpt({ vocabulary, context, dropout, layers: layers ?? 4, size: size ?? 128 })
      : new LstmWriter({ vocabulary, layers: layers ?? 1, hidden: size ?? 256 }),
    ...{ alphabet, write, temperature },
    ...{ inputShape: [1, context], inputDtype: 'int32' },
    loss: (logits: Tensor, next: Tensor) => crossEntropy(logits.flatten(0, 1), next.flatten()),
    metrics: {},
    headline: 'loss',
    monitors: { loss: 'min' },
  }
}

/** Goes on from `prompt`; from the first character of the alphabet where there is none. */
async function writeText(
  model: Gpt | LstmWriter,
  alphabet: Vocabulary,
  prompt: string,
  { write, temperature }: { readonly write: number; readonly temperature: number },
): Promise<string> {
  const begin = alphabet.encode(prompt)
  const options = { maxNewTokens: write, doSample: true, temperature, topK: 20 }
  return alphabet.decode(await model.write(begin.length > 0 ? begin : [0], options)).join('')
}
