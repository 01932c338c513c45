import { FileError } from '../../core/errors.ts'
import type { HubSettings } from './settings.ts'

/** What the hub says of a file before its content. */
export interface RemoteInfo {
  readonly commit: string
  /** SHA-256 of files in large file storage, a git hash of others; the name of the content in the cache. */
  readonly etag: string
  readonly size: number | undefined
  /** Where the content is. */
  readonly location: string
}

/** More redirects than this lead nowhere. */
const maxRedirects = 8

/** Something the server said that is no answer; `status` 404 of a file may be expected. */
export class HubError extends FileError {
  readonly status: number | undefined

  constructor(message: string, status: number | undefined, options?: ErrorOptions) {
    super('hub', message, options)
    this.status = status
  }
}

export function urlOf({ endpoint, revision }: HubSettings, repository: string, file: string): string {
  const path = file.split('/').map(encodeURIComponent).join('/')
  return `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/${path}`
}

/** Asks for a file without its content. Throws a {@link HubError} that says what is wrong and what to do. */
export async function describeRemote(settings: HubSettings, repository: string, file: string): Promise<RemoteInfo> {
  const url = urlOf(settings, repository, file)
  let location = url
  let commit: string | null = null
  let etag: string | null = null
  let size: string | null = null
  for (let redirect = 0; redirect <= maxRedirects; redirect++) {
    const response = await request(settings, location, { method: 'HEAD', file, repository })
    await response.body?.cancel()
    const { headers, status } = response
    const next = status >= 300 && status < 400 ? headers.get('location') : null
    commit = headers.get('x-repo-commit') ?? commit
    etag = headers.get('x-linked-etag') ?? headers.get('etag') ?? etag
    size = headers.get('x-linked-size') ?? (next === null ? headers.get('content-length') : null) ?? size
    if (next === null) {
      if (!response.ok) throw refusal(settings, repository, file, response)
      return described(url, { commit, etag, size, location })
    }
    const before = new URL(location).origin
    location = new URL(next, location).href
    // Within the hub a redirect leads on; content that lies elsewhere is described by the answer that leads there.
    if (new URL(location).origin !== before) return described(url, { commit, etag, size, location })
  }
  throw new HubError(`${url}: more than ${maxRedirects} redirects`, undefined)
}

function described(
  url: string,
  {
    commit,
    etag: quoted,
    size,
    location,
  }: { commit: string | null; etag: string | null; size: string | null; location: string },
): RemoteInfo {
  const etag = (quoted ?? '').replace(/^W\//, '').replace(/^"|"$/g, '')
  // Both become names of files.
  if (commit === null || !/^[0-9a-f]{40}$/.test(commit))
    throw new HubError(`${url}: the answer names no commit`, undefined)
  if (!/^[\w.-]+$/.test(etag) || etag.startsWith('.'))
    throw new HubError(`${url}: the answer has no usable etag`, undefined)
  return { commit, etag, size: size === null ? undefined : Number(size), location }
}

/** The content from byte `from` on. The token goes to the endpoint only, wherever the redirects lead. */
export async function fetchContent(
  settings: HubSettings,
  { repository, file, location, from }: { repository: string; file: string; location: string; from: number },
): Promise<Response> {
  let url = location
  for (let redirect = 0; redirect <= maxRedirects; redirect++) {
    const response = await request(settings, url, { method: 'GET', from, file, repository })
    const next = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || next === null) {
      if (response.ok || response.status === 416) return response
      throw refusal(settings, repository, file, response)
    }
    await response.body?.cancel()
    url = new URL(next, url).href
  }
  throw new HubError(`${location}: more than ${maxRedirects} redirects`, undefined)
}

async function request(
  settings: HubSettings,
  url: string,
  { method, from = 0, file, repository }: { method: string; from?: number; file: string; repository: string },
): Promise<Response> {
  const { token, endpoint, signal } = settings
  // Lengths and ranges count the bytes of the file, so nothing may be compressed on the way.
  const headers: Record<string, string> = { 'user-agent': 'gradus', 'accept-encoding': 'identity' }
  if (from > 0) headers['range'] = `bytes=${from}-`
  if (token !== undefined && new URL(url).origin === new URL(endpoint).origin)
    headers['authorization'] = `Bearer ${token}`
  try {
    return await fetch(url, { method, headers, redirect: 'manual', ...(signal ? { signal } : {}) })
  } catch (error) {
    signal?.throwIfAborted()
    const { message, cause } = error as Error
    const why = cause instanceof Error && cause.message !== '' ? cause.message : message
    throw new HubError(
      `${repository}: ${file} cannot be had: ${why}; ${byHand(settings, repository, file)}`,
      undefined,
      { cause: error },
    )
  }
}

/** What to do where there is no network. */
export function byHand(settings: HubSettings, repository: string, file: string): string {
  const url = urlOf({ ...settings, endpoint: 'https://huggingface.co' }, repository, file)
  return `to fetch by hand, download ${url} (and the other files of the repository) into a folder and give its path`
}

function refusal(settings: HubSettings, repository: string, file: string, { status, headers }: Response): HubError {
  const code = headers.get('x-error-code')
  const { revision, token } = settings
  const where = `${repository} (${revision})`
  if (code === 'EntryNotFound' || (status === 404 && code === null))
    return new HubError(`${where} has no file ${file}`, 404)
  if (code === 'RevisionNotFound') return new HubError(`${repository} has no revision '${revision}'`, status)
  if (code === 'GatedRepo') {
    return new HubError(`${repository} is gated: accept its conditions on its page, then set HF_TOKEN`, status)
  }
  if (status === 401 || status === 403 || code === 'RepoNotFound') {
    const way = token === undefined ? 'if it is private, set HF_TOKEN' : 'the token may not read it'
    return new HubError(`${repository} does not exist or is not open to you; ${way}`, status)
  }
  return new HubError(
    `${where}: the server answered ${status} for ${file}; ${byHand(settings, repository, file)}`,
    status,
  )
}
