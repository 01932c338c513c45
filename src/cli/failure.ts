import { CommanderError } from 'commander'
import { FileError, GradusError, StateDictError, ValueError } from '../core/errors.ts'
import { MissingPackageError } from '../data/packages.ts'
import { SampleError } from '../data/sample-error.ts'
import { WorkerError } from '../data/worker-pool.ts'

/** A wish that cannot be met as it was typed. */
export class UsageError extends Error {}

/** Exit codes: 1 for a fault of the program, 2 for something that whoever called it can put right. */
export const exitCodes = { ok: 0, fault: 1, usage: 2, interrupted: 130 } as const

/** Errors whose message is all that is needed to put things right. */
const expected = [UsageError, FileError, StateDictError, ValueError, MissingPackageError, SampleError, WorkerError]

/** Says in one line what went wrong, and returns the exit code. With `GRADUS_DEBUG=1` the stack follows. */
export function reportFailure(error: unknown, write: (text: string) => void): number {
  // Commander has written its message already; help and version are no failures.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
  const isExpected = expected.some((kind) => error instanceof kind)
  const message = error instanceof Error ? error.message : String(error)
  const kind = isExpected ? '' : error instanceof GradusError ? `${error.name}: ` : 'unexpected error: '
  const debug = process.env['GRADUS_DEBUG'] === '1'
  const hint = isExpected || debug ? '' : ' (GRADUS_DEBUG=1 shows where)'
  write(`gradus: ${kind}${oneLine(message)}${hint}\n`)
  if (debug && error instanceof Error) write(`${error.stack}\n`)
  return isExpected ? exitCodes.usage : exitCodes.fault
}

/** Messages of several lines, joined. */
export function oneLine(text: string): string {
  return text.trim().replaceAll(/\s*\n\s*/g, ' ')
}
