/** The benchmark as it is run, in a copy of the tree: it builds, and others may be using the build. */
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { nativeTarget } from '../src/runtime/native/target.ts'
import type { Result } from './results.ts'

const tree = mkdtempSync(join(tmpdir(), 'gradus-bench-'))
afterAll(() => rmSync(tree, { recursive: true, force: true }))

test('npm run bench times a workload and writes its result', async () => {
  const root = fileURLToPath(new URL('..', import.meta.url))
  for (const path of ['src', 'bench', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(join(root, path), join(tree, path), {
      recursive: true,
      filter: (file) => !/bench[/\\](build|peers[/\\]node_modules)$/.test(file),
    })
  }
  symlinkSync(join(root, 'node_modules'), join(tree, 'node_modules'), 'junction')
  const args = ['--only', 'matmul_64,mlp_tiny_b32', '--peers', '', '--rounds', '2', '--seconds', '0.05']
  const command = ['run', 'bench', '--', ...args, '--threads', '1', '--json', 'results.json']
  const { stdout } = await promisify(execFile)('npm', command, { cwd: tree })
  expect(stdout).toMatch(/│ matmul_64 +│/)

  const results = JSON.parse(readFileSync(join(tree, 'results.json'), 'utf8')) as Result[]
  expect(results.map(({ name, threads, peers }) => ({ name, threads, peers }))).toEqual([
    { name: 'matmul_64', threads: 1, peers: {} },
    { name: 'mlp_tiny_b32', threads: 1, peers: {} },
  ])
  for (const { gradus, peak_fraction } of results) {
    if ('reason' in nativeTarget()) expect(gradus).toEqual({ cannot: expect.stringContaining('machine code') })
    else {
      expect(gradus).toEqual({ median_ms: positive, best_ms: positive, compile_ms: positive })
      expect(peak_fraction).toSatisfy((share) => share > 0 && share <= 1)
    }
  }
})

const positive = expect.toSatisfy((value) => value > 0)
