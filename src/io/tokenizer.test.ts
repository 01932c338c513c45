import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError, ValueError } from '../core/errors.ts'
import { loadTokenizer } from './tokenizer.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-tokenizer-'))
})
afterEach(() => rm(folder, { recursive: true }))

const words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'the', 'cat', 'sat', '##s', 'a', '!', 'on', 'mat']

describe('vocab.txt', () => {
  const load = async (config: object = {}) => {
    await writeFile(join(folder, 'vocab.txt'), `${words.join('\n')}\n`)
    await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config))
    return loadTokenizer(folder)
  }

  test('words, their pieces, unknown ones, and back', async () => {
    const tokenizer = await load()
    expect(tokenizer.tokenize('The cats sat!')).toEqual(['the', 'cat', '##s', 'sat', '!'])
    expect(tokenizer.encode('The cats')).toEqual([2, 5, 6, 8, 3])
    expect(tokenizer.encode('the dog', { specialTokens: false })).toEqual([5, 1])
    expect(tokenizer.decode([2, 5, 6, 8, 3])).toBe('the cats')
    expect((await load({ do_lower_case: false })).encode('The', { specialTokens: false })).toEqual([1])
  })

  test('pairs, and batches filled up', async () => {
    const { inputIds, attentionMask, tokenTypeIds } = (await load()).batch(['cat', ['the cat', 'sat']])
    expect(inputIds.dtype).toBe('int32')
    expect(inputIds.toArraySync()).toEqual([
      [2, 6, 3, 0, 0, 0],
      [2, 5, 6, 3, 7, 3],
    ])
    expect(attentionMask.toArraySync()).toEqual([
      [1, 1, 1, 0, 0, 0],
      [1, 1, 1, 1, 1, 1],
    ])
    expect(tokenTypeIds.toArraySync()).toEqual([
      [0, 0, 0, 0, 0, 0],
      [0, 0, 0, 0, 1, 1],
    ])
  })

  test('what is too long is cut, the longer of a pair first; the special tokens stay', async () => {
    const tokenizer = await load({ model_max_length: 8 })
    expect(tokenizer.maxLength).toBe(8)
    expect(tokenizer.encode('the cat sat on a mat', { maxLength: 4 })).toEqual([2, 5, 6, 3])
    expect(tokenizer.encode(['the cat sat on a mat', 'the cat'])).toEqual([2, 5, 6, 7, 3, 5, 6, 3])
    expect(tokenizer.encode(['cat', 'the cat sat on a mat'])).toEqual([2, 6, 3, 5, 6, 7, 11, 3])
    expect(tokenizer.batch(['cat'], { padding: 'maxLength', maxLength: 5 }).inputIds.toArraySync()).toEqual([
      [2, 6, 3, 0, 0],
    ])
    expect(() => tokenizer.encode(['a', 'a'], { maxLength: 2 })).toThrow(ValueError)
    expect(() => tokenizer.batch([])).toThrow('expects at least one text')
  })
})

describe('vocab.json and merges.txt', () => {
  const letters = ['h', 'e', 'l', 'o', 'Ġ', 'w', 'r', 'd', 'a', '!']
  const merges = ['h e', 'l l', 'he ll', 'hell o', 'Ġ w', 'o r', 'l d']
  const merged = merges.map((rule) => rule.replace(' ', ''))

  test('as GPT-2: one special token, which fills up, too', async () => {
    const tokens = [...letters, ...merged, '<|endoftext|>']
    await writeFile(
      join(folder, 'vocab.json'),
      JSON.stringify(Object.fromEntries(tokens.map((token, i) => [token, i]))),
    )
    await writeFile(join(folder, 'merges.txt'), `#version: 0.2\n${merges.join('\n')}\n`)
    const tokenizer = await loadTokenizer(folder)
    expect(tokenizer.tokenize('hello world')).toEqual(['hello', 'Ġw', 'or', 'ld'])
    const ids = tokenizer.encode('hello world')
    expect(ids).toEqual([13, 14, 15, 16])
    expect(tokenizer.decode(ids)).toBe('hello world')
    expect(tokenizer.paddingToken).toBe(17)
  })

  test('as RoBERTa: texts stand between <s> and </s>', async () => {
    const tokens = ['<s>', '<pad>', '</s>', '<unk>', ...letters, ...merged, '<mask>']
    await writeFile(
      join(folder, 'vocab.json'),
      JSON.stringify(Object.fromEntries(tokens.map((token, i) => [token, i]))),
    )
    await writeFile(join(folder, 'merges.txt'), merges.join('\n'))
    const tokenizer = await loadTokenizer(folder)
    expect(tokenizer.encode('hello')).toEqual([0, 17, 2])
    expect(tokenizer.encode(['hello', 'hello'])).toEqual([0, 17, 2, 2, 17, 2])
    expect(tokenizer.paddingToken).toBe(1)
  })
})

describe('tokenizer.json', () => {
  test('Unigram, with the most likely pieces', async () => {
    const vocab = [
      ['<unk>', 0],
      ['▁', -3],
      ['▁hello', -2],
      ['▁hel', -4],
      ['lo', -4],
      ['▁world', -2.5],
      ['s', -5],
    ]
    const json = {
      model: { type: 'Unigram', unk_id: 0, vocab },
      normalizer: null,
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
      post_processor: null,
      decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
      added_tokens: [
        { id: 0, content: '<unk>', special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
      ],
    }
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json))
    const tokenizer = await loadTokenizer(folder)
    expect(tokenizer.tokenize('hello worlds')).toEqual(['▁hello', '▁world', 's'])
    expect(tokenizer.decode(tokenizer.encode('hello worlds'))).toBe('hello worlds')
  })

  test('refuses what is no tokenizer', async () => {
    await expect(loadTokenizer(folder)).rejects.toThrow('has no tokenizer.json, no vocab.txt')
    await writeFile(join(folder, 'tokenizer.json'), '{"model":{"type":"Magic"}}')
    await expect(loadTokenizer(folder)).rejects.toThrow(FileError)
  })
})
