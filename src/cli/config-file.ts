import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { fileError } from '../core/system-error.ts'
import { oneLine, UsageError } from './failure.ts'

/** What a configuration file holds: a recipe and its settings. */
export type Configuration = Readonly<Record<string, unknown>> & { readonly recipe: string }

/**
 * Reads `{ "recipe": "tabular", "data": "cars.csv", ... }` from JSON, or what a module exports as `default` or `config`. TypeScript
 * needs a Node that runs it (22.18 or later).
 */
export async function readConfigFile(path: string): Promise<Configuration> {
  const config = path.endsWith('.json') ? await readJson(path) : await importConfig(path)
  const { recipe } = (typeof config === 'object' && config !== null ? config : {}) as { recipe?: unknown }
  if (typeof recipe === 'string') return config as Configuration
  throw new UsageError(`${path}: field 'recipe' is missing; it names what to train, such as "tabular"`)
}

async function readJson(path: string): Promise<unknown> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw fileError('train', path, error)
  })
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${path}: not valid JSON: ${oneLine((error as Error).message)}`)
  }
}

async function importConfig(path: string): Promise<unknown> {
  try {
    const module = await import(pathToFileURL(resolve(path)).href)
    return module.default ?? module.config
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const hint =
      code === 'ERR_UNKNOWN_FILE_EXTENSION' ? '; TypeScript needs Node 22.18 or later, JSON and JavaScript any' : ''
    throw new UsageError(`${path}: ${oneLine(message)}${hint}`)
  }
}
