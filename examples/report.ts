/** What the longer examples say while they run. */
import { existsSync } from 'node:fs'

const start = performance.now()

/** Prints a line with the seconds since the program began. */
export function say(text: string): void {
  console.log(`${((performance.now() - start) / 1000).toFixed(0)} s: ${text}`)
}

export function percent(share: number = Number.NaN, digits = 1): string {
  return `${(100 * share).toFixed(digits)} %`
}

/** Ends the program with one line where a file or folder is absent: what it is and where it comes from. */
export function needed(path: string, what: string): void {
  if (existsSync(path)) return
  console.error(`${path} is missing: ${what}`)
  process.exit(2)
}
