import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('the digit reader of examples/mnist.ts learns in one epoch and saves its weights', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gradus-example-'))
  try {
    const register = join(root, 'node_modules/@oxc-node/core/register.mjs')
    const args = ['--disable-warning=DEP0205', '--import', register, join(root, 'examples/mnist.ts'), '1']
    const env = {
      ...process.env,
      TS_NODE_PROJECT: join(root, 'tsconfig.json'),
      OXC_TSCONFIG_PATH: join(root, 'tsconfig.json'),
    }
    const printed = execFileSync(process.execPath, args, { cwd: folder, env, encoding: 'utf8' })
    const accuracy = Number(/test accuracy ([\d.]+) %/.exec(printed)?.[1])
    expect(accuracy).toBeGreaterThan(90)
    expect(existsSync(join(folder, 'mnist.safetensors'))).toBe(true)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
