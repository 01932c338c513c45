import { writeFileAtomic } from '../../io/atomic-file.ts'
import type { Callback, EpochRecord } from '../fit-options.ts'

/**
 * Writes one JSON object an epoch to a file. The file is always whole, and when a training is taken up again it has each epoch
 * once.
 */
export function historyFile(path: string): Callback {
  let lines: string[] = []
  const write = (): Promise<void> => writeFileAtomic(path, lines.map((line) => `${line}\n`).join(''))
  const add = (record: EpochRecord): void => void lines.push(JSON.stringify(record))
  return {
    async onTrainBegin({ epochs }) {
      lines = []
      for (const record of epochs) add(record)
      await write()
    },
    async onEpoch(record) {
      add(record)
      await write()
    },
  }
}
