import { FileError } from '../core/errors.ts'
import { loadCheckpoint, saveCheckpoint, type StateTree } from './checkpoint-file.ts'
import { fileError } from '../core/system-error.ts'

const pattern = /^step-(\d+)\.safetensors$/

/** A checkpoint that could be read, and newer ones that could not. */
export interface FoundCheckpoint {
  readonly path: string
  readonly state: StateTree
  /** Why newer files were passed over, the newest first. */
  readonly refused: readonly FileError[]
}

/**
 * The checkpoints of one training: `step-00001200.safetensors` and so on, of which the newest are kept. One process at a time
 * writes to a folder.
 */
export class CheckpointFolder {
  readonly path: string
  private readonly keep: number

  /** @param keep how many of the newest stay */
  constructor(path: string, { keep = 3 }: { readonly keep?: number } = {}) {
    this.path = path
    this.keep = keep
  }

  /** Makes the folder where it is absent, and removes what a killed process left half written. */
  async prepare(): Promise<void> {
    const { mkdir, readdir, rm } = await import('node:fs/promises')
    try {
      await mkdir(this.path, { recursive: true })
      for (const name of await readdir(this.path)) {
        if (name.endsWith('.tmp')) await rm(`${this.path}/${name}`, { force: true })
      }
    } catch (error) {
      throw fileError('checkpoint', this.path, error)
    }
  }

  /**
   * Writes the state after `step`, then removes the oldest files. Throws a {@link FileError} when it cannot be written; the older
   * ones all stay then.
   */
  async save(step: number, state: StateTree): Promise<string> {
    const { rm } = await import('node:fs/promises')
    const path = `${this.path}/step-${String(step).padStart(8, '0')}.safetensors`
    await saveCheckpoint(path, state)
    const old = (await this.steps()).slice(this.keep)
    for (const { name } of old) await rm(`${this.path}/${name}`, { force: true })
    return path
  }

  /**
   * The newest checkpoint that is whole; undefined where there is none at all. Throws a {@link FileError} when there are
   * files, and none of them can be read.
   */
  async latest(): Promise<FoundCheckpoint | undefined> {
    const refused: FileError[] = []
    for (const { name } of await this.steps()) {
      const path = `${this.path}/${name}`
      try {
        return { path, state: await loadCheckpoint(path), refused }
      } catch (error) {
        if (!(error instanceof FileError)) throw error
        refused.push(error)
      }
    }
    if (refused[0]) throw new FileError('checkpoint', `no checkpoint can be read; ${refused[0].message}`)
    return undefined
  }

  /** Files of the folder, the newest first. */
  private async steps(): Promise<{ name: string; step: number }[]> {
    const { readdir } = await import('node:fs/promises')
    const names = await readdir(this.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw fileError('checkpoint', this.path, error)
    })
    return names
      .flatMap((name) => {
        const step = pattern.exec(name)?.[1]
        return step === undefined ? [] : [{ name, step: Number(step) }]
      })
      .sort((a, b) => b.step - a.step)
  }
}
