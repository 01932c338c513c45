import { nativeTarget } from '#native'
import type { TypedArray } from '../core/dtype.ts'
import { ValueError } from '../core/errors.ts'
import { evaluationOrder, interpret } from '../graph/interpret.ts'
import { giveUp, type Node } from '../graph/node.ts'

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

/** Makes a target available under its name. */
export function registerTarget(target: Target): void {
  targets.set(target.name, target)
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
