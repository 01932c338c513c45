import type { Architecture } from '../architecture.ts'

/** Networks whose names in timm have one form. */
export interface Family {
  /** How the names look, for people. */
  readonly names: readonly string[]
  /** The network of that name. */
  find(name: string): Architecture | undefined
}

/** Replaces what stands before each arrow by what stands after it, one after the other. */
export type Words = readonly (readonly [part: RegExp, word: string])[]

export function reword(name: string, words: Words): string {
  return words.reduce((text, [part, word]) => text.replace(part, word), name)
}
