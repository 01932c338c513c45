import { unzipSync, type Zippable, zipSync } from 'fflate'
import { FileError } from '../core/errors.ts'
import type { Allowance } from './allowance.ts'

/** The first bytes of every zip archive that has an entry. */
export function isZip(start: Uint8Array): boolean {
  return start[0] === 0x50 && start[1] === 0x4b && start[2] === 3 && start[3] === 4
}

/**
 * All entries of a zip archive by name, each in a buffer of its own. What they take, expanded, is counted before anything is
 * expanded. Throws a {@link FileError} of `op` when the archive is damaged or takes too much.
 */
export function readZip(
  op: string,
  file: string,
  archive: Uint8Array,
  allowance: Allowance,
): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const sizes = new Map<string, number>()
  let entries: Record<string, Uint8Array<ArrayBuffer>>
  try {
    unzipSync(archive, {
      filter({ name, originalSize }) {
        if (sizes.has(name)) throw new FileError(op, `${file}: the archive has two entries '${shortened(name)}'`)
        allowance.take(originalSize, `entry '${shortened(name)}'`)
        sizes.set(name, originalSize)
        return false
      },
    })
    entries = unzipSync(archive)
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError(op, `${file}: damaged zip archive: ${(error as Error).message}`, { cause: error })
  }
  const found = new Map<string, Uint8Array<ArrayBuffer>>()
  for (const [name, size] of sizes) {
    if (name.endsWith('/')) continue
    const bytes = Object.hasOwn(entries, name) ? entries[name] : undefined
    if (bytes?.length !== size) {
      throw new FileError(
        op,
        `${file}: damaged zip archive: '${shortened(name)}' has ${bytes?.length ?? 0} bytes, expected ${size}`,
      )
    }
    found.set(name, bytes)
  }
  return found
}

/** A zip archive of these entries, stored as they are unless `compress`. */
export function writeZip(
  entries: ReadonlyMap<string, Uint8Array>,
  { compress = false }: { compress?: boolean } = {},
): Uint8Array {
  const content: Zippable = Object.fromEntries(entries)
  // A fixed date (the first that zip knows): the same content gives the same bytes.
  return zipSync(content, { level: compress ? 6 : 0, mtime: '1980-01-01' })
}

/** A name may be as long as the archive. */
export function shortened(name: string): string {
  return name.length > 100 ? `${name.slice(0, 100)}...` : name
}
