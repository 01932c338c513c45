import { FileError } from '../core/errors.ts'
import { readBytes, withFile } from './byte-source.ts'
import { type ModelFiles, objectIn, readAnyJson, readJson } from './hub/model-files.ts'

/** What tokenizers.js takes: the content of `tokenizer.json` and of `tokenizer_config.json`. */
export interface TokenizerFiles {
  readonly tokenizer: Readonly<Record<string, unknown>>
  readonly config: Readonly<Record<string, unknown>>
}

/** A vocabulary of more bytes than this is none. */
const maxVocabularyBytes = 100_000_000

/**
 * `tokenizer.json`, or what stands for it: `vocab.txt` (WordPiece), `vocab.json` and `merges.txt` (byte-level BPE), or a `vocab.json` that
 * lists the pieces of SentencePiece with their scores (Unigram).
 */
export async function tokenizerFiles(files: ModelFiles): Promise<TokenizerFiles> {
  const config = (await readJson(files, 'tokenizer_config.json')) ?? {}
  const tokenizer = await readJson(files, 'tokenizer.json')
  if (tokenizer) return { tokenizer, config }
  const words = await lines(files, 'vocab.txt')
  if (words) return { tokenizer: wordPiece(words, config), config: { ...wordPieceTokens, ...config } }
  const listed = await readAnyJson(files, 'vocab.json')
  if (Array.isArray(listed)) return { tokenizer: unigram(files.name, listed), config }
  const vocabulary = listed === undefined ? undefined : objectIn(files, 'vocab.json', listed)
  const merges = await lines(files, 'merges.txt')
  if (vocabulary && merges) {
    const rules = merges.filter((line) => !line.startsWith('#version'))
    return {
      tokenizer: byteLevel(files.name, vocabulary, rules, config),
      config: { ...byteLevelTokens(vocabulary), ...config },
    }
  }
  throw new FileError(
    'tokenizer',
    `${files.name}: has no tokenizer.json, no vocab.txt, no vocab.json of pieces, and not both vocab.json and merges.txt`,
  )
}

async function lines(files: ModelFiles, file: string): Promise<string[] | undefined> {
  const path = await files.find(file)
  if (path === undefined) return undefined
  const text = await withFile('tokenizer', path, async (source) => {
    if (source.size > maxVocabularyBytes) throw new FileError('tokenizer', `${path}: ${source.size} bytes are too many`)
    return new TextDecoder().decode(await readBytes(source, 0, source.size))
  })
  const found = text.split(/\r?\n/)
  if (found.at(-1) === '') found.pop()
  return found
}

const wordPieceTokens = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
}

/** BERT's tokenizer. */
function wordPiece(words: readonly string[], config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const numbers = new Map(words.map((word, i) => [word, i]))
  return {
    model: {
      type: 'WordPiece',
      vocab: Object.fromEntries(numbers),
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
    },
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: config['tokenize_chinese_chars'] ?? true,
      strip_accents: config['strip_accents'] ?? null,
      lowercase: config['do_lower_case'] ?? true,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: framed('[CLS]', '[SEP]', numbers),
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    added_tokens: added(Object.values(wordPieceTokens), numbers),
  }
}

/** Tokens of RoBERTa where the vocabulary has them, else GPT-2's only one. */
function byteLevelTokens(vocabulary: Readonly<Record<string, unknown>>): Record<string, string> {
  if (!('<s>' in vocabulary))
    return { unk_token: '<|endoftext|>', bos_token: '<|endoftext|>', eos_token: '<|endoftext|>' }
  return {
    unk_token: '<unk>',
    bos_token: '<s>',
    eos_token: '</s>',
    sep_token: '</s>',
    cls_token: '<s>',
    pad_token: '<pad>',
    mask_token: '<mask>',
  }
}

/** GPT-2's tokenizer, and RoBERTa's. */
function byteLevel(
  name: string,
  vocabulary: Readonly<Record<string, unknown>>,
  merges: readonly string[],
  config: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const numbers = new Map<string, number>()
  for (const [token, number] of Object.entries(vocabulary)) {
    if (!Number.isSafeInteger(number))
      throw new FileError('tokenizer', `${name}: vocab.json: the number of a token is ${String(number)}`)
    numbers.set(token, number as number)
  }
  const special = byteLevelTokens(vocabulary)
  return {
    model: { type: 'BPE', vocab: vocabulary, merges, unk_token: null, fuse_unk: false, byte_fallback: false },
    normalizer: null,
    pre_tokenizer: {
      type: 'ByteLevel',
      add_prefix_space: config['add_prefix_space'] ?? false,
      trim_offsets: true,
      use_regex: true,
    },
    post_processor:
      'cls_token' in special
        ? {
            type: 'RobertaProcessing',
            sep: ['</s>', numbers.get('</s>')],
            cls: ['<s>', numbers.get('<s>')],
            trim_offsets: true,
            add_prefix_space: false,
          }
        : { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    added_tokens: added(new Set(Object.values(special)), numbers),
  }
}

/**
 * SentencePiece's pieces [text, logarithm of probability]. Those of score 0 at the beginning are the unknown one and those for control;
 * where a score was lost on the way to JSON (null), readers of JavaScript take 0, and so did the model.
 */
function unigram(name: string, pieces: readonly unknown[]): Record<string, unknown> {
  const vocabulary = pieces.map((piece): [string, number] => {
    const [text, score] = Array.isArray(piece) ? piece : []
    if (typeof text === 'string' && (typeof score === 'number' || score === null)) return [text, score ?? 0]
    throw new FileError('tokenizer', `${name}: vocab.json: a piece is ${JSON.stringify(piece)}, expected [text, score]`)
  })
  const control = vocabulary.findIndex(([, score]) => score !== 0)
  // No text may spell a control piece.
  const never = vocabulary.reduce((lowest, [, score]) => Math.min(lowest, score), 0) - 100
  const scored = vocabulary.map(([text, score], i) => [text, i < control ? never : score])
  return {
    model: { type: 'Unigram', unk_id: 0, vocab: scored },
    normalizer: { type: 'NFKC' },
    pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
    post_processor: null,
    decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
    added_tokens: [],
  }
}

/** One token before the first text, one behind each. */
function framed(before: string, behind: string, numbers: ReadonlyMap<string, number>): Record<string, unknown> {
  const special = (id: string, kind: number): object => ({ SpecialToken: { id, type_id: kind } })
  const text = (id: 'A' | 'B', kind: number): object => ({ Sequence: { id, type_id: kind } })
  const token = (id: string): object => ({ id, ids: [numbers.get(id)], tokens: [id] })
  return {
    type: 'TemplateProcessing',
    single: [special(before, 0), text('A', 0), special(behind, 0)],
    pair: [special(before, 0), text('A', 0), special(behind, 0), text('B', 1), special(behind, 1)],
    special_tokens: { [before]: token(before), [behind]: token(behind) },
  }
}

function added(tokens: Iterable<string>, numbers: ReadonlyMap<string, number>): object[] {
  return [...tokens].flatMap((content) => {
    const id = numbers.get(content)
    const plain = { single_word: false, lstrip: content === '<mask>', rstrip: false, normalized: false }
    return id === undefined ? [] : [{ id, content, special: true, ...plain }]
  })
}
