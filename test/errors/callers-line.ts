import { readFileSync } from 'node:fs'
import { expect } from 'vitest'
import { GradusError } from '../../src/core/errors.ts'

/** The source text of the line that the first frame of an error's stack names. */
export function callersLine(error: Error): string {
  const frame = error.stack?.split('\n').find((line) => /^\s+at /.test(line)) ?? ''
  const [, file, line] = /(?:\(|at (?:async )?|file:\/\/)(\/[^()]*?):(\d+):\d+\)?$/.exec(frame) ?? []
  if (file === undefined) throw new Error(`no file in the first frame: ${frame}`)
  return readFileSync(file, 'utf8').split('\n')[Number(line) - 1]?.trim() ?? ''
}

interface Expected {
  readonly type: new (...args: never[]) => GradusError
  readonly op: string
  /** All of the message but the name of the op. */
  readonly message: string | RegExp
  /** A part of the line that the stack must name first. */
  readonly line: string
}

/** Asserts that `fn` fails with a typed error of one line, naming the op, whose stack begins at the caller's line. */
export async function expectFailure(fn: () => unknown, { type, op, message, line }: Expected): Promise<void> {
  let thrown: unknown
  try {
    await fn()
  } catch (error) {
    thrown = error
  }
  expect(thrown, 'an error is thrown').toBeInstanceOf(GradusError)
  const error = thrown as GradusError
  expect(error.name).toBe(type.name)
  expect(error).toBeInstanceOf(type)
  expect(error.op).toBe(op)
  if (typeof message === 'string') expect(error.message).toBe(`${op}: ${message}`)
  else expect(error.message).toMatch(message)
  expect(error.message).not.toContain('\n')
  expect(callersLine(error)).toContain(line)
}
