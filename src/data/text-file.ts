import { FileError } from '../core/errors.ts'
import { reasonOf } from '../core/system-error.ts'
import { Stream } from './stream.ts'

export interface Compressed {
  /** Whether the file is compressed by gzip. Default: when its name ends with .gz. */
  readonly compressed?: boolean
}

/** The bytes of a file, piece by piece. Throws a {@link FileError} naming the file when it cannot be read. Needs Node. */
export async function* readChunks(
  op: string,
  path: string,
  compressed: boolean = path.endsWith('.gz'),
): AsyncGenerator<Uint8Array, void, undefined> {
  const [{ createReadStream }, { createGunzip }, { pipeline }] = await Promise.all([
    import('node:fs'),
    import('node:zlib'),
    import('node:stream'),
  ])
  const file = createReadStream(path, { highWaterMark: 2 ** 18 })
  const bytes = compressed ? pipeline(file, createGunzip(), () => {}) : file
  try {
    for await (const chunk of bytes) yield chunk as Uint8Array
  } catch (error) {
    throw new FileError(op, `${path}: ${reasonOf(error)}`, { cause: error })
  } finally {
    bytes.destroy()
    file.destroy()
  }
}

/** A line and its number, from 1. */
export interface Line {
  readonly text: string
  readonly line: number
}

/** The lines of a UTF-8 file without their ends, read as they are asked for. Needs Node. */
export function numberedLines(op: string, path: string, { compressed }: Compressed = {}): Stream<Line> {
  return new Stream(async function* () {
    const decoder = new TextDecoder('utf-8', { fatal: true })
    const decode = (chunk: Uint8Array | undefined, line: number): string => {
      try {
        return decoder.decode(chunk, { stream: chunk !== undefined })
      } catch (error) {
        throw new FileError(op, `${path}: not UTF-8 text, after line ${line}`, { cause: error })
      }
    }
    let rest = ''
    let line = 0
    for await (const chunk of readChunks(op, path, compressed)) {
      const parts = (rest + decode(chunk, line)).split('\n')
      rest = parts.pop() ?? ''
      for (const text of parts) yield { text: withoutReturn(text), line: ++line }
    }
    rest += decode(undefined, line)
    if (rest !== '') yield { text: withoutReturn(rest), line: ++line }
  })
}

const withoutReturn = (text: string): string => (text.endsWith('\r') ? text.slice(0, -1) : text)

/** The lines of a text file (UTF-8, also `.gz`), read as they are asked for. Needs Node. */
export function textLines(path: string, options: Compressed = {}): Stream<string> {
  return numberedLines('textLines', path, options).map(({ text }) => text)
}

/** A whole text file (UTF-8, also `.gz`). Needs Node. */
export async function readText(path: string, options: Compressed = {}): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of readChunks('readText', path, options.compressed)) chunks.push(chunk)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks))
  } catch (error) {
    throw new FileError('readText', `${path}: not UTF-8 text`, { cause: error })
  }
}
