import { FileError } from '../../core/errors.ts'
import { csv, tsv } from '../../data/csv.ts'
import { jsonl } from '../../data/jsonl.ts'
import type { Stream } from '../../data/stream.ts'
import { UsageError } from '../failure.ts'

type Texts = Readonly<Record<string, string>>

/** Whether the name of a file says that it is a table: CSV, TSV or JSONL, also compressed. */
export function isTable(path: string): boolean {
  return /\.(csv|tsv|jsonl|ndjson)(\.gz)?$/i.test(path)
}

/** Some columns of all rows of a CSV, TSV or JSONL file, as texts. Throws a {@link UsageError} naming the columns there are, for one that is not. */
export async function readColumns(path: string, names: readonly string[]): Promise<Texts[]> {
  const rows: Texts[] = []
  for await (const row of tableRows(path)) {
    const absent = names.find((name) => !(name in row))
    if (absent !== undefined)
      throw new UsageError(`${path} has no column '${absent}'; it has ${Object.keys(row).join(', ')}`)
    rows.push(Object.fromEntries(names.map((name) => [name, textOf(row[name])])))
  }
  if (rows.length === 0) throw new FileError('read', `${path}: holds no rows`)
  return rows
}

function tableRows(path: string): Stream<Readonly<Record<string, unknown>>> {
  if (/\.(jsonl|ndjson)(\.gz)?$/i.test(path)) return jsonl(path)
  return /\.tsv(\.gz)?$/i.test(path) ? tsv(path) : csv(path)
}

const textOf = (value: unknown): string =>
  value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value)
