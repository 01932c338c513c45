import { fileError } from '../core/system-error.ts'

/** Makes a folder and those around it, where they do not exist. Throws a `FileError` when that is not allowed. */
export async function makeFolder(path: string): Promise<void> {
  const { mkdir } = await import('node:fs/promises')
  try {
    await mkdir(path, { recursive: true })
  } catch (error) {
    throw fileError('write', path, error)
  }
}
