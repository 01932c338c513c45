import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, vi } from 'vitest'
import { run } from '../../src/cli/program.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly process: ChildProcess
  readonly outcome: Promise<Outcome>
  /** Resolves when standard output or standard error contains `text`. */
  readonly shows: (text: string) => Promise<void>
}

/** Starts `gradus` from its sources, in a process of its own without a terminal. */
export function start(
  args: readonly string[],
  { env = {}, node = [] }: { env?: NodeJS.ProcessEnv; node?: string[] } = {},
): Running {
  const loader = [...node, '--disable-warning=DEP0205', '--import', '@oxc-node/core/register']
  const child = spawn(process.execPath, [...loader, 'src/cli/main.ts', ...args], {
    cwd: root,
    env: { ...process.env, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [stdout, stderr] = ['', '']
  const waiting: { text: string; resolve: () => void }[] = []
  const check = (): void => {
    for (const { text, resolve } of waiting) if (stdout.includes(text) || stderr.includes(text)) resolve()
  }
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    stdout += chunk
    check()
  })
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    stderr += chunk
    check()
  })
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  const shows = (text: string): Promise<void> => {
    const ended = outcome.then((result) => {
      if (!result.stdout.includes(text) && !result.stderr.includes(text)) {
        throw new Error(`gradus ended without '${text}': ${JSON.stringify(result)}`)
      }
    })
    const seen = new Promise<void>((resolve) => {
      waiting.push({ text, resolve })
      check()
    })
    return Promise.race([seen, ended])
  }
  return { process: child, outcome, shows }
}

/** Runs `gradus` to its end. */
export function gradus(...args: readonly string[]): Promise<Outcome> {
  return start(args).outcome
}

/** Runs `gradus` in this process, which is quicker than one of its own. */
export async function gradusHere(...args: readonly string[]): Promise<Outcome> {
  const written = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += text
      return true
    }),
  )
  try {
    return { code: await run(args), ...written }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}

export type Answer = Readonly<Record<string, unknown>>

/** The one object on standard output of a command that must succeed. */
export async function answerOf(...args: readonly string[]): Promise<Answer> {
  const { code, stdout, stderr } = await gradusHere(...args, '--json')
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout)
}

/** For `node`: lets one package seem not to be installed. */
export function hiding(name: string): string[] {
  const program = `import module from 'node:module'
    const original = module._resolveFilename
    module._resolveFilename = (request, ...rest) => {
      if (request === '${name}' || request.startsWith('${name}/')) throw new Error('hidden')
      return original(request, ...rest)
    }`
  return ['--import', `data:text/javascript,${encodeURIComponent(program)}`]
}
