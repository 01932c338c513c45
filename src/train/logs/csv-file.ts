import { writeFileAtomic } from '../../io/atomic-file.ts'
import type { Callback, EpochRecord } from '../fit-options.ts'

/** Writes a table with one row an epoch: `epoch,steps,lr,seconds,train loss,...,validation loss,...`. The file is always whole. */
export function csvFile(path: string): Callback {
  let records: EpochRecord[] = []
  const write = (): Promise<void> => writeFileAtomic(path, tableOf(records))
  return {
    async onTrainBegin({ epochs }) {
      records = [...epochs]
      await write()
    },
    async onEpoch(record) {
      records.push(record)
      await write()
    },
  }
}

function tableOf(records: readonly EpochRecord[]): string {
  const columns = (['train', 'validation'] as const).flatMap((part) => {
    const names = new Set(records.flatMap((record) => Object.keys(record[part] ?? {})))
    return [...names].map((name) => ({ title: `${part} ${name}`, of: (record: EpochRecord) => record[part]?.[name] }))
  })
  const head = ['epoch', 'steps', 'lr', 'seconds', ...columns.map(({ title }) => quoted(title))]
  const rows = records.map((record) => [
    ...[record.epoch, record.steps, record.lr, record.seconds],
    ...columns.map(({ of }) => of(record) ?? ''),
  ])
  return [head, ...rows].map((cells) => `${cells.join(',')}\n`).join('')
}

function quoted(text: string): string {
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
