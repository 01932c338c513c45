import { fileURLToPath } from 'node:url'

/** A path from the root of the repository, wherever this file was compiled to. */
export function fromRoot(path: string): string {
  return fileURLToPath(new URL(path, import.meta.resolve('gradus/package.json')))
}
