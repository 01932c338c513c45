import type { Settings } from '../io/settings.ts'
import type { Module } from '../nn/module.ts'

/** What published weights call a parameter that has this name in the model. */
export type PublishedName = (name: string) => string

/** A network that `config.json` can name. */
export interface Architecture {
  readonly make: (config: Settings) => Module
  /** Under which name the network without its head is found in the whole, and other names that weights may have it under. */
  readonly roots?: readonly string[]
  /** Names of the head, where it has no name of its own. */
  readonly head?: string
  /** What published weights call its parts. Default: the same. */
  readonly publishedName?: PublishedName
}
