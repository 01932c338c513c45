import type { WriteStream } from 'node:tty'
import pc from 'picocolors'

/** Where lines for people go, and what can be shown there. */
export interface Screen {
  /** Whether somebody watches: only then are colours, cursor movements and live figures allowed. */
  readonly isTerminal: boolean
  /** Width in characters; 80 where there is no terminal. */
  readonly columns: number
  readonly colors: typeof pc
  readonly stream: NodeJS.WriteStream
  line(text?: string): void
}

/** A stream as a screen. Colours need a terminal and the consent of `NO_COLOR` (https://no-color.org) and `TERM`. */
export function screenOn(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env): Screen {
  const isTerminal = stream.isTTY === true && env['TERM'] !== 'dumb'
  return {
    isTerminal,
    columns: (stream as Partial<WriteStream>).columns || 80,
    colors: pc.createColors(isTerminal && !env['NO_COLOR']) as typeof pc,
    stream,
    line: (text = '') => void stream.write(`${text}\n`),
  }
}
