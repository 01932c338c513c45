import { FileError } from '../core/errors.ts'
import { isRecord } from '../core/record.ts'
import { type Columns, type Row, RowReader } from './columns.ts'
import type { CsvOptions } from './csv.ts'
import { Stream } from './stream.ts'
import { numberedLines } from './text-file.ts'

export type JsonlOptions<C extends Columns | undefined = undefined> = Pick<
  CsvOptions<C>,
  'columns' | 'missing' | 'onError' | 'compressed'
>

/** A row of a JSONL file: typed where columns are given, else whatever the object holds. */
export type JsonlRow<C extends Columns | undefined> = C extends Columns ? Row<C> : Readonly<Record<string, unknown>>

/**
 * The objects of a file with one JSON object a line, read as they are asked for. Blank lines are passed over. Needs Node.
 *
 * Throws a {@link FileError} with the line number for a line that is no JSON object, or a value that does not fit its column.
 */
export function jsonl<const C extends Columns | undefined = undefined>(
  path: string,
  { columns, missing, onError = 'throw', ...options }: JsonlOptions<C> = {},
): Stream<JsonlRow<C>> {
  const reader = new RowReader('jsonl', columns as C, missing)
  return new Stream(async function* () {
    for await (const { text, line } of numberedLines('jsonl', path, options)) {
      if (text.trim() === '') continue
      const place = (): string => `${path}: line ${line}`
      try {
        const object = parseObject(text, place)
        yield (columns ? reader.read(object, place) : object) as JsonlRow<C>
      } catch (error) {
        if (onError === 'throw' || !(error instanceof FileError)) throw error
        onError(error)
      }
    }
  })
}

function parseObject(text: string, place: () => string): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new FileError('jsonl', `${place()}: not valid JSON`, { cause: error })
  }
  if (isRecord(value)) return value
  throw new FileError(
    'jsonl',
    `${place()}: expected a JSON object, received ${Array.isArray(value) ? 'an array' : typeof value}`,
  )
}
