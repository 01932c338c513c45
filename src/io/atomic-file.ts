import { fileError } from '../core/system-error.ts'

/** Files being written by this process, so that two writes of one file do not meet. */
let writes = 0

/** What a file is made of: text, or parts that are made while it is written. */
export type Content = string | Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Writes a file whole or not at all: the content goes to a file beside it, is flushed to the device, and takes the name
 * in one step. Whoever reads `path`, even after a power cut, finds the old content or the new one.
 *
 * Throws a `FileError` when the folder is absent or not writable, or the device is full; the old file is then untouched
 * and nothing is left beside it.
 */
export async function writeFileAtomic(path: string, content: Content): Promise<void> {
  const { open, rename, rm } = await import('node:fs/promises')
  const beside = `${path}.${process.pid}-${writes++}.tmp`
  const chunks = typeof content === 'string' ? [new TextEncoder().encode(content)] : content
  try {
    const file = await open(beside, 'wx')
    try {
      for await (const chunk of chunks) await file.writeFile(chunk)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(beside, path)
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {})
    throw fileError('write', path, error)
  }
  await syncFolder(path)
}

/** Makes the new name last, too. Windows and some network drives cannot flush folders; there the rename has to do. */
async function syncFolder(path: string): Promise<void> {
  const [{ open }, { dirname }] = await Promise.all([import('node:fs/promises'), import('node:path')])
  try {
    const folder = await open(dirname(path), 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  } catch {
    // The file itself is safe.
  }
}
