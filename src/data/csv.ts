import { FileError, ValueError } from '../core/errors.ts'
import { type Columns, type ColumnType, defaultMissing, inferColumns, type Row, RowReader } from './columns.ts'
import { Stream } from './stream.ts'
import { type Compressed, readChunks } from './text-file.ts'

export interface CsvOptions<C extends Columns | undefined = undefined> extends Compressed {
  /** Types by column name; columns that are not named are passed over. Default: all columns, as texts. */
  readonly columns?: C
  /** Whether the first line names the columns; or their names, when it does not. Default true. */
  readonly header?: true | readonly string[]
  /** Default ','. */
  readonly delimiter?: string
  /** Texts that stand for a missing value: NaN in number and date columns, else what the column's rule says. Default: '', NA, N/A, NaN, null, ? */
  readonly missing?: readonly string[]
  /** What becomes of a malformed row: 'throw' (default) ends the walk with an error that has its line number; a function is told and the row left out. */
  readonly onError?: 'throw' | ((error: FileError) => void)
}

/**
 * The rows of a CSV file (RFC 4180), read as they are asked for: memory does not grow with the file. Blank lines are passed over.
 * Each walk reads the file anew. Needs Node.
 *
 * Throws a {@link FileError} with the line number for a row with too few or too many fields, a stray quote, or a value that
 * does not fit its column.
 */
export function csv<const C extends Columns | undefined = undefined>(
  path: string,
  options: CsvOptions<C> = {},
): Stream<Row<C>> {
  const reader = new RowReader('csv', options.columns as C, options.missing)
  return new Stream(() => rows(path, options, reader))
}

/** {@link csv} with tabs between the fields. */
export function tsv<const C extends Columns | undefined = undefined>(
  path: string,
  options: Omit<CsvOptions<C>, 'delimiter'> = {},
): Stream<Row<C>> {
  return csv<C>(path, { ...options, delimiter: '\t' } as CsvOptions<C>)
}

/** Column types that fit the first rows of a CSV file (default 1000 of them). */
export async function inferCsvColumns(
  path: string,
  { rows: count = 1000, ...options }: Omit<CsvOptions, 'columns'> & { readonly rows?: number } = {},
): Promise<Record<string, ColumnType>> {
  const sample = await csv(path, options).take(count).toArray()
  return inferColumns(sample, options.missing ?? defaultMissing)
}

async function* rows<C extends Columns | undefined>(
  path: string,
  { header = true, delimiter = ',', onError = 'throw', compressed, columns }: CsvOptions<C>,
  reader: RowReader<C>,
): AsyncGenerator<Row<C>, void, undefined> {
  let names = header === true ? undefined : [...header]
  if (names) checkNames(path, names, reader)
  const onSkip = onError === 'throw' ? undefined : onError
  for await (const { fields, line } of records(path, delimiter, compressed, onSkip)) {
    if (!names) {
      names = fields.map((name) => name.trim())
      checkNames(path, names, reader)
      continue
    }
    try {
      const place = (): string => `${path}: line ${line}`
      if (fields.length !== names.length) {
        throw new FileError('csv', `${place()}: expected ${names.length} fields, received ${fields.length}`)
      }
      yield columns ? reader.read(named(names, fields), place) : (named(names, fields) as Row<C>)
    } catch (error) {
      if (!onSkip || !(error instanceof FileError)) throw error
      onSkip(error)
    }
  }
}

/** A loop, for millions of rows: `Object.fromEntries` takes several times as long. */
function named(names: readonly string[], fields: readonly string[]): Readonly<Record<string, string>> {
  const raw: Record<string, string> = {}
  for (let i = 0; i < names.length; i++) raw[names[i]!] = fields[i]!
  return raw
}

interface CsvRecord {
  readonly fields: readonly string[]
  /** Where it begins, from 1. */
  readonly line: number
}

/** All records but blank lines. The lines are counted here: the parser would give them at fifteen times the cost. */
async function* records(
  path: string,
  delimiter: string,
  compressed: Compressed['compressed'],
  onSkip: ((error: FileError) => void) | undefined,
): AsyncGenerator<CsvRecord, void, undefined> {
  const [{ parse }, { Readable, pipeline }] = await Promise.all([import('csv-parse'), import('node:stream')])
  const parser = parse({
    bom: true,
    delimiter,
    relax_column_count: true,
    skip_records_with_error: onSkip !== undefined,
  })
  const failed = (error: Error & { readonly lines?: number }): FileError =>
    new FileError('csv', `${path}: line ${error.lines}: ${error.message.split(/\n|;/, 1)[0]}`, { cause: error })
  const skipped = new Set<number | undefined>()
  parser.on('skip', (error) => {
    skipped.add(error.lines)
    onSkip?.(failed(error))
  })
  let line = 1
  pipeline(Readable.from(readChunks('csv', path, compressed)), parser, () => {})
  try {
    for await (const fields of parser as AsyncIterable<string[]>) {
      while (skipped.has(line)) line++
      const from = line++
      for (const field of fields) for (let at = field.indexOf('\n'); at >= 0; at = field.indexOf('\n', at + 1)) line++
      if (fields.length > 1 || fields[0] !== '') yield { fields, line: from }
    }
  } catch (error) {
    throw error instanceof Error && error.name === 'Error' && 'lines' in error ? failed(error as Error) : error
  }
}

function checkNames(path: string, names: readonly string[], reader: RowReader<Columns | undefined>): void {
  const twice = names.find((name, i) => names.indexOf(name) < i)
  if (twice !== undefined) throw new FileError('csv', `${path}: line 1: two columns are named '${twice}'`)
  const absent = reader.names.find((name) => !names.includes(name))
  if (absent === undefined) return
  throw new ValueError(
    'csv',
    `${path} has no column '${absent}'; it has ${names.map((name) => `'${name}'`).join(', ')}`,
  )
}
