import { afterEach, vi } from 'vitest'

const argv = process.argv

afterEach(() => {
  vi.restoreAllMocks()
  process.argv = argv
})

/** Runs an example with arguments and returns what it prints. */
export async function outputOf(name: string, ...args: (string | number)[]): Promise<string> {
  process.argv = ['node', name, ...args.map(String)]
  const log = vi.spyOn(console, 'log').mockImplementation(() => {})
  await import(`../../examples/${name}.ts`)
  return log.mock.calls.map((line) => line.join(' ')).join('\n')
}
