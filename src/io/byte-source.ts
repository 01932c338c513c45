import { FileError } from '../core/errors.ts'
import { fileError } from '../core/system-error.ts'

/** Bytes that can be read at any position: an open file, or an array. */
export interface ByteSource {
  /** What errors call it. */
  readonly name: string
  readonly size: number
  /** Fills `target` with the bytes from position `from` on. The range must lie within `size`. */
  read(target: Uint8Array, from: number): Promise<void>
}

/** A fresh copy of `length` bytes from position `from` on. */
export async function readBytes(source: ByteSource, from: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length)
  await source.read(bytes, from)
  return bytes
}

export function sourceOf(bytes: Uint8Array, name: string): ByteSource {
  return {
    name,
    size: bytes.length,
    async read(target, from) {
      target.set(bytes.subarray(from, from + target.length))
    },
  }
}

/**
 * Calls `use` with the file at `path` open for reading, and closes it. What the operating system refuses becomes a
 * {@link FileError} of `op`.
 */
export async function withFile<T>(op: string, path: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  const { open } = await import('node:fs/promises')
  try {
    const file = await open(path, 'r')
    try {
      const stat = await file.stat()
      if (stat.isDirectory()) throw new FileError(op, `${path}: is a folder, expected a file`)
      return await use({
        name: path,
        size: stat.size,
        async read(target, from) {
          for (let done = 0; done < target.length; ) {
            const { bytesRead } = await file.read(target, done, target.length - done, from + done)
            if (bytesRead === 0) throw new FileError(op, `${path}: was cut short while being read`)
            done += bytesRead
          }
        },
      })
    } finally {
      await file.close()
    }
  } catch (error) {
    throw fileError(op, path, error)
  }
}
