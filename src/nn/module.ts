import { type DType, isFloating } from '../core/dtype.ts'
import { DTypeError, ValueError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { changeStructure } from '../runtime/capture.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { addHook, addPreHook, type ForwardHook, type ForwardPreHook, type HookHandle } from './hooks.ts'
import { Buffer, type BufferOptions, convertLeaf, Parameter } from './parameter.ts'
import { closestName, type LoadOptions, type LoadReport, loadInto, type StateDict } from './state-dict.ts'
import { type Summary, summarize } from './summary.ts'

/** What a module is made of. */
export type Member = Parameter | Buffer | Module

export interface WalkOptions {
  /** Name something that is reached by several paths only once. Default true. */
  readonly removeDuplicate?: boolean
}

export interface RecurseOptions extends WalkOptions {
  /** Look into the modules below as well. Default true. */
  readonly recurse?: boolean
}

/** A module from one tensor to one tensor: what {@link Sequential} chains. */
export type Layer = Forward<[x: Tensor], Tensor>

/** A module with this signature. */
export type Forward<Inputs extends readonly unknown[], Output> = Module & { forward(...inputs: Inputs): Output }

/**
 * Base class of layers and models. A subclass keeps its parameters, buffers and submodules in properties (or in arrays in
 * properties), and computes in `forward`, whose own signature is the type of the model:
 *
 * ```ts
 * class Classifier extends nn.Module {
 *   hidden = new nn.Linear(784, 128)
 *   output = new nn.Linear(128, 10)
 *   forward(x: Tensor): Tensor {
 *     return this.output.forward(F.relu(this.hidden.forward(x)))
 *   }
 * }
 * ```
 *
 * Everything is found by walking the public and `private` properties in the order of their definition (`#names` are out of
 * reach of that walk). A path such as `hidden.weight` names what is found there, in the state dict too.
 */
export abstract class Module {
  /** Whether dropout, batch normalisation and their like behave as in training. Changed by {@link train} and {@link eval}. */
  training = true

  /** From inputs to outputs. Calling it directly is how a module is used, hooks included. */
  abstract forward(...inputs: never[]): unknown

  /** How a property is called in paths and state dicts: as it is. Layers of the library answer with PyTorch's name. */
  protected stateName(property: string): string {
    return property
  }

  /** Parameters, buffers and submodules of this module itself, by name, in the order of their definition. */
  protected members(): (readonly [string, Member])[] {
    const found: [string, Member][] = []
    for (const property of Object.keys(this)) {
      const value: unknown = this[property as keyof this]
      if (typeof value === 'object' && value !== null) addMembers(found, this.stateName(property), value)
    }
    return found
  }

  /** Submodules of this module itself, by name. */
  namedChildren(): [string, Module][] {
    return pick(this.members(), (member) => member instanceof Module)
  }

  /** Submodules of this module itself. */
  children(): Module[] {
    return this.namedChildren().map(([, child]) => child)
  }

  /** Visits this module (under the path '') and all below it with their members, each before those it contains. */
  private walk(
    removeDuplicate: boolean,
    visit: (path: string, module: Module, members: readonly (readonly [string, Member])[]) => void,
  ): void {
    const seen = new Set<Module>()
    const enter = (path: string, module: Module): void => {
      if (seen.has(module)) return
      seen.add(module)
      const members = module.members()
      visit(path, module, members)
      for (const [name, member] of members) if (member instanceof Module) enter(joined(path, name), member)
      // A module that contains itself is visited once; one that is merely used twice, as often as it is used.
      if (!removeDuplicate) seen.delete(module)
    }
    enter('', this)
  }

  /** This module (under the name '') and all below it, by path, each before those it contains. */
  namedModules({ removeDuplicate = true }: WalkOptions = {}): [string, Module][] {
    const found: [string, Module][] = []
    this.walk(removeDuplicate, (path, module) => found.push([path, module]))
    return found
  }

  /** This module and all below it. */
  modules(): Module[] {
    return this.namedModules().map(([, module]) => module)
  }

  /** All parameters by path. A parameter that is used in several places (tied weights) is named once. */
  namedParameters(options: RecurseOptions = {}): [string, Parameter][] {
    return this.collect((member) => member instanceof Parameter, options)
  }

  /** All parameters, tied ones once. */
  parameters(options: RecurseOptions = {}): Parameter[] {
    return this.namedParameters(options).map(([, parameter]) => parameter)
  }

  /** All buffers by path. */
  namedBuffers(options: RecurseOptions = {}): [string, Buffer][] {
    return this.collect((member) => member instanceof Buffer, options)
  }

  /** All buffers. */
  buffers(options: RecurseOptions = {}): Buffer[] {
    return this.namedBuffers(options).map(([, buffer]) => buffer)
  }

  private collect<T extends Parameter | Buffer>(
    wanted: (member: Member) => member is T,
    { recurse = true, removeDuplicate = true }: RecurseOptions,
  ): [string, T][] {
    const found: [string, T][] = []
    const seen = new Set<T>()
    const add = (path: string, members: readonly (readonly [string, Member])[]): void => {
      for (const [name, member] of members) {
        if (!wanted(member) || (removeDuplicate && seen.has(member))) continue
        seen.add(member)
        found.push([joined(path, name), member])
      }
    }
    if (recurse) this.walk(removeDuplicate, (path, _module, members) => add(path, members))
    else add('', this.members())
    return found
  }

  /** The module at `path`, such as `features.0`. Throws a {@link ValueError} with the closest path where there is none. */
  getSubmodule(path: string): Module {
    return lookUp('getSubmodule', path, this.namedModules({ removeDuplicate: false }))
  }

  /** The parameter at `path`, such as `features.0.weight`. */
  getParameter(path: string): Parameter {
    return lookUp('getParameter', path, this.namedParameters({ removeDuplicate: false }))
  }

  /** The buffer at `path`, such as `norm.running_mean`. */
  getBuffer(path: string): Buffer {
    return lookUp('getBuffer', path, this.namedBuffers({ removeDuplicate: false }))
  }

  /** Makes the property `name` a parameter, for names that are only known at run time; `this.x = new Parameter(t)` does the same. */
  registerParameter(name: string, data: Tensor): Parameter {
    const parameter = data instanceof Parameter ? data : new Parameter(data)
    this.define(name, parameter)
    return parameter
  }

  /** Makes the property `name` a buffer with the value of `data`; `this.x = new Buffer(t)` does the same. */
  registerBuffer(name: string, data: Tensor, options: BufferOptions = {}): Buffer {
    const buffer = data instanceof Buffer ? data : new Buffer(data, options)
    this.define(name, buffer)
    return buffer
  }

  /** Makes the property `name` a submodule; `this.x = module` does the same. */
  registerModule<M extends Module>(name: string, module: M): M {
    this.define(name, module)
    return module
  }

  private define(name: string, member: Member): void {
    if (name === '' || name.includes('.')) {
      throw new ValueError('register', `a name is not empty and has no dot, received '${name}'`)
    }
    if (name in Module.prototype || name === 'forward' || name === 'training') {
      throw new ValueError('register', `'${name}' has a meaning in Module; take another name`)
    }
    Object.assign(this, { [name]: member })
  }

  /**
   * All parameters and persistent buffers by path, detached, with their present values: later training does not change
   * them. Names and order are PyTorch's.
   */
  stateDict(): StateDict {
    return Object.fromEntries([...this.state()].map(([name, leaf]) => [name, leaf.detach()]))
  }

  private state(): Map<string, Parameter | Buffer> {
    const state = new Map<string, Parameter | Buffer>()
    this.walk(false, (path, _module, members) => {
      const parameters = pick(members, (member) => member instanceof Parameter)
      const buffers = pick(members, (member) => member instanceof Buffer).filter(([, buffer]) => buffer.persistent)
      for (const [name, leaf] of [...parameters, ...buffers]) state.set(joined(path, name), leaf)
    })
    return state
  }

  /**
   * Takes over the values of a state dict. Throws a {@link StateDictError} that names every missing, unexpected and
   * misshaped entry, and then loads nothing; `{ strict: false }` accepts missing and unexpected ones and returns them.
   */
  loadStateDict(
    source: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>,
    options: LoadOptions = {},
  ): LoadReport {
    return loadInto(this.constructor.name, this.state(), source, options)
  }

  /** Switches this module and all below it to training behaviour (or, with false, to evaluation). */
  train(on = true): this {
    for (const module of this.modules()) {
      if (module.training !== on) changeStructure()
      module.training = on
    }
    return this
  }

  /** Switches this module and all below it to evaluation behaviour: no dropout, running statistics in use. */
  eval(): this {
    return this.train(false)
  }

  /** Makes all parameters collect gradients, or none. */
  requireGrad(on = true): this {
    for (const parameter of this.parameters()) parameter.requireGrad(on)
    return this
  }

  /**
   * Stops training parameters: all, those at or below a path (`features`, `layer1.0.weight`), or those whose path a
   * regular expression matches. Throws a {@link ValueError} when the pattern fits none.
   */
  freeze(pattern?: string | RegExp): this {
    for (const parameter of this.matching('freeze', pattern)) parameter.requireGrad(false)
    return this
  }

  /** Trains parameters again; the opposite of {@link freeze}. */
  unfreeze(pattern?: string | RegExp): this {
    for (const parameter of this.matching('unfreeze', pattern)) parameter.requireGrad(true)
    return this
  }

  private matching(op: string, pattern: string | RegExp | undefined): Parameter[] {
    if (pattern === undefined) return this.parameters()
    const named = this.namedParameters({ removeDuplicate: false })
    const fits = (name: string): boolean =>
      typeof pattern === 'string' ? name === pattern || name.startsWith(`${pattern}.`) : name.search(pattern) >= 0
    const found = named.filter(([name]) => fits(name))
    if (found.length > 0) return found.map(([, parameter]) => parameter)
    const paths = [...this.namedModules().map(([path]) => path), ...named.map(([name]) => name)]
    throw new ValueError(op, `no parameter of ${this.constructor.name} fits ${quote(pattern)}${hint(pattern, paths)}`)
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = undefined
  }

  /** Converts all floating parameters and buffers (integers stay). `dtype` must be floating. */
  to(dtype: DType): this {
    if (!isFloating(dtype)) throw new DTypeError('Module.to', `expects a floating dtype, received ${dtype}`)
    for (const leaf of [...this.parameters(), ...this.buffers()]) {
      if (isFloating(leaf.dtype)) convertLeaf(leaf, dtype)
    }
    return this
  }

  /** Calls `fn` for every module below this one, then for this one. */
  apply(fn: (module: Module) => void): this {
    const visit = (module: Module): void => {
      for (const child of module.children()) visit(child)
      fn(module)
    }
    visit(this)
    return this
  }

  /** Calls `hook(module, inputs, output)` after every `forward`; what it returns, if anything, replaces the output. */
  registerForwardHook<Inputs extends readonly unknown[], Output>(
    this: Forward<Inputs, Output>,
    hook: ForwardHook<NoInfer<Inputs>, NoInfer<Output>>,
  ): HookHandle {
    return addHook(this, hook as unknown as ForwardHook<readonly unknown[], unknown>)
  }

  /** Calls `hook(module, inputs)` before every `forward`; an array that it returns replaces the inputs. */
  registerForwardPreHook<Inputs extends readonly unknown[]>(
    this: Forward<Inputs, unknown>,
    hook: ForwardPreHook<NoInfer<Inputs>>,
  ): HookHandle {
    return addPreHook(this, hook as unknown as ForwardPreHook<readonly unknown[]>)
  }

  /**
   * A table of layers, output shapes and parameter counts for inputs of the given shapes (with their batch dimension) or
   * for given tensors. Nothing is computed. `console.log(model.summary([1, 1, 28, 28]))`
   */
  summary(...inputs: readonly (Shape | Tensor)[]): Summary {
    return summarize(this, inputs)
  }

  /** The settings that {@link toString} shows between parentheses. */
  extraRepr(): string {
    return ''
  }

  /** The module and what it contains, nested as PyTorch prints it. */
  toString(): string {
    const children = this.namedChildren().map(([name, child]) => `  (${name}): ${indent(child.toString())}`)
    const extra = this.extraRepr()
    if (children.length === 0) return `${this.constructor.name}(${extra})`
    return [`${this.constructor.name}(`, ...(extra ? [`  ${extra}`] : []), ...children, ')'].join('\n')
  }
}

/** What `console.log` shows in Node. */
Object.defineProperty(Module.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Module): string {
    return this.toString()
  },
})

