import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

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
