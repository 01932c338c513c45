/** A server that plays the hub, and a second one that plays the place where large files lie. */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const commit = '0123456789abcdef0123456789abcdef01234567'

export interface Seen {
  readonly host: 'hub' | 'storage'
  readonly method: string
  readonly path: string
  readonly range: string | undefined
  readonly authorization: string | undefined
}

export interface HubServer {
  readonly url: string
  /** All requests, in order. */
  readonly seen: Seen[]
  /** Content by `org/name/file`; in large file storage where the name ends in `.safetensors`. */
  readonly files: Map<string, Uint8Array>
  /** What the storage sends next, in place of the content. */
  readonly spoiled: Uint8Array[]
  /** After so many bytes the storage cuts the next connections. */
  readonly cuts: number[]
  /** Repositories that need this token. */
  readonly closed: Map<string, string>
  /** Repositories that are now called otherwise. */
  readonly renamed: Map<string, string>
  close(): Promise<void>
}

const sha256 = (content: Uint8Array): string => createHash('sha256').update(content).digest('hex')
const sha1 = (content: Uint8Array): string =>
  createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')

export async function hubServer(): Promise<HubServer> {
  const state = {
    seen: [] as Seen[],
    files: new Map<string, Uint8Array>(),
    spoiled: [] as Uint8Array[],
    cuts: [] as number[],
    closed: new Map<string, string>(),
    renamed: new Map<string, string>(),
  }
  const note = (host: Seen['host'], { method = '', url = '', headers }: IncomingMessage): void =>
    void state.seen.push({ host, method, path: url, range: headers.range, authorization: headers.authorization })

  const storage = await listen((request, response) => {
    note('storage', request)
    const content = state.files.get(decodeURIComponent(request.url!.slice(1)))!
    const sent = state.spoiled.shift() ?? content
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const range = from > 0 ? { 'content-range': `bytes ${from}-${sent.length - 1}/${sent.length}` } : {}
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': sent.length - from, ...range })
    const cut = state.cuts.shift()
    if (cut === undefined) response.end(sent.subarray(from))
    else response.write(sent.subarray(from, from + cut), () => setTimeout(() => response.destroy(), 20))
  })
  const hub = await listen((request, response) => {
    note('hub', request)
    const match = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(request.url!)
    const fail = (status: number, code: string): void => void response.writeHead(status, { 'x-error-code': code }).end()
    if (!match) return fail(404, 'RepoNotFound')
    const [, repository, revision, file] = match as unknown as [string, string, string, string]
    const name = state.renamed.get(repository)
    if (name !== undefined) {
      return void response.writeHead(307, { location: `/${name}/resolve/${revision}/${file}` }).end()
    }
    const token = state.closed.get(repository)
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`) return fail(401, 'RepoNotFound')
    if (![...state.files.keys()].some((key) => key.startsWith(`${repository}/`))) return fail(401, 'RepoNotFound')
    if (revision !== 'main' && revision !== commit) return fail(404, 'RevisionNotFound')
    const content = state.files.get(`${repository}/${file}`)
    if (!content) return fail(404, 'EntryNotFound')
    const headers = { 'x-repo-commit': commit }
    if (file.endsWith('.safetensors')) {
      const linked = { 'x-linked-etag': `"${sha256(content)}"`, 'x-linked-size': String(content.length) }
      const location = `${storage.url}/${encodeURIComponent(`${repository}/${file}`)}`
      response.writeHead(302, { ...headers, ...linked, location }).end()
    } else {
      response.writeHead(200, { ...headers, etag: `"${sha1(content)}"`, 'content-length': content.length })
      response.end(request.method === 'HEAD' ? undefined : content)
    }
  })
  return {
    ...state,
    url: hub.url,
    async close() {
      await Promise.all([hub.close(), storage.close()])
    },
  }
}

async function listen(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server: Server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  return { url: `http://127.0.0.1:${port}`, close }
}
