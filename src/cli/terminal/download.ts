import type { DownloadProgress } from '../../data/download.ts'
import { startProgress, type Progress } from './progress.ts'
import { screenOn } from './screen.ts'

/** Runs something that may download, with a bar on the terminal while it does. */
export async function withDownloadBar<T>(
  run: (onProgress: (progress: DownloadProgress) => void) => Promise<T>,
): Promise<T> {
  const shown: { bar?: Progress; name?: string } = {}
  try {
    return await run(({ name, done, total }) => {
      const unit = unitOf(total ?? done)
      const after = total === undefined ? sizeIn(unit, done) : `${sizeIn(unit, done)} of ${sizeIn(unit, total)}`
      if (shown.name !== name) {
        shown.bar?.stop()
        shown.bar = startProgress(screenOn(process.stderr), total ?? done, { before: name, after })
        shown.name = name
      }
      shown.bar?.update(done, { before: name, after })
    })
  } finally {
    shown.bar?.stop()
  }
}

type Unit = 'kB' | 'MB'

const unitOf = (bytes: number): Unit => (bytes < 1e6 ? 'kB' : 'MB')

const sizeIn = (unit: Unit, bytes: number): string => `${(bytes / (unit === 'kB' ? 1e3 : 1e6)).toFixed(1)} ${unit}`
