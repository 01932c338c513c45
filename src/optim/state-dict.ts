import { StateDictError } from '../core/errors.ts'
import { formatShape, sameShape } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { cast } from '../graph/ops/logic.ts'
import { assign, realizeNodes } from '../runtime/realize.ts'
import { wrap } from '../tensor/base.ts'
import { tensor } from '../tensor/creation.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { GroupOptions, ParamGroup } from './optimizer.ts'
import { type ParameterState, stateLike, type StateValue } from './state.ts'

/** A saved value; PyTorch's dictionaries may hold null where there is nothing. */
export type SavedValue = Tensor | number | null | readonly (Tensor | number)[]

/** What `torch.optim.Optimizer.state_dict()` gives, key by key. */
export interface OptimizerStateDict {
  /** By number of the parameter: what the algorithm remembers about it. */
  readonly state: Readonly<Record<number, Readonly<Record<string, SavedValue>>>>
  /** Options of each group, and the numbers of its parameters. */
  readonly param_groups: readonly SavedGroup[]
}

export type SavedGroup = Readonly<Record<string, unknown>> & { readonly params: readonly number[] }

/* Options and state have camelCase names here and PyTorch's snake_case ones in a dictionary. */
const toSnake = (name: string): string => name.replace(/(?<!^)[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
const toCamel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

/** Options by their saved names; parameters by number, counted through all groups. */
export function packGroups(groups: readonly ParamGroup<GroupOptions>[]): SavedGroup[] {
  let count = 0
  return groups.map(({ params, ...options }) => ({
    ...Object.fromEntries(Object.entries(options).map(([name, value]) => [toSnake(name), structuredClone(value)])),
    params: params.map(() => count++),
  }))
}

/** State by number of the parameter; parameters about which nothing is remembered are left out. */
export function packState(
  parameters: readonly Tensor[],
  state: ReadonlyMap<Tensor, ParameterState>,
): Record<number, Record<string, SavedValue>> {
  const packed: Record<number, Record<string, SavedValue>> = {}
  for (const [i, parameter] of parameters.entries()) {
    const entries = Object.entries(state.get(parameter) ?? {}).filter(([, value]) => value !== undefined)
    if (entries.length === 0) continue
    packed[i] = Object.fromEntries(entries.map(([name, value]) => [toSnake(name), pack(value as StateValue)]))
  }
  return packed
}

/** A leaf's present version, which keeps its value when the leaf moves on; numbers keep all their bits. */
function pack(value: StateValue): SavedValue {
  if (typeof value === 'number') return tensor(value, { dtype: 'float64' })
  if (value instanceof Tensor) return wrap(value.node)
  return value.map((item) => pack(item) as Tensor)
}

/** Present groups with the options of saved ones. Options that are unknown here (`foreach`, `fused` ...) are passed over. */
export function unpackGroups<O extends GroupOptions>(
  op: string,
  { param_groups: saved }: OptimizerStateDict,
  present: readonly ParamGroup<O>[],
): ParamGroup<O>[] {
  if (saved.length !== present.length) {
    throw new StateDictError(op, `expects ${present.length} parameter groups, the state dict has ${saved.length}`)
  }
  return present.map((group, i) => {
    const { params, ...options } = saved[i]!
    if (params.length !== group.params.length) {
      throw new StateDictError(
        op,
        `group ${i} has ${group.params.length} parameters, in the state dict it has ${params.length}`,
      )
    }
    const known = Object.entries(options)
      .map(([name, value]) => [toCamel(name), value] as const)
      .filter(([name]) => name in group || name === 'initialLr')
    return { ...group, ...structuredClone(Object.fromEntries(known)) }
  })
}

/** The saved state of every parameter, as leaves of its own. `complete` tells what the algorithm needs. */
export function unpackState<O extends GroupOptions>(
  op: string,
  { state, param_groups: saved }: OptimizerStateDict,
  groups: readonly ParamGroup<O>[],
  complete: (known: ParameterState, parameter: Node, group: ParamGroup<O>) => ParameterState,
): Map<Tensor, ParameterState> {
  const unpacked = new Map<Tensor, ParameterState>()
  for (const [i, group] of groups.entries()) {
    for (const [j, parameter] of group.params.entries()) {
      const number = saved[i]!.params[j]!
      const wanted = complete({}, parameter.node, group)
      const known: ParameterState = {}
      for (const [name, value] of Object.entries(state[number] ?? {})) {
        if (value === null) continue
        const like = wanted[toCamel(name)]
        if (like === undefined) throw mismatch(op, number, `unexpected entry '${name}'`, wanted)
        known[toCamel(name)] = unpack(value, like, (shapes) => mismatch(op, number, `'${name}' ${shapes}`, wanted))
      }
      const missing = Object.keys(wanted).filter((name) => wanted[name] instanceof Tensor && !known[name])
      if (missing.length > 0 && Object.keys(known).length > 0) {
        throw mismatch(op, number, `missing entry '${toSnake(missing[0]!)}'`, wanted)
      }
      unpacked.set(parameter, complete(known, parameter.node, group))
    }
  }
  realizeNodes()
  return unpacked
}

function mismatch(op: string, number: number, what: string, wanted: ParameterState): StateDictError {
  const names = Object.keys(wanted).map(toSnake).join(', ') || 'nothing'
  return new StateDictError(op, `state of parameter ${number}: ${what}; expected are ${names}`)
}

function unpack(value: SavedValue, like: StateValue, error: (what: string) => StateDictError): StateValue {
  if (typeof like === 'number') {
    if (typeof value === 'number') return value
    if (value instanceof Tensor && value.size === 1) return value.itemSync()
    throw error('should be a number')
  }
  if (like instanceof Tensor) {
    if (value instanceof Tensor && sameShape(value.shape, like.shape)) return leafWith(value, like)
    throw error(
      `should have shape ${formatShape(like.shape)}, received ${value instanceof Tensor ? formatShape(value.shape) : typeof value}`,
    )
  }
  if (!Array.isArray(value)) throw error('should be a list')
  const items = value as readonly (Tensor | number)[]
  if (items.every((item) => typeof item === 'number' || item.rank === 0)) {
    return items.map((item) => (typeof item === 'number' ? item : item.itemSync()))
  }
  return items.map((item) => leafWith(item as Tensor, item as Tensor))
}

function leafWith(value: Tensor, like: Tensor): Tensor {
  const leaf = stateLike(like.node)
  assign(leaf, cast(value.node, like.dtype))
  return leaf
}
