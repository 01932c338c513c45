/** A side of a comparison: a child process that does the work. It answers every line of JSON on its input with one on its output. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface, type Interface } from 'node:readline'
import type { Work } from './work/work.ts'

/** What the harness asks, and what a side answers. Any answer may be a {@link Refusal} instead. */
export interface Requests {
  /** Make the inputs and write them to a file. Asked of Gradus alone, in a process that does nothing else. */
  write: { ask: { work: Work; file: string }; answer: Written }
  /** Read the inputs and get ready. */
  prepare: { ask: { work: Work; inputs: string; threads: number }; answer: Ready }
  /** Do so many iterations, then say where they led. */
  check: { ask: { iterations: number }; answer: { evidence: number[]; firstMs: number } }
  /** Iterate for so long, and 5 times at least. */
  round: { ask: { seconds: number }; answer: Round }
}

/** Who answers. */
export interface Ready {
  /** What the side runs on: `PyTorch 2.13.0`. */
  readonly version: string
}

/** What is known of a workload once it has been made. */
export interface Written {
  /** See `Kind` in work/work.ts. */
  readonly flops: number | null
  readonly checkAfter: number
}

/** Durations of the iterations of a round, in milliseconds. */
export interface Round {
  readonly medianMs: number
  readonly bestMs: number
  readonly iterations: number
}

interface Refusal {
  readonly cannot: string
}

/** A side that cannot do its part: its message says why, in a few words. */
export class CannotError extends Error {}

export class Side {
  readonly #child: ChildProcess
  readonly #lines: Interface
  readonly #answers: AsyncIterator<string>
  #failure: string | undefined
  #complaints = ''

  constructor(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } })
    this.#lines = createInterface({ input: this.#child.stdout! })
    this.#answers = this.#lines[Symbol.asyncIterator]()
    this.#child.once('error', (error) => {
      this.#failure = error.message
      this.#lines.close()
    })
    this.#child.stdin!.on('error', () => {}) // that the child is gone shows where its answer is missing
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#complaints = (this.#complaints + text).slice(-4000)
    })
  }

  async ask<K extends keyof Requests>(request: K, ask: Requests[K]['ask']): Promise<Requests[K]['answer']> {
    this.#child.stdin!.write(`${JSON.stringify({ request, ...ask })}\n`)
    const { value: line, done } = await this.#answers.next()
    if (done) throw new CannotError(this.#failure ?? this.#lastWords())
    const answer = JSON.parse(line) as Requests[K]['answer'] | Refusal
    if ('cannot' in answer) throw new CannotError(answer.cannot)
    return answer
  }

  end(): void {
    this.#child.stdin!.end()
    this.#child.kill()
  }

  #lastWords(): string {
    const lines = this.#complaints.trim().split('\n')
    return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1) ?? 'ended without a word'
  }
}
