import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Peer } from './peers.ts'
import type { Cannot, Measured } from './results.ts'
import { CannotError, type Round, Side } from './side.ts'
import { disagreement } from './statistics.ts'
import type { Workload } from './work/work.ts'

export interface MeasureOptions {
  readonly threads: number
  readonly rounds: number
  /** Duration of one side's part of a round. */
  readonly seconds: number
  readonly peers: readonly Peer[]
  /** Told what happens. */
  readonly progress: (text: string) => void
  /** Told what each side runs on. */
  readonly meet: (version: string) => void
}

/** Results of two sides may differ by so much, relatively. */
const tolerance = 1e-3
/** Threads of the side that has just finished go on spinning for a while. */
const pauseMs = 30

const startGradus = (): Side =>
  new Side(process.execPath, [fileURLToPath(new URL('./gradus-side.js', import.meta.url))])

/** A side that is ready, and the rounds it has done. */
interface Runner {
  readonly side: Side
  readonly rounds: Round[]
}

/**
 * Times a workload: every side in a fresh process, from the same inputs, checked against each other after the same number of
 * iterations, then in turns.
 */
export async function measure(
  { name, work }: Workload,
  { threads, rounds, seconds, peers, progress, meet }: MeasureOptions,
): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), 'gradus-bench-'))
  const sides: Side[] = []
  const start = async (make: () => Side): Promise<{ side: Side; evidence: number[]; firstMs: number }> => {
    const side = make()
    sides.push(side)
    meet((await side.ask('prepare', { work, inputs, threads })).version)
    return { side, ...(await side.ask('check', { iterations: checkAfter })) }
  }
  const inputs = join(folder, 'inputs.safetensors')
  let checkAfter = 0
  let flops: number | null = null
  const failed: Record<string, Cannot> = {}
  try {
    progress('making weights and data')
    const writer = startGradus()
    ;({ flops, checkAfter } = await writer.ask('write', { work, file: inputs }))
    writer.end()
    progress('first iterations')
    const own = await start(startGradus)
    const runners = new Map<string, Runner>([['gradus', { side: own.side, rounds: [] }]])
    for (const peer of peers) {
      progress(`first iterations of ${peer.name}`)
      try {
        const { side, evidence } = await start(peer.start)
        const apart = disagreement(own.evidence, evidence)
        if (apart > tolerance) throw new CannotError(differ(own.evidence, evidence, apart, checkAfter))
        runners.set(peer.name, { side, rounds: [] })
      } catch (error) {
        failed[peer.name] = reasonOf(error)
      }
    }
    for (let round = 0; round < rounds; round++) {
      progress(`round ${round + 1} of ${rounds}`)
      // Each side begins as often as the others.
      const order = [...runners.keys()]
      for (let i = 0; i < order.length; i++) {
        const runner = runners.get(order[(i + round) % order.length]!)!
        await setTimeout(pauseMs)
        runner.rounds.push(await runner.side.ask('round', { seconds }))
      }
    }
    const done = Object.fromEntries([...runners].map(([name, { rounds }]) => [name, rounds]))
    const { gradus, ...others } = done
    return { name, threads, firstMs: own.firstMs, flops, own: gradus!, peers: { ...others, ...failed } }
  } catch (error) {
    return { name, threads, firstMs: Number.NaN, flops, own: reasonOf(error), peers: {} }
  } finally {
    for (const side of sides) side.end()
    await rm(folder, { recursive: true })
  }
}

function reasonOf(error: unknown): Cannot {
  if (error instanceof Error) return { cannot: error.message.split('\n')[0]! }
  throw error
}

function differ(own: readonly number[], other: readonly number[], apart: number, iterations: number): string {
  const values =
    own.length === 1 && other.length === 1 ? `${own[0]} here, ${other[0]} there` : `relative difference ${apart}`
  return `results differ after ${iterations} iterations: ${values}`
}
