import { SingleBar } from 'cli-progress'
import type { Screen } from './screen.ts'

/** What stands left and right of the bar at the moment. */
export interface Captions {
  readonly before: string
  readonly after: string
}

/** A bar on the last line of a terminal; nothing at all elsewhere. */
export interface Progress {
  update(done: number, captions: Captions): void
  /** Removes the bar and gives the cursor back. */
  stop(): void
}

const widestBar = 40
const narrowestBar = 8

export function startProgress(screen: Screen, total: number, captions: Captions): Progress {
  if (!screen.isTerminal) return { update: () => {}, stop: () => {} }
  const { colors } = screen
  const bar = new SingleBar({
    stream: screen.stream,
    format: (_options, { progress }, { before, after }: Captions) => {
      const share = `${String(Math.floor(100 * progress)).padStart(3)} %`
      const width = Math.min(widestBar, screen.columns - before.length - after.length - share.length - 9)
      if (width < narrowestBar) return `  ${before}  ${share}  ${after}`
      const full = Math.round(progress * width)
      const line = colors.cyan('━'.repeat(full)) + colors.dim('━'.repeat(width - full))
      return `  ${before}  ${line}  ${share}  ${after}`
    },
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: false,
    fps: 10,
  })
  bar.start(total, 0, captions)
  return { update: (done, payload) => bar.update(done, payload), stop: () => bar.stop() }
}
