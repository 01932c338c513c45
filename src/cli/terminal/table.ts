import Table from 'cli-table3'

export interface Column {
  readonly title: string
  /** In characters, the gap to the next column included. */
  readonly width: number
}

const noLines = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) => [
    [side, ''],
    [`${side}-mid`, ''],
    [`${side}-left`, ''],
    [`${side}-right`, ''],
  ]),
)

/** One line of right-aligned cells. Rows of equal columns stand below each other, whenever they are printed. */
export function row(cells: readonly string[], columns: readonly Column[]): string {
  const table = new Table({
    colWidths: columns.map(({ width }) => width),
    colAligns: columns.map(() => 'right' as const),
    chars: { ...noLines, middle: '', 'mid-mid': '' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  table.push([...cells])
  return table.toString()
}

/** The titles of `columns` as a row. */
export function heading(columns: readonly Column[]): string {
  return row(
    columns.map(({ title }) => title),
    columns,
  )
}
