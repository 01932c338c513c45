import Table from 'cli-table3'
import pc from 'picocolors'
import type { Cannot, Result, Times } from './results.ts'

const headings = { gradus: 'Gradus', pytorch: 'PyTorch', tfjs: 'tfjs-wasm', jax: 'jax-js' } as const

/** The results as a table for people, with reasons where a side could not. */
export function formatTable(results: readonly Result[]): string {
  const { head, rows, notes } = tabulate(results)
  const table = new Table({
    head: head.map((text) => pc.bold(text)),
    style: { head: [], border: [], compact: true },
    colAligns: ['left', ...head.slice(1).map(() => 'right' as const)],
  })
  table.push(...rows)
  return [table.toString(), ...notes].join('\n')
}

/** The same in Markdown. */
export function formatMarkdown(results: readonly Result[]): string {
  const { head, rows, notes } = tabulate(results)
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const rule = `|---|${'---:|'.repeat(head.length - 1)}`
  return [line(head), rule, ...rows.map(line), ...notes.map((note) => `\n${note}`)].join('\n')
}

const [begin, end] = ['<!-- table of npm run bench -->', '<!-- end of table -->']

/** A page with `table` in place of the one between its two marks; without them the table alone, marks around it. */
export function withTable(page: string, table: string): string {
  const block = `${begin}\n\n${table}\n\n${end}`
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  return from < 0 || to < from ? `${block}\n` : page.slice(0, from) + block + page.slice(to + end.length)
}

interface Cells {
  readonly head: string[]
  readonly rows: string[][]
  readonly notes: string[]
}

function tabulate(results: readonly Result[]): Cells {
  const peers = [...new Set(results.flatMap(({ peers }) => Object.keys(peers)))]
  const notes: string[] = []
  const ms = (side: Times | Cannot | undefined, name: string, workload: string): string => {
    if (side === undefined) return '–'
    if (!('cannot' in side)) return formatMs(side.median_ms)
    notes.push(`${workload}: ${headingOf(name)} cannot: ${side.cannot}`)
    return 'cannot'
  }
  const rows = results.map((result) => {
    const { name, gradus, gflops, peak_fraction: share } = result
    const against = peers.flatMap((peer) => {
      const [ratio, quartile] = [result.ratio[peer], result.ratio_lower_quartile[peer]]
      return [ms(result.peers[peer], peer, name), formatRatio(ratio), formatRatio(quartile)]
    })
    const compile = 'cannot' in gradus ? '–' : formatMs(gradus.compile_ms)
    const rate = [gflops === null ? '–' : gflops.toFixed(1), share === null ? '–' : `${(100 * share).toFixed(0)} %`]
    return [name, ms(gradus, 'gradus', name), compile, ...against, ...rate]
  })
  const head = [
    'workload',
    'Gradus ms',
    'compile ms',
    ...peers.flatMap((peer) => [`${headingOf(peer)} ms`, 'ratio', 'lower ¼']),
    'GFLOP/s',
    'of peak',
  ]
  return { head, rows, notes }
}

function headingOf(name: string): string {
  return (headings as Record<string, string>)[name] ?? name
}

function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? '–' : `${ratio.toFixed(2)}×`
}

/** Three digits that count. */
export function formatMs(ms: number): string {
  if (ms >= 100) return ms.toFixed(0)
  return ms.toFixed(ms >= 10 ? 1 : ms >= 1 ? 2 : ms >= 0.1 ? 3 : 4)
}
