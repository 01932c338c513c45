import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { FileError } from '../core/errors.ts'
import { writeFileAtomic } from '../io/atomic-file.ts'
import { fileError } from '../core/system-error.ts'
import { UsageError } from './failure.ts'

/** What a training run leaves behind, one file each. */
const files = {
  config: 'config.json',
  history: 'history.jsonl',
  model: 'model.safetensors',
  result: 'result.json',
  pretrained: 'pretrained',
} as const

/** How a run was made: enough to repeat it. */
export interface RunConfig {
  /** Version of Gradus. */
  readonly gradus: string
  readonly recipe: string
  readonly settings: Readonly<Record<string, unknown>>
  /** What the recipe found out about its data: the model can be used without it. */
  readonly known?: unknown
  readonly parameters: number
  readonly device: string
  readonly node: string
  /** ISO 8601. */
  readonly started: string
}

/** How often a sample of a class (row) was taken for a class (column). */
export interface Confusion {
  readonly classes: readonly string[]
  readonly counts: readonly (readonly number[])[]
}

/** What a finished training came to. */
export interface RunResult {
  /** Figures on the test data. */
  readonly test?: Readonly<Record<string, number>>
  /** Figures on the data that was watched, where there is none to test on. */
  readonly validation?: Readonly<Record<string, number>>
  /** Which of them tells most. */
  readonly headline?: string
  readonly ended: string
  readonly seconds: number
  /** Of a classifier, on the same data. */
  readonly confusion?: Confusion
}

/** A line of the history: an epoch, or the final test. */
export type HistoryLine = Readonly<Record<string, unknown>>

/** A folder with everything about one training run. All files are written whole or not at all. */
export class RunFolder {
  readonly path: string
  private readonly lines: HistoryLine[] = []

  constructor(path: string) {
    this.path = path
  }

  get modelPath(): string {
    return join(this.path, files.model)
  }

  get historyPath(): string {
    return join(this.path, files.history)
  }

  /** Folder with files of the pretrained model that the trained one needs, too. */
  get pretrainedPath(): string {
    return join(this.path, files.pretrained)
  }

  /** Copies files of a pretrained model into the run. */
  async keep(paths: readonly string[]): Promise<void> {
    if (paths.length > 0) await mkdir(this.pretrainedPath, { recursive: true })
    for (const path of paths) await copyFile(path, join(this.pretrainedPath, basename(path)))
  }

  async writeResult(result: RunResult): Promise<void> {
    await writeFileAtomic(join(this.path, files.result), `${JSON.stringify(result)}\n`)
  }

  /** Undefined for a run that has not ended. */
  async readResult(): Promise<RunResult | undefined> {
    const text = await this.read(files.result).catch(() => undefined)
    return text === undefined ? undefined : parse(join(this.path, files.result), text)
  }

  async writeConfig(config: RunConfig): Promise<void> {
    await writeFileAtomic(join(this.path, files.config), `${JSON.stringify(config, null, 2)}\n`)
  }

  /** Adds a line to the history. */
  async record(line: HistoryLine): Promise<void> {
    this.lines.push(line)
    const text = this.lines.map((item) => `${JSON.stringify(item)}\n`).join('')
    await writeFileAtomic(join(this.path, files.history), text)
  }

  /** Throws a {@link FileError} when the folder holds no run. */
  async readConfig(): Promise<RunConfig> {
    const config: Partial<RunConfig> = parse(join(this.path, files.config), await this.read(files.config))
    if (typeof config?.recipe !== 'string') {
      throw new FileError('run', `${join(this.path, files.config)}: does not describe a run of Gradus`)
    }
    return config as RunConfig
  }

  async readHistory(): Promise<HistoryLine[]> {
    const path = join(this.path, files.history)
    const lines = (await this.read(files.history)).split('\n').filter((line) => line !== '')
    return lines.map((line) => parse<HistoryLine>(path, line))
  }

  private async read(name: string): Promise<string> {
    try {
      return await readFile(join(this.path, name), 'utf8')
    } catch (error) {
      throw new FileError('run', `${this.path} is not the folder of a run: it has no readable ${name}`, {
        cause: error,
      })
    }
  }
}

/** Throws a {@link UsageError} when `path` is a folder with something in it, a {@link FileError} when it can be none. */
export async function checkIsFree(path: string): Promise<void> {
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw fileError('--run', path, error)
  })
  if (names.length > 0) throw new UsageError(`--run: ${path} exists and is not empty; name another folder`)
}

/** The folder `wanted`, or a new one: the first free of `runs/<recipe>-1`, `runs/<recipe>-2` ... */
export async function createRunFolder(recipe: string, wanted?: string): Promise<RunFolder> {
  const make = async (path: string): Promise<RunFolder> => {
    await mkdir(path, { recursive: path === wanted })
    return new RunFolder(path)
  }
  try {
    if (wanted !== undefined) return await make(wanted)
    await mkdir('runs', { recursive: true })
    for (let number = 1; ; number++) {
      const folder = await make(join('runs', `${recipe}-${number}`)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error
      })
      if (folder) return folder
    }
  } catch (error) {
    throw fileError('run', wanted ?? 'runs', error)
  }
}

function parse<T>(path: string, text: string): T {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new FileError('run', `${path}: not valid JSON`, { cause: error })
  }
}
