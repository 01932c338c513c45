/**
 * The one family of errors that Gradus throws. Every message is one line: the op, what was expected, what was received,
 * and the way out where there is one. The stack begins at the caller's own line: frames inside Gradus are left out.
 */

/**
 * Where the library's own files lie: `dist/` in the package, `src/` in development and where source maps are applied. Engines
 * write frames as URLs or as paths, so both spellings are known.
 */
const libraryFolders: readonly string[] = ['src/', 'dist/'].flatMap((folder) => {
  const { href } = new URL(`../../${folder}`, import.meta.url)
  const path = href.replace(/^file:\/\//, '')
  return [path, decodeURI(path)]
})

/** Error.captureStackTrace and stackTraceLimit exist in V8 only; elsewhere the stack stays as the engine made it. */
interface V8ErrorConstructor {
  captureStackTrace?(target: object, constructorOpt?: unknown): void
  stackTraceLimit?: number
}

/** Base class of all errors thrown by Gradus. `op` names the operation that refused its arguments. */
export class GradusError extends Error {
  readonly op: string

  constructor(op: string, message: string, options?: ErrorOptions) {
    const v8 = Error as V8ErrorConstructor
    const limit = v8.stackTraceLimit
    // However deep modules are nested, the caller's line must be among the frames.
    v8.stackTraceLimit = Number.POSITIVE_INFINITY
    super(`${op}: ${message}`, options)
    this.name = new.target.name
    this.op = op
    if (v8.captureStackTrace) v8.captureStackTrace(this, new.target)
    if (limit !== undefined) v8.stackTraceLimit = limit
    if (this.stack) this.stack = withoutLibraryFrames(this.stack, `${this.name}: ${this.message}`)
  }
}

/** Test files beside the sources count as callers, not as the library. */
function isLibraryFrame(line: string): boolean {
  return libraryFolders.some((folder) => line.includes(folder)) && !/\.test\.[jt]s/.test(line)
}

/** Frames of built-in functions that the library called, such as `at Array.map (<anonymous>)`. */
function isEngineFrame(line: string): boolean {
  return /\(<anonymous>\)$|\(native\)$|node:internal\//.test(line)
}

function withoutLibraryFrames(stack: string, headline: string): string {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line))
  const outside = frames.filter((line) => !isLibraryFrame(line))
  const caller = outside.findIndex((line) => !isEngineFrame(line))
  return [headline, ...(caller < 0 ? frames : outside.slice(caller))].join('\n')
}

/** Shapes do not fit together, or not the operation. */
export class ShapeError extends GradusError {}

/** A dtype that the operation does not take. */
export class DTypeError extends GradusError {}

/** A dimension (axis) number outside `[-rank, rank)`, or named twice. */
export class AxisError extends GradusError {}

/** An index or class label outside its range, found when the data was looked at. */
export class IndexError extends GradusError {}

/** An argument outside its domain: a negative probability, a kernel of size zero ... */
export class ValueError extends GradusError {}

/** A tensor whose parameters have moved on, twice or more, since it was recorded, and that nothing has computed before. */
export class StaleError extends GradusError {}

/** A derivative that does not exist, or is asked for in a way that has no meaning. */
export class GradError extends GradusError {}

/** A state dict that does not fit the module or optimizer: missing, unexpected or misshaped entries. */
export class StateDictError extends GradusError {}

/** A file or network resource that is absent, damaged or not of the expected format. */
export class FileError extends GradusError {
  constructor(op: string, message: string, options?: ErrorOptions) {
    super(op, printable(message), options)
  }
}

/** What a file calls its parts may hold line ends and other controls: they are shown as escapes. */
function printable(message: string): string {
  return message.replace(
    /[\p{Cc}\p{Zl}\p{Zp}]/gu,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
