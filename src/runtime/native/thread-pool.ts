/** The threads that run plans, and the queue in front of them: one plan at a time per process. */
import { type CFunction, ffi } from './ffi.ts'
import { defaultThreads } from './cores.ts'
import { CONTROL_BYTES, control, generateDriver, MAX_THREADS } from './driver-code.ts'
import { CodePages, permanentPages } from './memory.ts'
import type { Outcome, PlanTable } from './plan-table.ts'

/** Workers spin this long before they sleep. */
const SPIN_MICROSECONDS = 60
/** How long the exit of the process waits for the chunks that are running. */
const EXIT_PATIENCE_MS = 10_000

const SIG_SETMASK = 2
const SIGSET_BYTES = 128

const DONE: Outcome = { status: 'done' }

/** A run that was handed to libuv's pool. */
interface AsynchronousRun {
  readonly table: PlanTable
  /** Set as soon as it is known that the run is over. */
  outcome: Outcome | null
}

/** A run beside the program. */
export interface Launched {
  /** Blocks until it is over. */
  wait(): Outcome
  readonly done: Promise<Outcome>
}

/**
 * Reports come from the event loop; a program that never lets it turn collects them, and koffi refuses a call when 256 are open.
 * With so many the next runs keep the program waiting, as it does the event loop.
 */
const MOST_UNREPORTED = 32

