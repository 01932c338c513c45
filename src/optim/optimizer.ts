import { GradError, ValueError } from '../core/errors.ts'
import type { Node } from '../graph/node.ts'
import { constant } from '../graph/ops/leaves.ts'
import { broadcastTo } from '../graph/ops/views.ts'
import { changeStructure, touchSlot } from '../runtime/capture.ts'
import { realizeNodes } from '../runtime/realize.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { ParameterState } from './state.ts'
import { type OptimizerStateDict, packGroups, packState, unpackGroups, unpackState } from './state-dict.ts'

/** What every parameter group has, whichever the algorithm. */
export interface GroupOptions {
  /** Learning rate; schedules change it. */
  lr: number
}

/** Parameters that share options. Changing an option changes the next step. */
export type ParamGroup<O> = O & {
  readonly params: readonly Tensor[]
  /** The learning rate that schedules start from; set by the first schedule. */
  initialLr?: number
}

/** A group as it is given: what is left out comes from the optimizer's own options. */
export type ParamGroupInit<O> = Partial<O> & { readonly params: Iterable<Tensor> }

/** What an optimizer is made from: tensors (as `model.parameters()` gives them), or groups of them. */
export type Params<O> = Iterable<Tensor> | Iterable<ParamGroupInit<O>>

/** A function that clears the gradients, computes the loss, calls `backward()` and returns the loss. */
export type Closure = () => Tensor

/**
 * Base class of all optimizers: parameter groups, their state, and how both are saved.
 *
 * `O` are the options of the algorithm, with every default filled in.
 */
export abstract class Optimizer<O extends GroupOptions = GroupOptions> {
  /** Options for groups that name none of their own. */
  readonly defaults: Readonly<O>
  readonly paramGroups: ParamGroup<O>[] = []
  /** What is remembered about each parameter. */
  readonly state: Map<Tensor, ParameterState> = new Map()

  constructor(params: Params<O>, defaults: O) {
    this.defaults = defaults
    const given: (Tensor | ParamGroupInit<O>)[] = [...params]
    if (given.length === 0) throw new ValueError(this.name, 'received no parameters; pass model.parameters()')
    const grouped = given.some((item) => !(item instanceof Tensor) && typeof item === 'object' && 'params' in item)
    if (grouped) for (const group of given) this.addParamGroup(group as ParamGroupInit<O>)
    else this.addParamGroup({ params: given } as unknown as ParamGroupInit<O>)
  }

  /**
   * Updates the parameters from their gradients; those that have none are left alone. The work is submitted at once.
   * With a `closure` the loss that it returns is returned.
   */
  abstract step(closure?: Closure): Tensor | undefined | Promise<Tensor>

  /** Throws a {@link ValueError} when an option is outside its domain. */
  protected abstract check(options: O): void

  /**
   * The state of `parameter` under `options`: what is `known`, completed by initial values. State exists from construction
   * on, so that the first step has the same structure as all others.
   */
  protected abstract complete(known: ParameterState, parameter: Node, options: O): ParameterState

  /** Adds parameters with options of their own, for instance when layers are unfrozen during training. */
  addParamGroup({ params, ...options }: ParamGroupInit<O>): void {
    const tensors = [...params]
    const group = { ...this.defaults, ...options, params: tensors } as unknown as ParamGroup<O>
    this.check(group)
    const known = new Set(this.paramGroups.flatMap((other) => other.params))
    for (const tensor of tensors) {
      this.checkParameter(tensor)
      if (known.has(tensor)) throw new ValueError(this.name, 'a parameter appears twice; pass each of them once')
      known.add(tensor)
    }
    realizeNodes(tensors.map((tensor) => tensor.node))
    for (const tensor of tensors) this.state.set(tensor, this.complete({}, tensor.node, group))
    this.paramGroups.push(group)
    changeStructure()
  }

  /**
   * Forgets the gradients of all parameters, or sets them to zero.
   *
   * @param options.setToNone default true; with false, parameters without a gradient in the next step are updated, too
   */
  zeroGrad({ setToNone = true }: { setToNone?: boolean } = {}): void {
    for (const { params } of this.paramGroups) {
      for (const { node } of params) {
        if (!node.slot) continue
        touchSlot(node.slot, setToNone)
        if (node.slot.grad) node.slot.grad = setToNone ? undefined : broadcastTo(constant(0, node.dtype), node.shape)
      }
    }
  }

  /**
   * Everything needed to go on later, as PyTorch lays it out and names it: parameters are numbered through all groups,
   * numbers are tensors without dimensions. The tensors keep their values when training goes on.
   */
  stateDict(): OptimizerStateDict {
    return { state: packState(this.parameters(), this.state), param_groups: packGroups(this.paramGroups) }
  }

  /**
   * Takes over what {@link stateDict} gave, from here or from PyTorch. Nothing is changed unless everything fits.
   * Throws a `StateDictError` that names groups, entries or shapes that do not.
   */
  loadStateDict(dict: OptimizerStateDict): void {
    const groups = unpackGroups(this.name, dict, this.paramGroups)
    for (const group of groups) this.check(group)
    const states = unpackState(this.name, dict, groups, (known, parameter, group) =>
      this.complete(known, parameter, group),
    )
    for (const [i, present] of this.paramGroups.entries()) Object.assign(present, groups[i])
    for (const [parameter, state] of states) this.state.set(parameter, state)
    changeStructure()
  }

  /** All parameters, in the order of the groups. */
  protected parameters(): Tensor[] {
    return this.paramGroups.flatMap(({ params }) => params)
  }

  /** The class's name, for errors. */
  protected get name(): string {
    return this.constructor.name
  }

  private checkParameter(tensor: unknown): void {
    if (!(tensor instanceof Tensor)) {
      throw new ValueError(this.name, `expects tensors or groups { params: tensors, ... }, received ${typeof tensor}`)
    }
    if (!tensor.isLeaf) {
      throw new GradError(
        this.name,
        'only leaves can be optimised, a parameter was computed from others; use detach().requireGrad()',
      )
    }
  }
}
