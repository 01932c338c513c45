/** Trainings that are killed at any moment end as one that never was. */
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../src/data/random.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const tree = mkdtempSync(join(tmpdir(), 'gradus-kill-'))
const kills = 20

beforeAll(() => {
  // Built once: twenty processes from the sources would spend their time compiling.
  copyFileSync(join(root, 'package.json'), join(tree, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'), 'junction')
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json', '--outDir', join(tree, 'dist')], {
    cwd: root,
  })
  for (const name of ['killable.mjs', 'killable-data.mjs'])
    copyFileSync(join(root, 'test/training', name), join(tree, name))
})
afterAll(() => rmSync(tree, { recursive: true, force: true }))

/** `delay`: milliseconds between the reading of the loss that is waited for and the kill. */
type Kill = { readonly afterSteps: number; readonly delay?: number } | 'before a rename' | 'never'

/** Runs the training until it ends or is killed; returns whether it ended by itself. */
function life(folder: string, kill: Kill): Promise<{ ended: boolean; errors: string }> {
  const checkpoints = join(folder, 'checkpoints')
  mkdirSync(checkpoints, { recursive: true })
  const child = spawn(process.execPath, ['killable.mjs', folder], { cwd: tree, stdio: ['ignore', 'pipe', 'pipe'] })
  let [steps, errors] = [0, '']
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    steps += text.split('\n').length - 1
    if (typeof kill === 'object' && steps >= kill.afterSteps) setTimeout(() => child.kill('SIGKILL'), kill.delay ?? 0)
  })
  const watcher = watch(checkpoints, (_, name) => {
    if (kill === 'before a rename' && name?.endsWith('.tmp')) child.kill('SIGKILL')
  })
  return new Promise((resolve) => {
    child.on('close', (code) => {
      watcher.close()
      resolve({ ended: code === 0, errors })
    })
  })
}

const weights = (folder: string): string =>
  createHash('sha256')
    .update(readFileSync(join(folder, 'model.safetensors')))
    .digest('hex')

const history = (folder: string): unknown[] =>
  readFileSync(join(folder, 'history.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => ({ ...JSON.parse(line), seconds: 0 }))

describe('killed trainings', () => {
  test(`${kills} kills: the same weights and history, to the bit`, async () => {
    const [whole, killed] = [join(tree, 'whole'), join(tree, 'killed')]
    expect(await life(whole, 'never')).toEqual({ ended: true, errors: '' })
    expect(history(whole)).toHaveLength(6)

    const random = new Random(20)
    let done = 0
    for (; done < kills; done++) {
      // A third in the moment of a write, the others at any moment around the first readings of the loss.
      const later = { afterSteps: random.integer(3), delay: random.integer(4) }
      const kill = done % 3 === 0 ? 'before a rename' : later
      const { ended, errors } = await life(killed, kill)
      expect(errors).toBe('')
      if (ended) break
    }
    expect(done).toBe(kills)
    expect(existsSync(join(killed, 'model.safetensors'))).toBe(false)
    expect(await life(killed, 'never')).toEqual({ ended: true, errors: '' })
    expect(history(killed)).toEqual(history(whole))
    expect(weights(killed)).toBe(weights(whole))
    expect(readdirSync(join(killed, 'checkpoints')).filter((name) => name.endsWith('.tmp'))).toEqual([])
  })
})

/** Small file systems can be had by root alone. */
const canMount = process.platform === 'linux' && process.getuid?.() === 0 && tryMount()

function tryMount(): boolean {
  const at = mkdtempSync(join(tmpdir(), 'gradus-mount-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', at], { stdio: 'ignore' })
    execFileSync('umount', [at])
    return true
  } catch {
    return false
  } finally {
    rmSync(at, { recursive: true, force: true })
  }
}

const checkpointsIn = (folder: string): string[] =>
  readdirSync(join(folder, 'checkpoints')).filter((name) => name.endsWith('.safetensors'))

/** Writes until nothing more fits. */
function fill(path: string): void {
  try {
    for (;;) appendFileSync(path, Buffer.alloc(4096))
  } catch {
    // Full now.
  }
}

describe.skipIf(!canMount)('file systems that take no more', () => {
  const mounted = join(tree, 'mounted')

  test.each([
    ['full', 'no space left on the device'],
    ['read-only', 'the file system is read-only'],
  ])('%s: a clear error, and the last good checkpoint stays', async (kind, message) => {
    mkdirSync(mounted, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'none', mounted])
    try {
      await life(mounted, { afterSteps: 2 })
      if (kind === 'read-only') execFileSync('mount', ['-o', 'remount,ro', mounted])
      else fill(join(mounted, 'filler'))
      const before = checkpointsIn(mounted)
      expect(before.length).toBeGreaterThan(0)
      const { ended, errors } = await life(mounted, 'never')
      expect(ended).toBe(false)
      expect(errors).toContain(message)
      expect(checkpointsIn(mounted)).toEqual(before)
    } finally {
      execFileSync('umount', [mounted])
    }
  })
})