export class ThreadPool {
  readonly #control = permanentPages(CONTROL_BYTES)
  readonly #words: Int32Array
  readonly #driver: CodePages
  readonly #workerAddress: number
  readonly #run: CFunction
  readonly #launch: CFunction
  readonly #workers: bigint[] = []
  readonly #started: { ticks: number; time: bigint }
  readonly #ticks: CFunction
  readonly #usleep: CFunction
  #threads: number
  #running: AsynchronousRun | null = null
  /** Asynchronous runs, most of them over, of which the event loop has not told yet. */
  #unreported = 0
  #queue: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(threads: number = defaultThreads()) {
    const driver = generateDriver()
    this.#words = new Int32Array(this.#control.bytes.buffer)
    this.#driver = new CodePages(driver.code)
    this.#workerAddress = this.#driver.address + driver.worker
    this.#run = this.#driver.functionAt(driver.run, 'int', 'uintptr_t', 'uintptr_t', 'uint32_t')
    this.#launch = this.#driver.functionAt(driver.launch, 'void', 'uintptr_t', 'uint32_t')
    this.#ticks = this.#driver.functionAt(driver.ticks, 'uint64_t')
    this.#usleep = ffi().libc('usleep', 'int', 'uint32_t')
    this.#started = { ticks: Number(this.#ticks()), time: process.hrtime.bigint() }
    this.#threads = checkThreads(threads)
    process.once('exit', () => this.close())
  }

  /** Number of threads that a run uses, the calling one included. */
  get threads(): number {
    return this.#threads
  }

  /** Sets the number of threads of later runs. @throws RangeError unless 1 to 255 */
  setThreads(threads: number): void {
    checkThreads(threads)
    this.#awaitRunning()
    if (threads - 1 < this.#workers.length) this.#dismissWorkers()
    this.#threads = threads
  }

  /** Runs a plan on this thread and the workers; queues behind an asynchronous run. Small plans do better with `threads` 1. */
  runSync(table: PlanTable, threads: number = this.#threads): Outcome {
    this.#prepare(threads)
    this.#awaitRunning()
    const status = this.#run(this.#control.address, table.address, threads)
    return status === 0 ? DONE : table.outcome()
  }

  /** Runs a plan on a thread of libuv's pool and the workers: the event loop stays free. Queues behind earlier ones. */
  runAsync(table: PlanTable, threads: number = this.#threads): Promise<Outcome> {
    const result = this.#queue.then(() => this.#start(table, threads))
    this.#queue = result.catch(() => undefined)
    return result
  }

  /** As {@link runAsync}, but starts at once: blocks until an earlier asynchronous run is over. */
  launch(table: PlanTable, threads: number = this.#threads): Launched {
    this.#awaitRunning()
    if (this.#unreported >= MOST_UNREPORTED) {
      const outcome = this.runSync(table, threads)
      return { wait: () => outcome, done: Promise.resolve(outcome) }
    }
    const done = this.#start(table, threads)
    const run = this.#running as AsynchronousRun
    const wait = (): Outcome => {
      if (!run.outcome) this.#awaitRunning()
      return run.outcome as Outcome
    }
    return { wait, done }
  }

  /** Stops the running plan at its next chunk, waits for it and ends all threads. Called when the process exits. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#words[control.stop / 4] = 1
    const deadline = Date.now() + EXIT_PATIENCE_MS
    while (this.#isBusy() && Date.now() < deadline) this.#usleep(50)
    if (!this.#isBusy()) this.#dismissWorkers()
  }

  #start(table: PlanTable, threads: number): Promise<Outcome> {
    this.#prepare(threads)
    const run: AsynchronousRun = { table, outcome: null }
    this.#running = run
    this.#words[control.busy / 4] = 1
    return new Promise((resolve, reject) => {
      const report = (error: unknown): void => {
        this.#unreported--
        // A synchronous run may have come in between and have settled this one already.
        run.outcome ??= table.outcome()
        if (this.#running === run) this.#running = null
        if (error) reject(error)
        else resolve(run.outcome)
      }
      this.#unreported++
      try {
        this.#run.async(this.#control.address, table.address, threads, report)
      } catch (error) {
        // It was not queued: nobody else would say that it is over.
        this.#words[control.busy / 4] = 0
        report(error)
      }
    })
  }

  /** Blocks until the asynchronous run under way is over, and keeps its outcome, which a second run of the same table would overwrite. */
  #awaitRunning(): void {
    const run = this.#running
    if (!run) return
    while (this.#isBusy()) this.#usleep(20)
    run.outcome ??= run.table.outcome()
    this.#running = null
  }

  #isBusy(): boolean {
    return Atomics.load(this.#words, control.busy / 4) !== 0
  }

  #prepare(threads: number): void {
    if (this.#closed) throw new Error('the thread pool is closed: the process is exiting')
    checkThreads(threads)
    while (this.#workers.length < threads - 1) this.#startWorkers(threads - 1)
  }

  /** Signals go to threads of Node, never to workers: they start with all of them blocked. */
  #startWorkers(count: number): void {
    this.#awaitRunning()
    this.#dismissWorkers()
    this.#calibrateSpin()
    const { libc } = ffi()
    const create = libc('pthread_create', 'int', 'void *', 'void *', 'uintptr_t', 'uintptr_t')
    const setMask = libc('pthread_sigmask', 'int', 'int', 'void *', 'void *')
    const before = new Uint8Array(SIGSET_BYTES)
    setMask(SIG_SETMASK, new Uint8Array(SIGSET_BYTES).fill(255), before)
    try {
      for (let number = 1; number <= count; number++) {
        const id = new BigUint64Array(1)
        const failure = create(id, null, this.#workerAddress, this.#control.address + number)
        if (failure !== 0) throw new Error(`pthread_create failed with ${failure} at worker ${number} of ${count}`)
        this.#workers.push(id[0] as bigint)
      }
    } finally {
      setMask(SIG_SETMASK, before, null)
    }
  }

  /** Ends all workers; nothing may run. */
  #dismissWorkers(): void {
    if (this.#workers.length === 0) return
    new BigUint64Array(this.#control.bytes.buffer)[control.plan / 8] = 0n
    this.#launch(this.#control.address, this.#workers.length + 1)
    const join = ffi().libc('pthread_join', 'int', 'uint64_t', 'void *')
    for (const worker of this.#workers.splice(0)) join(worker, null)
    this.#words[control.launch / 4] = 0
  }

  /** Ticks of the time-stamp counter in SPIN_MICROSECONDS, measured since this pool was made, over at least a millisecond. */
  #calibrateSpin(): void {
    let elapsed = 0
    do elapsed = Number(process.hrtime.bigint() - this.#started.time)
    while (elapsed < 1e6)
    const ticks = Number(this.#ticks()) - this.#started.ticks
    const spin = BigInt(Math.round((ticks / elapsed) * 1000 * SPIN_MICROSECONDS))
    new BigUint64Array(this.#control.bytes.buffer)[control.spin / 8] = spin
  }
}

function checkThreads(threads: number): number {
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new RangeError(`threads: expected an integer from 1 to ${MAX_THREADS}, received ${threads}`)
  }
  return threads
}

let pool: ThreadPool | null = null

/** The pool of this process. */
export function threadPool(): ThreadPool {
  pool ??= new ThreadPool()
  return pool
}
