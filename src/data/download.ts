import { FileError } from '../core/errors.ts'
import { reasonOf } from '../core/system-error.ts'

/** A file on the network, known by its content. */
export interface RemoteFile {
  /** What it is called in the cache. */
  readonly name: string
  /** Where it can be had; tried in this order. */
  readonly urls: readonly string[]
  /** Of the whole content, in hexadecimal. */
  readonly sha256: string
}

/** How far a download is. */
export interface DownloadProgress {
  readonly name: string
  /** Bytes there, those of an earlier attempt included. */
  readonly done: number
  /** Bytes in all; undefined where the server does not say. */
  readonly total: number | undefined
}

export interface DownloadOptions {
  /** Default: {@link cacheFolder}. */
  readonly cache?: string
  readonly onProgress?: (progress: DownloadProgress) => void
  readonly signal?: AbortSignal
}

/** Where downloads are kept: `GRADUS_CACHE`, or `gradus` in `XDG_CACHE_HOME` or `~/.cache`. */
export async function cacheFolder(): Promise<string> {
  const [{ homedir }, { join }] = await Promise.all([import('node:os'), import('node:path')])
  const { GRADUS_CACHE, XDG_CACHE_HOME } = process.env
  return GRADUS_CACHE ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'gradus')
}

/**
 * Path of a file in the cache, downloaded if it is not there yet. A download that was cut off goes on where it stopped; only a
 * file whose SHA-256 is right gets its name. What is in the cache is used without the network.
 *
 * Throws a {@link FileError} when no address gives the file; what has come is kept for the next attempt.
 */
export async function downloadAndCache(file: RemoteFile, options: DownloadOptions = {}): Promise<string> {
  const [{ mkdir, rename, stat }, { join }] = await Promise.all([import('node:fs/promises'), import('node:path')])
  const folder = join(options.cache ?? (await cacheFolder()), 'data')
  const path = join(folder, `${file.sha256.slice(0, 12)}-${file.name}`)
  if (await stat(path).catch(() => undefined)) return path
  const part = `${path}.part`
  const failures: string[] = []
  try {
    await mkdir(folder, { recursive: true })
  } catch (error) {
    throw new FileError('download', `${folder}: ${reasonOf(error)}`, { cause: error })
  }
  for (const url of file.urls) {
    try {
      await fetchInto(url, part, file, options)
      await rename(part, path)
      return path
    } catch (error) {
      options.signal?.throwIfAborted()
      const { message, cause } = error as Error
      failures.push(`${url}: ${message}${cause instanceof Error ? ` (${cause.message})` : ''}`)
    }
  }
  throw new FileError('download', `${file.name} could not be had from ${failures.join('; nor from ')}`)
}

async function fetchInto(
  url: string,
  part: string,
  { name, sha256 }: RemoteFile,
  options: DownloadOptions,
): Promise<void> {
  const { open, rm, stat } = await import('node:fs/promises')
  const there = (await stat(part).catch(() => undefined))?.size ?? 0
  const signal = options.signal ? { signal: options.signal } : {}
  const headers: Record<string, string> = there > 0 ? { range: `bytes=${there}-` } : {}
  const response = await fetch(url, { headers, ...signal })
  // 416: everything is there already, or more than there should be; the sum tells.
  if (!response.ok && response.status !== 416)
    throw new Error(`the server answered ${response.status} ${response.statusText}`)
  if (response.status !== 416 && response.body) {
    const goesOn = response.status === 206
    let done = goesOn ? there : 0
    const length = response.headers.get('content-length')
    const total = length === null || response.headers.has('content-encoding') ? undefined : done + Number(length)
    const out = await open(part, goesOn ? 'a' : 'w')
    try {
      for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
        await out.write(chunk)
        done += chunk.length
        options.onProgress?.({ name, done, total })
      }
      await out.sync()
    } finally {
      await out.close()
    }
  }
  const sum = await sha256Of(part)
  if (sum === sha256) return
  await rm(part, { force: true })
  throw new Error(`the content is not what was expected: SHA-256 ${sum}, expected ${sha256}`)
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256Of(path: string): Promise<string> {
  const [{ createHash }, { createReadStream }] = await Promise.all([import('node:crypto'), import('node:fs')])
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array)
  return hash.digest('hex')
}
