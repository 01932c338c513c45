import type { FileError } from '../core/errors.ts'
import { isRecord } from '../core/record.ts'

/** Values by name from a configuration that others wrote; what is absent or of another kind is an error that names it. */
export class Settings {
  private readonly values: Readonly<Record<string, unknown>>
  /** Makes the error for a problem with these values. */
  readonly fail: (problem: string) => FileError

  constructor(values: Readonly<Record<string, unknown>>, fail: (problem: string) => FileError) {
    this.values = values
    this.fail = fail
  }

  number(name: string, absent?: number): number {
    const value = this.values[name] ?? absent
    if (typeof value === 'number') return value
    throw this.fail(`${name} is ${JSON.stringify(value)}, expected a number`)
  }

  /** Values below `name`; none where it is absent. */
  record(name: string): Settings {
    const value = this.values[name] ?? {}
    const fail = (problem: string): FileError => this.fail(`${name}: ${problem}`)
    if (isRecord(value)) return new Settings(value, fail)
    throw fail(`${JSON.stringify(value)} is no object`)
  }

  /** Names of all values. */
  get names(): string[] {
    return Object.keys(this.values)
  }

  text(name: string, absent?: string): string {
    const value = this.values[name] ?? absent
    if (typeof value === 'string') return value
    throw this.fail(`${name} is ${JSON.stringify(value)}, expected text`)
  }

  flag(name: string, absent: boolean): boolean {
    const value = this.values[name] ?? absent
    if (typeof value === 'boolean') return value
    throw this.fail(`${name} is ${JSON.stringify(value)}, expected true or false`)
  }

  /** A list of whole numbers; one number stands for all of `count`. */
  sizes(name: string, count: number, absent?: number): number[] {
    const value = this.values[name] ?? absent
    const list = typeof value === 'number' ? Array.from({ length: count }, () => value) : value
    if (Array.isArray(list) && list.length === count && list.every(Number.isSafeInteger)) return list
    throw this.fail(`${name} is ${JSON.stringify(value)}, expected ${count} whole numbers`)
  }

  /** Whole numbers, as many as there are. */
  list(name: string): number[] {
    const value = this.values[name]
    if (Array.isArray(value) && value.every(Number.isSafeInteger)) return value
    throw this.fail(`${name} is ${JSON.stringify(value)}, expected whole numbers`)
  }

  /** Rows and columns around an image: n, [rows, columns] or [[top, bottom], [left, right]]. */
  margins(name: string): [top: number, bottom: number, left: number, right: number] {
    const value = this.values[name]
    const [rows, columns] = Array.isArray(value) ? value : [value, value]
    const [top, bottom] = Array.isArray(rows) ? rows : [rows, rows]
    const [left, right] = Array.isArray(columns) ? columns : [columns, columns]
    if ([top, bottom, left, right].every(Number.isSafeInteger)) return [top, bottom, left, right]
    throw this.fail(`${name} is ${JSON.stringify(value)}, expected whole numbers`)
  }

  /** Refuses every value of `name` but these. */
  only(name: string, ...allowed: readonly unknown[]): void {
    const value = this.values[name]
    if (value !== undefined && value !== null && !allowed.includes(value)) {
      throw this.fail(`${name} ${JSON.stringify(value)} is not supported; expected ${allowed.map(String).join(' or ')}`)
    }
  }
}
