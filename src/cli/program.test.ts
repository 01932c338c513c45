import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { gradusHere } from '../../test/cli/command.ts'
import { ShapeError } from '../core/errors.ts'
import { reportFailure } from './failure.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-usage-'))
  await writeFile(join(folder, 'file'), 'text')
})
afterAll(() => rm(folder, { recursive: true }))

describe('help', () => {
  test.each([
    { args: ['--help'], shows: ['Usage: gradus ', 'train ', 'predict ', 'runs ', 'doctor ', 'Examples:'] },
    { args: ['train', '--help'], shows: ['Usage: gradus train ', 'mnist ', 'Examples:'] },
    {
      args: ['train', 'mnist', '--help'],
      shows: ['Usage: gradus train mnist ', '--epochs', '(default: 12)', 'Examples:'],
    },
    { args: ['predict', '--help'], shows: ['Usage: gradus predict ', '<input>', 'Examples:'] },
    {
      args: ['train', 'tabular', '--help'],
      shows: ['Usage: gradus train tabular ', '--batch-size <n>', '(default: 32)', '--target <text>', '--run <folder>'],
    },
    { args: ['find-lr', 'fashion-mnist', '--help'], shows: ['--data <text>', '--json'] },
    { args: ['plot', '--help'], shows: ['Usage: gradus plot ', '--out <folder>'] },
    { args: ['help', 'predict'], shows: ['Usage: gradus predict '] },
  ])('$args', async ({ args, shows }) => {
    const { code, stdout, stderr } = await gradusHere(...args)
    expect([code, stderr]).toEqual([0, ''])
    for (const text of shows) expect(stdout).toContain(text)
    expect(stdout).not.toContain('\u001b')
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  test('--version', async () => {
    expect(await gradusHere('--version')).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  })
})

describe('mistakes give one line and exit code 2', () => {
  test.each<[string[], string]>([
    [['teach'], "unknown command 'teach'"],
    [['train', 'cifar'], "unknown command 'cifar'"],
    [['train', 'mnist', '--epoch', '1'], "unknown option '--epoch' (did you mean --epochs?)"],
    [['train', 'mnist', '--epochs', '0'], 'Expected a whole number from 1 to 1000'],
    [['train', 'mnist', '--epochs', '1.5'], "argument '1.5' is invalid"],
    [['train', 'mnist', '--batch-size', 'x'], "argument 'x' is invalid"],
    [['train', 'mnist', '--seed', '-1'], 'Expected a whole number of at least 0'],
    [['train', 'mnist', '--lr', '0'], 'Expected a number above 0'],
    [['train', 'mnist', '--samples', '8501'], 'Expected a whole number from 1 to 8500'],
    [['train', 'mnist', '--epochs'], 'argument missing'],
    [['train', 'mnist', 'more'], 'too many arguments'],
    [['train', 'mnist', '--run', 'FOLDER'], 'exists and is not empty'],
    [['train', 'mnist', '--run', 'FOLDER/file'], 'is not a folder'],
    [['predict'], "missing required argument 'run'"],
    [['predict', 'FOLDER', '1'], 'is not the folder of a run: it has no readable config.json'],
    [['predict', 'FOLDER/absent', '1'], 'is not the folder of a run'],
    [['runs', 'FOLDER/absent'], 'there is no folder'],
    [['train', 'tabular'], "required option '--data <text>' not specified"],
    [['train', 'FOLDER/absent.json'], 'no such file or folder'],
    [['resume', 'FOLDER'], 'is not the folder of a run'],
    [['eval', 'FOLDER'], 'is not the folder of a run'],
    [['plot', 'FOLDER'], 'is not the folder of a run'],
    [['augment', 'FOLDER/file'], 'unsupported image format'],
    [['find-lr', 'poetry'], "unknown command 'poetry'"],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await gradusHere(...args.map((arg) => arg.replace('FOLDER', folder)))
    expect(stderr).toMatch(/^gradus: [^\n]+\n$/)
    expect(stderr).toContain(message)
    expect([code, stdout]).toEqual([2, ''])
  })
})

describe('faults of the program', () => {
  test('give one line, exit code 1, and the stack on request', () => {
    const report = (error: unknown): [number, string] => {
      let text = ''
      const code = reportFailure(error, (part) => {
        text += part
      })
      return [code, text]
    }
    expect(report(new TypeError('x is\n  not a function'))).toEqual([
      1,
      'gradus: unexpected error: x is not a function (GRADUS_DEBUG=1 shows where)\n',
    ])
    expect(report(new ShapeError('add', 'no'))).toEqual([
      1,
      'gradus: ShapeError: add: no (GRADUS_DEBUG=1 shows where)\n',
    ])
    vi.stubEnv('GRADUS_DEBUG', '1')
    expect(report(new TypeError('x'))[1]).toMatch(/^gradus: unexpected error: x\nTypeError: x\n +at /)
    vi.unstubAllEnvs()
  })
})
