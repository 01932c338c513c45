import { GradusError, IndexError, ValueError } from '../core/errors.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { type Layer, type Member, Module } from './module.ts'
import { Parameter } from './parameter.ts'

/**
 * Modules one after the other: the output of each is the input of the next.
 *
 * ```ts
 * new nn.Sequential(new nn.Linear(784, 128), new nn.ReLU(), new nn.Linear(128, 10))
 * new nn.Sequential({ hidden: new nn.Linear(784, 128), act: new nn.ReLU(), out: new nn.Linear(128, 10) })
 * ```
 *
 * Names in paths are positions, or the keys of the record.
 */
export class Sequential extends Module {
  readonly #layers = new Map<string, Layer>()

  constructor(...layers: readonly Layer[] | readonly [readonly Layer[]] | readonly [Readonly<Record<string, Layer>>]) {
    super()
    const [first] = layers
    const named = first instanceof Module ? layers : (first ?? [])
    for (const [name, layer] of Object.entries(named)) this.#layers.set(name, checkedLayer(name, layer))
  }

  forward(x: Tensor): Tensor {
    let y = x
    for (const layer of this.#layers.values()) y = layer.forward(y)
    return y
  }

  protected override members(): (readonly [string, Member])[] {
    return [...super.members(), ...this.#layers]
  }

  /** Number of layers. */
  get length(): number {
    return this.#layers.size
  }

  /** The layer at a position (negative ones count from the end) or of a name. */
  at(key: number | string): Layer {
    if (typeof key === 'string') return entryOf('Sequential', this.#layers, key)
    return elementAt('Sequential', [...this.#layers.values()], key)
  }

  /** Adds a layer at the end, under the next position's name. */
  append(layer: Layer): this {
    const name = String(this.#layers.size)
    this.#layers.set(name, checkedLayer(name, layer))
    return this
  }

  /** A new sequence of the layers from `start` to before `end`; the layers are shared. */
  slice(start?: number, end?: number): Sequential {
    return new Sequential([...this.#layers.values()].slice(start, end))
  }

  [Symbol.iterator](): Iterator<Layer> {
    return this.#layers.values()
  }
}

function checkedLayer(name: string, layer: Layer): Layer {
  if (layer instanceof Module) return layer
  throw new ValueError('Sequential', `layer '${name}' must be a module, received ${typeof layer}`)
}

/** Modules in a list, for loops in `forward`. Plain arrays in a property work as well; a list can be a module on its own. */
export class ModuleList<M extends Module = Module> extends Module {
  readonly #modules: M[]

  constructor(modules: Iterable<M> = []) {
    super()
    this.#modules = [...modules]
  }

  /** A list has no forward of its own: call its modules. */
  forward(): never {
    throw noForward('ModuleList')
  }

  protected override members(): (readonly [string, Member])[] {
    return [...super.members(), ...numbered(this.#modules)]
  }

  get length(): number {
    return this.#modules.length
  }

  /** The module at a position; negative ones count from the end. */
  at(index: number): M {
    return elementAt('ModuleList', this.#modules, index)
  }

  append(...modules: readonly M[]): this {
    this.#modules.push(...modules)
    return this
  }

  insert(index: number, module: M): this {
    this.#modules.splice(index, 0, module)
    return this
  }

  [Symbol.iterator](): Iterator<M> {
    return this.#modules.values()
  }
}

/** Modules by name. */
export class ModuleDict<M extends Record<string, Module> = Record<string, Module>> extends Module {
  readonly #modules: Map<string, Module>

  constructor(modules: M) {
    super()
    this.#modules = new Map(Object.entries(modules))
  }

  /** A dict has no forward of its own: call its modules. */
  forward(): never {
    throw noForward('ModuleDict')
  }

  protected override members(): (readonly [string, Member])[] {
    return [...super.members(), ...this.#modules]
  }

  get size(): number {
    return this.#modules.size
  }

  get<K extends keyof M & string>(name: K): M[K] {
    return entryOf('ModuleDict', this.#modules, name) as M[K]
  }

  has(name: string): boolean {
    return this.#modules.has(name)
  }

  set<K extends keyof M & string>(name: K, module: M[K]): this {
    this.#modules.set(name, module)
    return this
  }

  delete(name: string): boolean {
    return this.#modules.delete(name)
  }

  keys(): IterableIterator<keyof M & string> {
    return this.#modules.keys() as IterableIterator<keyof M & string>
  }

  [Symbol.iterator](): Iterator<[string, Module]> {
    return this.#modules.entries()
  }
}

/** Parameters in a list. Plain tensors become parameters. */
export class ParameterList extends Module {
  readonly #parameters: Parameter[]

  constructor(parameters: Iterable<Tensor> = []) {
    super()
    this.#parameters = [...parameters].map(asParameter)
  }

  /** A list has no forward of its own: use its parameters. */
  forward(): never {
    throw noForward('ParameterList')
  }

  protected override members(): (readonly [string, Member])[] {
    return [...super.members(), ...numbered(this.#parameters)]
  }

  get length(): number {
    return this.#parameters.length
  }

  /** The parameter at a position; negative ones count from the end. */
  at(index: number): Parameter {
    return elementAt('ParameterList', this.#parameters, index)
  }

  append(...parameters: readonly Tensor[]): this {
    this.#parameters.push(...parameters.map(asParameter))
    return this
  }

  [Symbol.iterator](): Iterator<Parameter> {
    return this.#parameters.values()
  }
}

/** Parameters by name. Plain tensors become parameters. */
export class ParameterDict<Name extends string = string> extends Module {
  readonly #parameters: Map<string, Parameter>

  constructor(parameters: Readonly<Record<Name, Tensor>>) {
    super()
    this.#parameters = new Map(Object.entries<Tensor>(parameters).map(([name, data]) => [name, asParameter(data)]))
  }

  /** A dict has no forward of its own: use its parameters. */
  forward(): never {
    throw noForward('ParameterDict')
  }

  protected override members(): (readonly [string, Member])[] {
    return [...super.members(), ...this.#parameters]
  }

  get size(): number {
    return this.#parameters.size
  }

  get(name: Name): Parameter {
    return entryOf('ParameterDict', this.#parameters, name)
  }

  has(name: string): boolean {
    return this.#parameters.has(name)
  }

  set(name: Name, data: Tensor): this {
    this.#parameters.set(name, asParameter(data))
    return this
  }

  delete(name: string): boolean {
    return this.#parameters.delete(name)
  }

  keys(): IterableIterator<Name> {
    return this.#parameters.keys() as IterableIterator<Name>
  }

  [Symbol.iterator](): Iterator<[string, Parameter]> {
    return this.#parameters.entries()
  }
}

const numbered = (list: readonly Member[]): [string, Member][] => list.map((member, i) => [String(i), member])

const asParameter = (data: Tensor): Parameter => (data instanceof Parameter ? data : new Parameter(data))

function noForward(name: string): GradusError {
  return new GradusError(
    name,
    'has no forward of its own; call its elements in the forward of the module that holds it',
  )
}

function elementAt<T>(owner: string, elements: readonly T[], index: number): T {
  const found = elements.at(index)
  if (found !== undefined) return found
  throw new IndexError(owner, `position ${index} is out of range for ${elements.length} elements`)
}

function entryOf<T>(owner: string, values: ReadonlyMap<string, T>, name: string): T {
  const found = values.get(name)
  if (found !== undefined) return found
  throw new ValueError(owner, `nothing is called '${name}'; there are ${[...values.keys()].join(', ') || 'no entries'}`)
}
