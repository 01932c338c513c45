import type { DownloadProgress } from '../../data/download.ts'
import { startProgress, type Progress } from './progress.ts'
import { screenOn } from './screen.ts'

/** Runs something that may download, with a bar on the terminal while it does. */
export async function withDownloadBar<T>(
  run: (onProgress: (progress: DownloadProgress) => void) => Promise<T>,
): Promise<T> {
  const shown: { bar?: Progress; name?: string } = {}
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
  try {
    return await run(({ name, done, total }) => {
      const after = total === undefined ? megabytes(done) : `${megabytes(done)} of ${megabytes(total)}`
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
