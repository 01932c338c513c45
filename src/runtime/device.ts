import { nativeTarget } from '#native'
import type { TypedArray } from '../core/dtype.ts'
import { ValueError } from '../core/errors.ts'
import { evaluationOrder, interpret } from '../graph/interpret.ts'
import { giveUp, type Node } from '../graph/node.ts'
import { changeStructure } from './capture.ts'

/** Something that can compute graphs. */
export interface Target {
  readonly name: string
  /** What computes, in a few words: `AVX-512 machine code on 2 threads`. */
  readonly description: string
  /**
   * Values of `roots`, in their order. Throws, and changes nothing, when the data does not allow an operation. Values of `spare`
   * that this run does not read are given up before it begins; their memory may be used for results that no tensor holds.
   */
  run(roots: readonly Node[], spare?: readonly Node[]): TypedArray[]
  /** As {@link run}, but beside the program where it takes so long that it should not be kept waiting. */
  launch?(roots: readonly Node[], spare: readonly Node[]): TypedArray[] | Landing
  /** Sets the number of threads of later runs. Targets of one thread have none to set. */
  setThreads?(threads: number): void
  /** Makes ready to compute `roots` several times, from other leaves and numbers each time. Not every target can. */
  prepare?(roots: readonly Node[]): Prepared
}

/** A run beside the program. Whoever began it keeps what it reads unchanged, and begins no other, until it is over. */
export interface Landing {
  /** Values of the roots. Waits for them; throws what the run throws. */
  values(): TypedArray[]
  /** Resolves when the run is over, whether it has failed or not. */
  readonly done: Promise<unknown>
}

/** A computation that can be repeated. */
export interface Prepared {
  /** The realised nodes that it reads, and the nodes of its run-time numbers. */
  readonly leaves: readonly Node[]
  readonly scalars: readonly Node[]
  /** Whether a run takes so long that the program should not be kept waiting. */
  readonly isLong: boolean
  /**
   * Values of the roots, from values for `leaves` and `scalars`. As {@link Target.run}, but the values of `spare`, which are not
   * among `leaves`, are given up in any case. A leaf whose position is among `yielded` may be changed: it is the value of a root then.
   */
  run(
    leaves: readonly TypedArray[],
    numbers: readonly number[],
    spare: readonly Node[],
    yielded?: ReadonlySet<number>,
  ): TypedArray[]
}

/** Why a target cannot run here. */
export interface Unavailable {
  readonly reason: string
  /** What the user could do about it. */
  readonly remedy?: string
}

const reference: Target = {
  name: 'reference',
  description: 'the interpreter',
  run(roots, spare = []) {
    const read = new Set(evaluationOrder(roots).flatMap(({ inputs }) => inputs))
    for (const node of spare) if (!read.has(node)) giveUp(node)
    return interpret(roots)
  },
}

const targets = new Map<string, Target>([[reference.name, reference]])

/** The target that computes, and how it came to be. */
interface Choice {
  readonly target: Target
  readonly reason: string
}

let choice: Choice | undefined

/** What {@link setThreads} was asked for. */
let threads: number | undefined

/** Most threads that a target is asked for. */
const mostThreads = 255

/** Makes a target available under its name. */
export function registerTarget(target: Target): void {
  targets.set(target.name, target)
  if (threads !== undefined) target.setThreads?.(threads)
}

/** The environment of Node; absent in browsers. */
function environment(name: string): string | undefined {
  return (globalThis as { process?: { env?: Record<string, string | undefined> } }).process?.env?.[name]
}

/** The target that computes: the one that `setDevice` or `GRADUS_DEVICE` named, else machine code where it can run. */
export function device(): Target {
  choice ??= choose(environment('GRADUS_DEVICE'))
  return choice.target
}

/** One line about the device: what it is and why it was chosen. */
export function describeDevice(): string {
  const { name, description } = device()
  return `${name}: ${description} (${choice!.reason})`
}

/** Computes on the target `reference` or `native` from now on. Throws a {@link ValueError} where it cannot run. */
export function setDevice(name: string): void {
  choice = { target: named('setDevice', name), reason: 'set by setDevice' }
  changeStructure()
}

function choose(wanted: string | undefined): Choice {
  if (wanted) return { target: named('GRADUS_DEVICE', wanted), reason: `GRADUS_DEVICE=${wanted}` }
  const native = machineCode()
  if (!('reason' in native)) return { target: native, reason: 'the fastest that runs here' }
  const { reason, remedy } = native
  // biome-ignore lint/suspicious/noConsole: nobody would look for the reason in an error that is not thrown.
  if (remedy) console.warn(`gradus: computing with the interpreter, which is slow: ${reason}; ${remedy}`)
  return { target: reference, reason: `no machine code: ${reason}` }
}

function named(op: string, name: string): Target {
  const known = targets.get(name)
  if (known) return known
  if (name !== 'native') throw new ValueError(op, `no device '${name}' here; available: reference, native`)
  const native = machineCode()
  if (!('reason' in native)) return native
  const { reason, remedy } = native
  throw new ValueError(op, `machine code cannot run here: ${reason}${remedy ? `; ${remedy}` : ''}`)
}

function machineCode(): Target | Unavailable {
  const known = targets.get('native')
  if (known) return known
  const native = nativeTarget()
  if (!('reason' in native)) registerTarget(native)
  return native
}

/**
 * Computes with so many threads from now on, the calling one included, on whatever device can. Default: the physical cores that this
 * process may use. Results do not depend on it, not by a bit. Throws a {@link ValueError} unless 1 ≤ threads ≤ 255.
 */
export function setThreads(count: number): void {
  if (!Number.isInteger(count) || count < 1 || count > mostThreads) {
    throw new ValueError('setThreads', `expects a whole number from 1 to ${mostThreads}, received ${count}`)
  }
  threads = count
  for (const target of targets.values()) target.setThreads?.(count)
  changeStructure()
}
