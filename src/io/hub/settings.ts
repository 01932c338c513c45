import { ValueError } from '../../core/errors.ts'

export interface HubOptions {
  /** Branch, tag or commit. Default `main`. */
  readonly revision?: string
  /** Default: `HF_HUB_CACHE`, or `hub` in `HF_HOME` or in `~/.cache/huggingface`. Shared with Python's huggingface_hub. */
  readonly cache?: string
  /** Use the cache alone. Default: whether `HF_HUB_OFFLINE` is 1. */
  readonly offline?: boolean
  /** Sent to the endpoint, and to no other host. Default: `HF_TOKEN`. */
  readonly token?: string
  /** Address of the hub. Default: `HF_ENDPOINT`, or https://huggingface.co. */
  readonly endpoint?: string
  readonly onProgress?: (progress: HubProgress) => void
  readonly signal?: AbortSignal
}

/** How far the download of a file is. */
export interface HubProgress {
  readonly file: string
  /** Bytes there, those of an earlier attempt included. */
  readonly done: number
  readonly total: number | undefined
}

/** {@link HubOptions} with what the environment says. */
export interface HubSettings {
  readonly revision: string
  readonly cache: string
  readonly offline: boolean
  readonly token: string | undefined
  readonly endpoint: string
  readonly onProgress: ((progress: HubProgress) => void) | undefined
  readonly signal: AbortSignal | undefined
}

export async function hubSettings(options: HubOptions): Promise<HubSettings> {
  const [{ homedir }, { join }] = await Promise.all([import('node:os'), import('node:path')])
  const { HF_HOME, HF_HUB_CACHE, HF_HUB_OFFLINE, HF_TOKEN, HF_ENDPOINT, XDG_CACHE_HOME } = process.env
  const home = HF_HOME ?? join(XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'huggingface')
  const revision = options.revision ?? 'main'
  checkRevision(revision)
  return {
    revision,
    cache: options.cache ?? HF_HUB_CACHE ?? join(home, 'hub'),
    offline: options.offline ?? /^(1|on|yes|true)$/i.test(HF_HUB_OFFLINE ?? ''),
    token: options.token ?? (HF_TOKEN || undefined),
    endpoint: (options.endpoint ?? HF_ENDPOINT ?? 'https://huggingface.co').replace(/\/+$/, ''),
    onProgress: options.onProgress,
    signal: options.signal,
  }
}

/** `org/name` or `name`, of the letters that the hub allows. */
export function isRepository(name: string): boolean {
  return /^[\w][\w.-]{0,95}(\/[\w][\w.-]{0,95})?$/.test(name) && !name.includes('..') && !name.includes('--')
}

export function checkRepository(name: string): string {
  if (isRepository(name)) return name
  throw new ValueError('hub', `'${name}' is not the name of a repository; expected 'organisation/name'`)
}

function checkRevision(revision: string): void {
  if (/^[\w][\w./+-]*$/.test(revision) && !revision.includes('..')) return
  throw new ValueError('hub', `'${revision}' is not a branch, tag or commit`)
}

/** A file inside a repository: relative, and nowhere else. */
export function checkFile(file: string): string {
  const parts = file.split('/')
  if (parts.every((part) => part !== '' && part !== '.' && part !== '..') && !/[\\\0:]/.test(file)) return file
  throw new ValueError('hub', `'${file}' is not a file of a repository`)
}
