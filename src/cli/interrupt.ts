import { exitCodes } from './failure.ts'
import type { Screen } from './terminal/screen.ts'

export interface Interrupt extends Disposable {
  /** Aborted by the first Ctrl-C (or a request to terminate). */
  readonly signal: AbortSignal
}

const signals = ['SIGINT', 'SIGTERM'] as const

/** Turns the first Ctrl-C into an abort that lets work be saved; the second one ends the process. */
export function stopOnInterrupt(screen: Screen, beforeMessage: () => void): Interrupt {
  const controller = new AbortController()
  const onSignal = (): void => {
    beforeMessage()
    if (controller.signal.aborted) process.exit(exitCodes.interrupted)
    screen.line('  stopping and saving; Ctrl-C once more quits at once')
    controller.abort()
  }
  for (const name of signals) process.on(name, onSignal)
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const name of signals) process.off(name, onSignal)
    },
  }
}