function addMembers(found: [string, Member][], name: string, value: unknown): void {
  if (value instanceof Module || value instanceof Parameter || value instanceof Buffer) found.push([name, value])
  else if (Array.isArray(value)) for (const [i, item] of value.entries()) addMembers(found, `${name}.${i}`, item)
}

function pick<T extends Member>(
  members: readonly (readonly [string, Member])[],
  wanted: (member: Member) => member is T,
): [string, T][] {
  const found: [string, T][] = []
  for (const [name, member] of members) if (wanted(member)) found.push([name, member])
  return found
}

const joined = (path: string, name: string): string => (path ? `${path}.${name}` : name)

function lookUp<T>(op: string, path: string, named: readonly [string, T][]): T {
  const found = named.find(([name]) => name === path)
  if (found) return found[1]
  const names = named.map(([name]) => name)
  throw new ValueError(op, `nothing is called '${path}'${hint(path, names)}`)
}

function hint(pattern: string | RegExp, names: readonly string[]): string {
  const close = typeof pattern === 'string' ? closestName(pattern, names) : undefined
  if (close !== undefined && close !== '') return `; did you mean '${close}'?`
  const shown = names.filter((name) => name !== '').slice(0, 8)
  return `; there are ${shown.join(', ')}${names.length > 9 ? ' ...' : ''}`
}

const quote = (pattern: string | RegExp): string => (typeof pattern === 'string' ? `'${pattern}'` : String(pattern))

const indent = (text: string): string => text.replaceAll('\n', '\n  ')
