/** The hub client against a server that plays the hub. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError, ValueError } from '../../src/core/errors.ts'
import { hubFile, hubFileIfAny } from '../../src/io/hub/hub.ts'
import { commit, type HubServer, hubServer } from './server.ts'

let server: HubServer
let cache = ''
beforeEach(async () => {
  server = await hubServer()
  cache = await mkdtemp(join(tmpdir(), 'gradus-hub-'))
})
afterEach(async () => {
  await server.close()
  await rm(cache, { recursive: true })
})

const weights = Uint8Array.from({ length: 100_000 }, (_, i) => i * 31)
const config = new TextEncoder().encode('{"model_type":"tiny"}')
const fill = (): void => {
  server.files.set('org/tiny/model.safetensors', weights)
  server.files.set('org/tiny/config.json', config)
  server.files.set('org/tiny/sub/vocab.txt', config)
}
const get = (file: string, options = {}): Promise<string> =>
  hubFile('org/tiny', file, { endpoint: server.url, cache, offline: false, ...options })
const contents = (): string[] => server.seen.filter(({ method }) => method === 'GET').map(({ path }) => path)

describe('download', () => {
  test('lays the cache out as huggingface_hub does, and asks for content once', async () => {
    fill()
    const path = await get('model.safetensors')
    const root = join(cache, 'models--org--tiny')
    expect(path).toBe(join(root, 'snapshots', commit, 'model.safetensors'))
    expect(new Uint8Array(await readFile(path))).toEqual(weights)
    expect(await readFile(join(root, 'refs', 'main'), 'utf8')).toBe(commit)
    const [blob] = await readdir(join(root, 'blobs'))
    expect(blob).toMatch(/^[0-9a-f]{64}$/)
    expect(await readlink(path)).toBe(join('..', '..', 'blobs', blob!))
    expect(await readlink(await get('sub/vocab.txt'))).toMatch(/^\.\.[\\/]\.\.[\\/]\.\.[\\/]blobs[\\/][0-9a-f]{40}$/)
    await get('model.safetensors')
    expect(contents()).toHaveLength(2)
  })

  test('a commit that is in the cache needs no network', async () => {
    fill()
    await get('config.json', { revision: commit })
    const asked = server.seen.length
    expect(await readFile(await get('config.json', { revision: commit }), 'utf8')).toContain('tiny')
    expect(server.seen).toHaveLength(asked)
  })

  test('goes on after a cut connection where it stopped', async () => {
    fill()
    server.cuts.push(40_000)
    const steps: number[] = []
    const path = await get('model.safetensors', { onProgress: ({ done }: { done: number }) => steps.push(done) })
    expect(new Uint8Array(await readFile(path))).toEqual(weights)
    const ranges = server.seen.filter(({ host }) => host === 'storage').map(({ range }) => range)
    expect(ranges).toEqual([undefined, 'bytes=40000-'])
    expect(steps.at(-1)).toBe(weights.length)
  })

  test('keeps what has come when the connection is cut again and again, for the next attempt', async () => {
    fill()
    server.cuts.push(10_000, 10_000, 10_000)
    await expect(get('model.safetensors')).rejects.toThrow('what has come is kept, try again')
    await get('model.safetensors')
    expect(server.seen.at(-1)?.range).toBe('bytes=30000-')
  })

  test('throws content away whose hash or size is wrong', async () => {
    fill()
    server.spoiled.push(weights.map((value) => value + 1))
    await expect(get('model.safetensors')).rejects.toThrow(FileError)
    expect(await readdir(join(cache, 'models--org--tiny', 'blobs'))).toEqual([])
    server.spoiled.push(new Uint8Array(weights.length + 1))
    // Newer versions of Node cut what is longer than announced themselves: then the hash tells.
    await expect(get('model.safetensors')).rejects.toThrow(
      /longer than the announced 100000 bytes|is not what the hub announced/,
    )
    // The connection on which too much came may spoil one more answer, which is refused as well.
    const path = await get('model.safetensors').catch(() => get('model.safetensors'))
    expect(new Uint8Array(await readFile(path))).toEqual(weights)
  })

  test('follows a repository that was renamed', async () => {
    fill()
    server.renamed.set('old/name', 'org/tiny')
    const path = await hubFile('old/name', 'config.json', { endpoint: server.url, cache, offline: false })
    expect(await readFile(path, 'utf8')).toContain('tiny')
  })

  test('two processes at once fetch the content once, and both have it', async () => {
    fill()
    const script = fileURLToPath(new URL('fetch-file.ts', import.meta.url))
    const run = (): Promise<{ stdout: string }> =>
      promisify(execFile)(process.execPath, [
        ...['--disable-warning=DEP0205', '--import', '@oxc-node/core/register', script],
        ...[server.url, cache, 'org/tiny', 'model.safetensors'],
      ])
    const [a, b] = await Promise.all([run(), run()])
    expect(a.stdout).toBe(b.stdout)
    expect(new Uint8Array(await readFile(a.stdout.trim()))).toEqual(weights)
    expect(server.seen.filter(({ host }) => host === 'storage')).toHaveLength(1)
  })

  test('a lock whose process has ended is taken over', async () => {
    fill()
    const locks = join(cache, '.locks', 'models--org--tiny')
    await mkdir(locks, { recursive: true })
    const etag = await get('config.json').then((path) => readlink(path, 'utf8'))
    await rm(join(cache, 'models--org--tiny'), { recursive: true })
    await writeFile(join(locks, `${etag.split(/[\\/]/).at(-1)}.lock.gradus`), '999999999')
    expect(await readFile(await get('config.json'), 'utf8')).toContain('tiny')
    expect(await readdir(locks)).toEqual([])
  })
})

describe('token', () => {
  test('goes to the hub and to no other host', async () => {
    fill()
    server.closed.set('org/tiny', 'secret')
    await expect(get('model.safetensors')).rejects.toThrow(
      'org/tiny does not exist or is not open to you; if it is private, set HF_TOKEN',
    )
    await expect(get('model.safetensors', { token: 'wrong' })).rejects.toThrow('the token may not read it')
    server.seen.length = 0
    await get('model.safetensors', { token: 'secret' })
    expect(server.seen.map(({ host, authorization }) => [host, authorization])).toEqual([
      ['hub', 'Bearer secret'],
      ['storage', undefined],
    ])
  })
})

describe('what is not there', () => {
  test('a file, a revision, a repository', async () => {
    fill()
    await expect(get('absent.json')).rejects.toThrow('org/tiny (main) has no file absent.json')
    await expect(get('config.json', { revision: 'v9' })).rejects.toThrow("org/tiny has no revision 'v9'")
    await expect(hubFile('org/none', 'a', { endpoint: server.url, cache, offline: false })).rejects.toThrow(
      'org/none does not exist',
    )
    const options = { endpoint: server.url, cache, offline: false }
    expect(await hubFileIfAny('org/tiny', 'absent.json', options)).toBeUndefined()
    await expect(hubFileIfAny('org/none', 'a', options)).rejects.toThrow(FileError)
  })

  test('the network: the cache is used, or the way by hand is told', async () => {
    fill()
    await get('config.json')
    const endpoint = 'http://127.0.0.1:1'
    expect(await readFile(await get('config.json', { endpoint }), 'utf8')).toContain('tiny')
    await expect(get('model.safetensors', { endpoint })).rejects.toThrow(
      /^hub: org\/tiny: model\.safetensors cannot be had: .*; to fetch by hand, download https:\/\/huggingface\.co\/org\/tiny\/resolve\/main\/model\.safetensors \(and the other files of the repository\) into a folder and give its path$/,
    )
  })

  test('offline, nothing is asked', async () => {
    fill()
    await get('config.json')
    const asked = server.seen.length
    expect(await readFile(await get('config.json', { offline: true }), 'utf8')).toContain('tiny')
    await expect(get('model.safetensors', { offline: true })).rejects.toThrow('is not in the cache')
    expect(server.seen).toHaveLength(asked)
  })

  test.each(['../x', 'a/b/c', '', 'a b', '/etc', 'org/..'])('%j is no repository', async (name) => {
    await expect(hubFile(name, 'config.json', { cache })).rejects.toThrow(ValueError)
  })
  test.each(['../x', '/etc/passwd', 'a/../../x', 'a\\b', 'C:x', ''])('%j is no file of one', async (file) => {
    await expect(get(file)).rejects.toThrow(ValueError)
  })
  test('a revision that leads elsewhere', async () => {
    await expect(get('config.json', { revision: '../../x' })).rejects.toThrow(ValueError)
  })
})
