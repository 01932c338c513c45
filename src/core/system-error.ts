import { FileError } from './errors.ts'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'exists already',
  EISDIR: 'is a folder, expected a file',
  EMFILE: 'too many open files',
  ENOENT: 'no such file or folder',
  ENOSPC: 'no space left on the device',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
}

/** What went wrong with a file, in a few words: of the operating system's errors those that people know, else the message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  // The system's message ends with the call and the path.
  return reasons[codeOf(error) ?? ''] ?? error.message.replace(/, \w+( '.*')?$/, '')
}

/** What the operating system said about `path`, as one line; errors that are not its own pass unchanged. */
export function fileError(op: string, path: string, error: unknown): unknown {
  if (codeOf(error) === undefined || error instanceof FileError) return error
  return new FileError(op, `${path}: ${reasonOf(error)}`, { cause: error })
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
