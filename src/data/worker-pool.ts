import type { Worker } from 'node:worker_threads'
import { GradusError } from '../core/errors.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'
import { type Batch, type Dataset, type Origin, type Sample, sampleName } from './dataset.ts'
import type { Job, Loaded } from './load-batch.ts'
import { SampleError } from './sample-error.ts'
import type { PackedError, Reply, Request, WorkerSetup } from './worker-messages.ts'

/** A worker thread failed, or its dataset could not be made there. */
export class WorkerError extends GradusError {}

/** Some of what `new Worker(...)` takes. */
export interface ThreadOptions {
  /** Options of Node for the thread. Default: those of the process. */
  readonly execArgv?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Limits of the thread's memory, in MiB. */
  readonly resourceLimits?: { readonly maxOldGenerationSizeMb?: number; readonly maxYoungGenerationSizeMb?: number }
}

interface Waiting {
  readonly job: Job
  readonly resolve: (reply: Loaded<Sample>) => void
  readonly reject: (error: unknown) => void
}

interface Member {
  readonly worker: Worker
  readonly waiting: Map<number, Waiting>
}

/** Worker threads that load batches of one dataset. They keep the process alive only while they have something to do. */
export class WorkerPool {
  private readonly dataset: Dataset<unknown>
  private readonly origin: Origin
  private readonly members: Member[]
  private tickets = 0
  private isClosed = false

  private constructor(dataset: Dataset<unknown>, origin: Origin, workers: readonly Worker[]) {
    this.dataset = dataset
    this.origin = origin
    this.members = workers.map((worker) => ({ worker, waiting: new Map() }))
    for (const member of this.members) {
      member.worker.on('message', (reply: Reply) => this.settle(member, reply))
      const fail = (reason: string, cause?: unknown): void => {
        const error = new WorkerError('DataLoader', `a worker thread ${reason}`, { cause })
        for (const { reject } of member.waiting.values()) reject(error)
        member.waiting.clear()
      }
      member.worker.on('error', (error) => fail(`failed: ${error.message}`, error))
      member.worker.on('exit', (code) => fail(`ended with code ${code}`))
      // Last: a listener for messages makes the thread count again.
      member.worker.unref()
    }
  }

  static async start(
    dataset: Dataset<unknown>,
    origin: Origin,
    { count, skip, options }: { count: number; skip: boolean; options: ThreadOptions },
  ): Promise<WorkerPool> {
    const { Worker } = await import('node:worker_threads')
    // Beside this file, with its ending: .ts in development, .js in the package.
    const file = new URL(import.meta.url.replace(/worker-pool(\.[jt]s)/, 'loader-worker$1'))
    const setup: WorkerSetup = { module: origin.module, options: origin.options, skip }
    const workers = Array.from({ length: count }, () => new Worker(file, { ...options, workerData: setup } as object))
    return new WorkerPool(dataset, origin, workers)
  }

  /** Loads a batch in the worker that has least to do. */
  load(job: Job): Promise<Loaded<Sample>> {
    const { indexOf = (index: number) => index } = this.origin
    const member = this.members.reduce((best, other) => (other.waiting.size < best.waiting.size ? other : best))
    const ticket = this.tickets++
    const { visit, number } = job
    const request: Request = { ticket, number, visit, indices: Array.from(job.indices, indexOf) }
    return new Promise((resolve, reject) => {
      if (this.isClosed) return reject(new WorkerError('DataLoader', 'the loader was closed'))
      member.waiting.set(ticket, { job, resolve, reject })
      member.worker.ref()
      member.worker.postMessage(request)
    })
  }

  /** Ends all threads, whatever they are doing. */
  async close(): Promise<void> {
    this.isClosed = true
    await Promise.all(this.members.map(({ worker }) => worker.terminate()))
  }

  private settle({ worker, waiting }: Member, reply: Reply): void {
    const request = waiting.get(reply.ticket)
    waiting.delete(reply.ticket)
    if (waiting.size === 0) worker.unref()
    if (!request) return
    if ('error' in reply) {
      request.reject(this.unpackError(request.job, reply.error))
      return
    }
    const failed = reply.failed.map((error) => this.unpackError(request.job, error) as SampleError)
    const batch = reply.parts?.map(({ values, shape, dtype }) => new Tensor(buffer(values, shape, dtype)))
    request.resolve({ batch: batch as Batch<Sample> | undefined, failed })
  }

  private unpackError(job: Job, { index, sample, message, stack }: PackedError): Error {
    const cause = Object.assign(new Error(message), stack !== undefined && { stack })
    if (index === undefined) return new WorkerError('DataLoader', `in a worker thread: ${message}`, { cause })
    const { indexOf = (given: number) => given } = this.origin
    const own = Array.from(job.indices).find((candidate) => indexOf(candidate) === index) ?? index
    const name = this.dataset.nameOf ? sampleName(this.dataset, own) : (sample ?? `sample ${own}`)
    return new SampleError(own, name, message, { cause })
  }
}
