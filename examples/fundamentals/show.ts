/** What the scripts of this folder have in common: seeds, bars, and one line for each claim that was put to the test. */

/** Those of GRADUS_SEEDS (`0,1`), or three. */
export const seeds: readonly number[] = (process.env['GRADUS_SEEDS'] ?? '0,1,2').split(',').map(Number)

/** What a figure must be to bear out its claim. */
export interface Bar {
  readonly text: string
  readonly clears: (figure: number) => boolean
}

export const atMost = (bar: number, unit = ''): Bar => ({ text: `≤ ${bar}${unit}`, clears: (x) => x <= bar })
export const atLeast = (bar: number, unit = ''): Bar => ({ text: `≥ ${bar}${unit}`, clears: (x) => x >= bar })
export const exactly = (bar: number, unit = ''): Bar => ({ text: `= ${bar}${unit}`, clears: (x) => x === bar })
export const between = (low: number, high: number): Bar => ({
  text: `${low} to ${high}`,
  clears: (x) => low <= x && x <= high,
})

/** A claim with the figures that were measured, one for each seed. */
export interface Result {
  readonly script: string
  readonly english: string
  readonly chinese: string
  readonly figures: readonly number[]
  readonly bar: Bar
  readonly holds: boolean
  /** The file for want of which the claim was not put to the test. */
  readonly absent: string | undefined
  readonly seconds: number
}

/** Everything shown so far. */
export const results: Result[] = []

let since = performance.now()

/**
 * Prints one line: claim, figures, bar, verdict, seconds. `script` is the file's own `import.meta.url`; the claim is made in
 * English and in Chinese. `absent` is a file that it needs and that is not there: then the claim is skipped.
 */
export function show(
  script: string,
  [english, chinese]: [string, string],
  figures: readonly number[],
  bar: Bar,
  { absent }: { readonly absent?: string | undefined } = {},
): void {
  const holds = figures.length > 0 && figures.every(bar.clears)
  const seconds = (performance.now() - since) / 1000
  since = performance.now()
  const result = { script: script.split('/').at(-1) ?? '', english, chinese, figures, bar, holds, absent, seconds }
  if (results.length === 0) console.log(row('claim', 'figures', 'bar', 'verdict', 'seconds'))
  const verdict = absent ? 'skipped' : holds ? 'holds' : 'FAILS'
  console.log(row(english, figuresText(result), bar.text, verdict, seconds.toFixed(1)))
  results.push(result)
}

export function figuresText({ figures, bar, absent }: Result): string {
  if (absent) return `needs ${absent}`
  const unit = bar.text.endsWith('%') ? ' %' : ''
  return figures.map((figure) => write(figure)).join(', ') + unit
}

function row(claim: string, figures: string, bar: string, verdict: string, seconds: string): string {
  return [claim.padEnd(80), figures.padEnd(36), bar.padEnd(14), verdict.padEnd(7), seconds.padStart(7)].join('  ')
}

function write(figure: number): string {
  if (Number.isInteger(figure)) return String(figure)
  return Math.abs(figure) < 1e-3 ? figure.toExponential(1) : figure.toPrecision(3)
}
