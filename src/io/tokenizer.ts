import { Tokenizer as Engine } from '@huggingface/tokenizers'
import { FileError, ValueError } from '../core/errors.ts'
import { tensor } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { modelFiles } from './hub/model-files.ts'
import type { HubOptions } from './hub/settings.ts'
import { type TokenizerFiles, tokenizerFiles } from './tokenizer-files.ts'

/** A text, or two that belong together (a question and a paragraph). */
export type TextOrPair = string | readonly [string, string]

export interface BatchOptions {
  /** Texts of more tokens, the special ones counted, are cut: the longer of a pair first. Default: what the model allows. */
  readonly maxLength?: number | undefined
  /** Fill up to the longest of the batch, or to `maxLength`. Default `'longest'`. */
  readonly padding?: 'longest' | 'maxLength'
  /** Whether to add the tokens that begin and end a text. Default true. */
  readonly specialTokens?: boolean
}

/** Texts as a model takes them: int32 [N, L]. */
export interface TokenBatch {
  readonly inputIds: Tensor
  /** 1 for tokens, 0 for padding. */
  readonly attentionMask: Tensor
  /** 0 for the first text of a pair, 1 for the second. */
  readonly tokenTypeIds: Tensor
}

/** One text as numbers. */
interface Encoded {
  readonly ids: readonly number[]
  readonly types: readonly number[]
}

/** Special tokens around and between texts. */
interface Frame {
  readonly before: readonly number[]
  readonly between: readonly number[]
  readonly behind: readonly number[]
  /** Kind of the tokens of the second text. */
  readonly secondType: number
}

/** Models without a limit write a very large number. */
const unlimited = 1e9

/** Texts to numbers and back, as a model was trained with. Made by {@link loadTokenizer}. */
export class Tokenizer {
  readonly #engine: Engine
  readonly #padding: number
  /** The number of tokens that the model takes at most; undefined where it does not say. */
  readonly maxLength: number | undefined

  constructor({ tokenizer, config }: TokenizerFiles) {
    this.#engine = new Engine(tokenizer, config)
    const { pad_token: pad, eos_token: end, model_max_length: limit } = config
    this.#padding = this.#numberOf(pad) ?? this.#numberOf(end) ?? 0
    this.maxLength = typeof limit === 'number' && limit < unlimited ? limit : undefined
  }

  #numberOf(token: unknown): number | undefined {
    const content = typeof token === 'object' && token !== null && 'content' in token ? token.content : token
    return typeof content === 'string' ? this.#engine.token_to_id(content) : undefined
  }

  /** The number of the token that fills up short texts. */
  get paddingToken(): number {
    return this.#padding
  }

  /** Tokens of a text, as they are written in the vocabulary. */
  tokenize(text: string): string[] {
    return this.#engine.tokenize(text)
  }

  /** Numbers of the tokens of a text or pair, special ones included. */
  encode(text: TextOrPair, options: Omit<BatchOptions, 'padding'> = {}): number[] {
    return [...this.#encoded(text, options).ids]
  }

  /** The text of tokens. */
  decode(ids: Iterable<number>, { skipSpecialTokens = true }: { skipSpecialTokens?: boolean } = {}): string {
    return this.#engine.decode([...ids], { skip_special_tokens: skipSpecialTokens })
  }

  /** Texts or pairs as tensors of one length. */
  batch(texts: readonly TextOrPair[], { padding = 'longest', ...options }: BatchOptions = {}): TokenBatch {
    if (texts.length === 0) throw new ValueError('Tokenizer', 'expects at least one text')
    const rows = texts.map((text) => this.#encoded(text, options))
    const limit = options.maxLength ?? this.maxLength
    if (padding === 'maxLength' && limit === undefined)
      throw new ValueError('Tokenizer', "padding 'maxLength' needs maxLength")
    const length = padding === 'maxLength' ? limit! : Math.max(...rows.map(({ ids }) => ids.length))
    const filled = (values: (row: Encoded) => readonly number[], rest: number): Tensor => {
      const out = new Int32Array(rows.length * length).fill(rest)
      for (const [i, row] of rows.entries()) out.set(values(row), i * length)
      return tensor(out, { shape: [rows.length, length] })
    }
    return {
      inputIds: filled(({ ids }) => ids, this.#padding),
      attentionMask: filled(({ ids }) => ids.map(() => 1), 0),
      tokenTypeIds: filled(({ types }) => types, 0),
    }
  }

  #encoded(text: TextOrPair, { maxLength = this.maxLength, specialTokens = true }: BatchOptions): Encoded {
    const [first, second] = typeof text === 'string' ? [text, undefined] : text
    const frame = specialTokens
      ? this.#frame(second !== undefined)
      : { before: [], between: [], behind: [], secondType: 0 }
    const plain = (x: string): number[] => this.#engine.encode(x, { add_special_tokens: false }).ids
    const a = plain(first)
    const b = second === undefined ? [] : plain(second)
    const special = frame.before.length + frame.between.length + frame.behind.length
    const room = maxLength === undefined ? Number.POSITIVE_INFINITY : maxLength - special
    if (room < 0) throw new ValueError('Tokenizer', `maxLength ${maxLength} has no room for ${special} special tokens`)
    // The longer one gives its end first.
    const each = Math.ceil(room / 2)
    const keepA = second === undefined ? Math.min(a.length, room) : Math.min(a.length, Math.max(each, room - b.length))
    const keepB = Math.min(b.length, room - keepA)
    const start = [...frame.before, ...a.slice(0, keepA), ...frame.between]
    const end = [...b.slice(0, keepB), ...frame.behind]
    const endType = second === undefined ? 0 : frame.secondType
    return { ids: [...start, ...end], types: [...start.map(() => 0), ...end.map(() => endType)] }
  }

  readonly #frames = new Map<boolean, Frame>()

  /** What the tokenizer puts around texts, found out with one that is not empty. */
  #frame(pair: boolean): Frame {
    const known = this.#frames.get(pair)
    if (known) return known
    const probe = 'a'
    const inside: readonly number[] = this.#engine.encode(probe, { add_special_tokens: false }).ids
    const options = { return_token_type_ids: true as const, ...(pair && { text_pair: probe }) }
    const { ids, token_type_ids: types } = this.#engine.encode(probe, options)
    const at = (from: number): number => {
      for (let i = from; i + inside.length <= ids.length; i++) if (inside.every((id, j) => ids[i + j] === id)) return i
      return -1
    }
    const first = at(0)
    const firstEnd = first + inside.length
    const second = pair ? at(firstEnd) : ids.length
    if (first < 0 || second < 0 || inside.length === 0)
      throw new FileError('tokenizer', 'it does not keep its texts apart')
    const frame = {
      before: ids.slice(0, first),
      between: pair ? ids.slice(firstEnd, second) : [],
      behind: ids.slice(pair ? second + inside.length : firstEnd),
      secondType: pair ? (types[second] ?? 0) : 0,
    }
    this.#frames.set(pair, frame)
    return frame
  }
}

/**
 * The tokenizer of a model: `tokenizer.json` (WordPiece, BPE, Unigram), or `vocab.txt`, or `vocab.json` with `merges.txt`. `source` is a repository
 * of the hub, a folder, or a file beside them.
 *
 * Throws a `FileError` when there is none or it cannot be understood.
 */
export async function loadTokenizer(source: string, options: HubOptions = {}): Promise<Tokenizer> {
  const files = await modelFiles(source, options)
  const content = await tokenizerFiles(files)
  try {
    return new Tokenizer(content)
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError('tokenizer', `${files.name}: ${(error as Error).message.split('\n', 1)[0]}`, { cause: error })
  }
}
