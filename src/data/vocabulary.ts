import { ValueError } from '../core/errors.ts'

export interface VocabularyOptions {
  /** Tokens that occur less often are left out. Default 1. */
  readonly minCount?: number
  /** Tokens with the first numbers, such as padding; whether they occur or not. Default none. */
  readonly special?: readonly string[]
  /** One of the special tokens, which stands for whatever is not known. Default: what is not known is left out. */
  readonly unknown?: string
}

/** Tokens (words, characters, sounds) and their numbers from 0. */
export class Vocabulary {
  /** The token of every number. */
  readonly tokens: readonly string[]
  private readonly numbers: ReadonlyMap<string, number>
  private readonly unknown: number | undefined

  /** Throws a {@link ValueError} for a token that is there twice, or an unknown `unknown`. */
  constructor(tokens: readonly string[], { unknown }: Pick<VocabularyOptions, 'unknown'> = {}) {
    this.tokens = [...tokens]
    this.numbers = new Map(tokens.map((token, i) => [token, i]))
    this.unknown = unknown === undefined ? undefined : this.numbers.get(unknown)
    if (this.numbers.size < tokens.length) {
      const twice = tokens.find((token, i) => this.numbers.get(token) !== i)
      throw new ValueError('Vocabulary', `token '${twice}' is there twice`)
    }
    if (unknown !== undefined && this.unknown === undefined) {
      throw new ValueError('Vocabulary', `'${unknown}' stands for what is not known, and must be one of the tokens`)
    }
  }

  /** The tokens of texts, each a list of tokens: the most frequent first, equal ones in the order of their code units. */
  static of(
    texts: Iterable<Iterable<string>>,
    { minCount = 1, special = [], unknown }: VocabularyOptions = {},
  ): Vocabulary {
    const counts = new Map<string, number>()
    for (const text of texts) for (const token of text) counts.set(token, (counts.get(token) ?? 0) + 1)
    for (const token of special) counts.delete(token)
    const kept = [...counts].filter(([, n]) => n >= minCount).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    return new Vocabulary([...special, ...kept.map(([token]) => token)], { ...(unknown !== undefined && { unknown }) })
  }

  /** How many tokens there are. */
  get size(): number {
    return this.tokens.length
  }

  /** Numbers of tokens. */
  encode(tokens: Iterable<string>): number[] {
    return Array.from(tokens, (token) => this.numbers.get(token) ?? this.unknown).filter((n) => n !== undefined)
  }

  /** Tokens of numbers. Throws a {@link ValueError} for one that is none. */
  decode(numbers: Iterable<number>): string[] {
    return Array.from(numbers, (number) => {
      const token = this.tokens[number]
      if (token !== undefined) return token
      throw new ValueError('Vocabulary.decode', `there is no token ${number} among ${this.size}`)
    })
  }
}
