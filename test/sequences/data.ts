import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = process.env['GRADUS_DATA'] ?? fileURLToPath(new URL('../../../shared/data', import.meta.url))

/** A file of the real data that is not part of the repository, or undefined where it is absent. */
export function dataFile(path: string): string | undefined {
  const file = join(root, path)
  return existsSync(file) ? file : undefined
}
