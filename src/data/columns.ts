import { FileError, ValueError } from '../core/errors.ts'

/** What a column holds. */
export type ColumnType = 'number' | 'integer' | 'boolean' | 'string' | 'date'

/** A column's type, or its type and what stands for a missing value there. */
export type ColumnRule = ColumnType | { readonly type: ColumnType; readonly missing?: number | string | boolean }

/** Columns by name; others are passed over. */
export type Columns = Readonly<Record<string, ColumnRule>>

interface Values {
  number: number
  integer: number
  boolean: boolean
  string: string
  date: number
}

type TypeOf<R extends ColumnRule> = R extends ColumnType ? R : R extends { readonly type: infer T } ? T : never

/** A row whose columns have the types that the rules give; dates are milliseconds since 1970. Without rules, all are texts. */
export type Row<C extends Columns | undefined> = C extends Columns
  ? { readonly [Name in keyof C]: Values[TypeOf<C[Name]> & ColumnType] }
  : Readonly<Record<string, string>>

/** Texts that stand for a missing value unless others are named. */
export const defaultMissing: readonly string[] = ['', 'NA', 'N/A', 'NaN', 'nan', 'null', 'NULL', '?']

const expected: Readonly<Record<ColumnType, string>> = {
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  string: 'a text',
  date: 'a date as ISO 8601 writes it',
}

/** A value as the column's type; undefined when it is none. */
const parsers: Readonly<Record<ColumnType, (value: unknown) => number | string | boolean | undefined>> = {
  number: (value) => finite(value),
  integer(value) {
    const number = finite(value)
    return number !== undefined && Number.isSafeInteger(number) ? number : undefined
  },
  boolean(value) {
    if (typeof value === 'boolean') return value
    const text = String(value).trim().toLowerCase()
    if (['true', 'yes', '1'].includes(text)) return true
    return ['false', 'no', '0'].includes(text) ? false : undefined
  },
  string: (value) => (typeof value === 'object' ? undefined : String(value)),
  date(value) {
    const time = value instanceof Date ? value.getTime() : typeof value === 'number' ? value : Date.parse(String(value))
    return Number.isNaN(time) ? undefined : time
  },
}

function finite(value: unknown): number | undefined {
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'number' && (typeof value !== 'string' || value.trim() === '')) return undefined
  const number = Number(value)
  return Number.isFinite(number) || /^\s*[+-]?inf(inity)?\s*$/i.test(String(value)) ? number : undefined
}

/** Where a row stands, for errors: `cars.csv: line 17`. */
export type Place = () => string

/** Makes rows of the wanted types out of raw ones, or says which value of which row cannot be made into one. */
export class RowReader<C extends Columns | undefined> {
  private readonly op: string
  private readonly columns: readonly {
    name: string
    type: ColumnType
    missing: number | string | boolean | undefined
  }[]
  private readonly missing: ReadonlySet<unknown>

  constructor(op: string, columns: C, missing: readonly string[] = defaultMissing) {
    this.op = op
    this.columns = Object.entries<ColumnRule>(columns ?? {}).map(([name, rule]) => {
      const { type, missing: value } = typeof rule === 'string' ? { type: rule, missing: undefined } : rule
      if (!Object.hasOwn(parsers, type)) {
        throw new ValueError(
          op,
          `column '${name}' has the unknown type '${type}'; expected one of ${Object.keys(parsers).join(', ')}`,
        )
      }
      return { name, type, missing: value ?? (type === 'number' || type === 'date' ? Number.NaN : undefined) }
    })
    this.missing = new Set<unknown>([...missing, null, undefined])
  }

  /** Names of the columns that are asked for. */
  get names(): readonly string[] {
    return this.columns.map(({ name }) => name)
  }

  /** Throws a {@link FileError} that names place and column when a value has another type, or is missing where it must not. */
  read(raw: Readonly<Record<string, unknown>>, place: Place): Row<C> {
    const row: Record<string, number | string | boolean> = {}
    for (const { name, type, missing } of this.columns) {
      const value = raw[name]
      if (this.missing.has(value) && !(type === 'string' && value === '')) {
        if (missing === undefined) {
          if (type !== 'string')
            throw new FileError(this.op, `${place()}: column '${name}' has no value; say what stands for a missing one`)
          row[name] = ''
        } else row[name] = missing
        continue
      }
      const parsed = parsers[type](value)
      if (parsed === undefined) {
        throw new FileError(this.op, `${place()}: column '${name}' expects ${expected[type]}, received ${shown(value)}`)
      }
      row[name] = parsed
    }
    return row as Row<C>
  }
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? `'${value}'` : String(value)
  return text.length > 60 ? `${text.slice(0, 60)}...` : text
}

/** Types that fit all `values` of each column, missing ones aside: numbers where all are numbers, else booleans, else texts. */
export function inferColumns(
  rows: readonly Readonly<Record<string, string>>[],
  missing: readonly string[] = defaultMissing,
): Record<string, ColumnType> {
  const names = Object.keys(rows[0] ?? {})
  const absent = new Set(missing)
  return Object.fromEntries(
    names.map((name) => {
      const values = rows.map((row) => row[name] ?? '').filter((value) => !absent.has(value))
      const fits = (type: ColumnType): boolean => values.every((value) => parsers[type](value) !== undefined)
      if (values.length === 0) return [name, 'string' as const]
      if (fits('number')) return [name, 'number' as const]
      return [name, values.every((value) => /^(true|false)$/i.test(value)) ? ('boolean' as const) : ('string' as const)]
    }),
  )
}
