/** The child's end of a {@link Side}. */
import { createInterface } from 'node:readline'
import type { Requests, Written } from './side.ts'
import { median } from './statistics.ts'
import type { Prepared, Work } from './work/work.ts'

/** Iterations that a round has at least. */
const fewest = 5
/** Part of a round's time that passes before it counts: caches and clock frequency are the other side's until then. */
const unheeded = 0.1

/** What a side does in its own way; the rest is the same for all. */
export interface Abilities {
  /** What it runs on, as in {@link Ready}. */
  readonly version: string
  prepare(ask: Requests['prepare']['ask']): Promise<Prepared>
  write?(ask: Requests['write']['ask']): Promise<Written>
}

/** Answers requests until the input ends. What an ability throws becomes a refusal. */
export async function answerRequests({ version, prepare, write }: Abilities): Promise<void> {
  let prepared: Prepared | undefined
  const ready = (): Prepared => {
    if (!prepared) throw new Error('nothing is prepared')
    return prepared
  }
  const answers: { readonly [K in keyof Requests]: (ask: Requests[K]['ask']) => Promise<Requests[K]['answer']> } = {
    async write(ask) {
      if (!write) throw new Error('this side writes no inputs')
      return write(ask)
    },
    async prepare(ask) {
      prepared = await prepare(ask)
      return { version }
    },
    async check({ iterations }) {
      const times = await timed(ready(), { iterations })
      return { evidence: finite(await ready().evidence()), firstMs: times[0]! }
    },
    async round({ seconds }) {
      await timed(ready(), { iterations: 1, seconds: seconds * unheeded })
      const times = await timed(ready(), { iterations: fewest, seconds: seconds * (1 - unheeded) })
      return { medianMs: median(times), bestMs: times.reduce((a, b) => Math.min(a, b)), iterations: times.length }
    },
  }
  for await (const line of createInterface({ input: process.stdin })) {
    const { request, ...ask } = JSON.parse(line) as { request: keyof Requests; work: Work }
    const answer = await (answers[request] as (ask: unknown) => Promise<unknown>)(ask).catch((error: Error) => ({
      cannot: error.message,
    }))
    process.stdout.write(`${JSON.stringify(answer)}\n`)
  }
}

/** Milliseconds of each iteration: so many, and until so much time has passed. */
async function timed(
  { run }: Prepared,
  { iterations, seconds = 0 }: { iterations: number; seconds?: number },
): Promise<number[]> {
  const times: number[] = []
  const end = performance.now() + seconds * 1000
  for (let now = performance.now(); times.length < iterations || now < end; ) {
    await run()
    const after = performance.now()
    times.push(after - now)
    now = after
  }
  return times
}

/** JSON knows no other numbers. */
function finite(values: ArrayLike<number>): number[] {
  const list = Array.from(values)
  if (!list.every(Number.isFinite)) throw new Error('the result is not finite')
  return list
}
