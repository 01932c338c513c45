import { FileError } from '../../core/errors.ts'
import { sha256Of } from '../../data/download.ts'
import { writeFileAtomic } from '../atomic-file.ts'
import { fileError } from '../../core/system-error.ts'
import { withLock } from './lock.ts'
import { byHand, describeRemote, fetchContent, HubError, type RemoteInfo } from './remote.ts'
import { checkFile, checkRepository, type HubOptions, type HubSettings, hubSettings } from './settings.ts'

export type { HubOptions, HubProgress } from './settings.ts'

/**
 * Files of the Hugging Face hub in the cache that Python's huggingface_hub uses, too: `models--org--name/refs/main` holds a commit,
 * `snapshots/COMMIT/FILE` points to `blobs/ETAG`. What one of them has downloaded the other finds.
 */

/**
 * Path of a file of a repository in the cache, downloaded if it is not there or the branch has moved. A download that was cut off
 * goes on where it stopped, content whose size or SHA-256 is wrong is thrown away, and two processes do not download
 * the same twice. When the network is down, what the cache has is used.
 *
 * Throws a `FileError` that says what to do when the file cannot be had.
 */
export async function hubFile(repository: string, file: string, options: HubOptions = {}): Promise<string> {
  checkRepository(repository)
  checkFile(file)
  const settings = await hubSettings(options)
  const { join } = await import('node:path')
  const root = join(settings.cache, `models--${repository.replace('/', '--')}`)
  const cached = await cachedFile(root, settings.revision, file)
  if (settings.offline || (cached !== undefined && isCommit(settings.revision))) {
    if (cached !== undefined) return cached
    throw new FileError(
      'hub',
      `${repository}: ${file} is not in the cache ${settings.cache}, and the hub is offline (HF_HUB_OFFLINE); ${byHand(settings, repository, file)}`,
    )
  }
  let info: RemoteInfo
  try {
    info = await describeRemote(settings, repository, file)
  } catch (error) {
    const unreachable = error instanceof HubError && error.status === undefined
    if (cached !== undefined && unreachable) return cached
    throw error
  }
  try {
    return await fill(root, settings, repository, file, info)
  } catch (error) {
    throw fileError('hub', root, error)
  }
}

/** {@link hubFile}, or undefined where the repository has no such file. */
export async function hubFileIfAny(
  repository: string,
  file: string,
  options: HubOptions = {},
): Promise<string | undefined> {
  try {
    return await hubFile(repository, file, options)
  } catch (error) {
    const settings = await hubSettings(options)
    if (settings.offline || (error instanceof HubError && error.status === 404)) return undefined
    throw error
  }
}

const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision)

async function cachedFile(root: string, revision: string, file: string): Promise<string | undefined> {
  const [{ readFile, stat }, { join }] = await Promise.all([import('node:fs/promises'), import('node:path')])
  const commit = isCommit(revision)
    ? revision
    : (await readFile(join(root, 'refs', revision), 'utf8').catch(() => '')).trim()
  if (!isCommit(commit)) return undefined
  const path = join(root, 'snapshots', commit, file)
  return (await stat(path).catch(() => undefined)) ? path : undefined
}

/** Brings the content into the cache, and the names that lead to it. */
async function fill(
  root: string,
  settings: HubSettings,
  repository: string,
  file: string,
  info: RemoteInfo,
): Promise<string> {
  const [fs, { dirname, join, relative }] = await Promise.all([import('node:fs/promises'), import('node:path')])
  const blob = join(root, 'blobs', info.etag)
  const path = join(root, 'snapshots', info.commit, file)
  const ref = join(root, 'refs', settings.revision)
  const locks = join(settings.cache, '.locks', `models--${repository.replace('/', '--')}`)
  for (const folder of [join(root, 'blobs'), dirname(path), dirname(ref), locks])
    await fs.mkdir(folder, { recursive: true })
  const there = async (): Promise<boolean> => (await fs.stat(blob).catch(() => undefined)) !== undefined
  if (!(await there())) {
    const work = async (): Promise<void> => {
      if (!(await there())) await download(blob, settings, repository, file, info)
    }
    await withLock(join(locks, `${info.etag}.lock.gradus`), work, settings.signal)
  }
  if (!(await fs.stat(path).catch(() => undefined))) {
    // A link beside, then renamed: whoever looks finds the old name or the new one.
    const beside = `${path}.${process.pid}.link`
    await fs.rm(beside, { force: true })
    try {
      await fs.symlink(relative(dirname(path), blob), beside)
    } catch {
      // Windows without the right to make links.
      await fs.copyFile(blob, beside)
    }
    await fs.rename(beside, path)
  }
  if (!isCommit(settings.revision)) await writeFileAtomic(ref, info.commit)
  return path
}

/** Times that a download which was cut off goes on by itself. */
const attempts = 3

async function download(
  blob: string,
  settings: HubSettings,
  repository: string,
  file: string,
  info: RemoteInfo,
): Promise<void> {
  const { rename, rm, stat } = await import('node:fs/promises')
  const part = `${blob}.incomplete`
  for (let attempt = 1; ; attempt++) {
    try {
      await fetchInto(part, settings, repository, file, info)
      break
    } catch (error) {
      settings.signal?.throwIfAborted()
      const cut = !(error instanceof HubError) || error.status === undefined
      if (!cut || attempt === attempts) throw interrupted(settings, repository, file, error)
    }
  }
  const { size } = await stat(part)
  const sum = /^[0-9a-f]{64}$/.test(info.etag) ? await sha256Of(part) : info.etag
  if (sum === info.etag && (info.size === undefined || size === info.size)) {
    await rename(part, blob)
    return
  }
  await rm(part, { force: true })
  const what = sum === info.etag ? `${size} bytes, expected ${info.size}` : `SHA-256 ${sum}, expected ${info.etag}`
  throw new FileError(
    'hub',
    `${repository}: ${file} is not what the hub announced: ${what}; it was thrown away, try again`,
  )
}

async function fetchInto(
  part: string,
  settings: HubSettings,
  repository: string,
  file: string,
  { location, size }: RemoteInfo,
): Promise<void> {
  const { open, stat } = await import('node:fs/promises')
  const there = (await stat(part).catch(() => undefined))?.size ?? 0
  if (size !== undefined && there === size && size > 0) return
  const from = size !== undefined && there > size ? 0 : there
  const response = await fetchContent(settings, { repository, file, location, from })
  if (response.status === 416) return
  const goesOn = response.status === 206 && response.headers.get('content-range')?.startsWith(`bytes ${from}-`)
  let done = goesOn ? from : 0
  const out = await open(part, goesOn ? 'a' : 'w')
  try {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      done += chunk.length
      if (size !== undefined && done > size)
        throw new HubError(`${file} is longer than the announced ${size} bytes`, 200)
      await out.write(chunk)
      settings.onProgress?.({ file, done, total: size })
    }
    await out.sync()
  } finally {
    await out.close()
  }
  if (size !== undefined && done < size) throw new HubError(`${file} ended after ${done} of ${size} bytes`, undefined)
}

function interrupted(settings: HubSettings, repository: string, file: string, error: unknown): unknown {
  if (error instanceof HubError) return error
  const { message, cause } = error as Error
  const why = cause instanceof Error && cause.message !== '' ? cause.message : message
  return new HubError(
    `${repository}: ${file} was cut off: ${why}; what has come is kept, try again, or ${byHand(settings, repository, file)}`,
    undefined,
    { cause: error },
  )
}
