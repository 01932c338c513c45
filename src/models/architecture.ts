import type { Settings } from '../io/settings.ts'
import type { Module } from '../nn/module.ts'
import type { Published } from './published.ts'

/** A network that `config.json` can name. */
export interface Architecture {
  readonly make: (config: Settings) => Module
  /** Under which name the network without its head is found in the whole, and other names that weights may have it under. */
  readonly roots?: readonly string[]
  /** Names of the head, where it has no name of its own. */
  readonly head?: string
  /** Default: as the model holds them. */
  readonly published?: Published
}
