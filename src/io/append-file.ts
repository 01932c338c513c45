import { fileError } from '../core/system-error.ts'

/** A file that grows at its end. Pieces are written in order and in the background; the first failure is the last word. Needs Node. */
export class AppendFile {
  readonly path: string
  private queue: Promise<void>
  private failure: unknown

  /** @param folder made where it is absent */
  constructor(folder: string, name: string) {
    this.path = `${folder}/${name}`
    this.queue = this.attempt(async () => {
      const { mkdir } = await import('node:fs/promises')
      await mkdir(folder, { recursive: true })
    })
  }

  append(bytes: Uint8Array): void {
    this.queue = this.queue.then(() =>
      this.attempt(async () => {
        const { appendFile } = await import('node:fs/promises')
        await appendFile(this.path, bytes)
      }),
    )
  }

  /** Resolves when everything so far is in the file. Throws a `FileError` when it could not be written. */
  async flush(): Promise<void> {
    await this.queue
    if (this.failure) throw fileError('append', this.path, this.failure)
  }

  private async attempt(write: () => Promise<void>): Promise<void> {
    if (this.failure) return
    try {
      await write()
    } catch (error) {
      this.failure = error
    }
  }
}
