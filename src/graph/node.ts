import type { DType, TypedArray, Values } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'

/** Settings of an op that are part of a computation's structure: dims, strides, kinds. Never values that change per step. */
export type Attrs = object

export interface TensorType {
  readonly shape: Shape
  readonly dtype: DType
}

/**
 * Groups of ops that later stages treat alike. `leaf` has no computation, `view` only moves elements, `elementwise` maps
 * broadcast inputs to one output, `composite` is defined by its decomposition.
 */
export type OpKind = 'leaf' | 'view' | 'elementwise' | 'reduce' | 'contract' | 'indexing' | 'composite'

/**
 * One entry of the op table: everything Gradus knows about an operation, in one place.
 * Methods receive the node itself, whose `inputs`, `attrs`, `shape` and `dtype` they read.
 */
export interface Op<A extends Attrs = Attrs> {
  readonly name: string
  readonly kind: OpKind
  /** Shape and dtype rule; throws a typed error when the inputs do not fit. Runs while recording. */
  infer(inputs: readonly Node[], attrs: A): TensorType
  /** Reference evaluation in plain loops. May return an input's array (arrays are never changed in place). */
  evaluate?(node: Node<A>, inputs: readonly Values[]): Values
  /** The derivative: from `dy` (shaped like the node) to the cotangent of input `i`; undefined where there is none. */
  derivative?(node: Node<A>, dy: Node, i: number): Node | undefined
  /**
   * The same value written with other ops; the meaning of a composite, and what its derivative follows when it names none.
   */
  decompose?(inputs: readonly Node[], attrs: A, node: Node<A>): Node
  /**
   * For an op that has an evaluation and a decomposition: whether this node stays one, since what it would be
   * written out to is too large. Compiled targets write out the others.
   */
  staysWhole?(node: Node<A>): boolean
}

/** Where `backward()` leaves the gradient of a leaf; shared by all versions of that leaf. */
export interface GradSlot {
  grad: Node | undefined
  /** The gradient that was computed last, until another takes its place. */
  computed?: Node | undefined
}

/** Holder of a leaf's current version. */
export interface Cell {
  node: Node
}

let nextId = 0

/**
 * One recorded operation. Nodes are made by {@link record} only and are immutable but for the fields of realisation. Fields are
 * declared here and set once, by the constructor: a training step makes hundreds of nodes.
 */
export class Node<A extends Attrs = Attrs> {
  declare readonly id: number
  declare readonly op: Op<A>
  /** Emptied when the node has a value and its history is no longer needed. */
  declare inputs: readonly Node[]
  declare readonly attrs: A
  declare readonly shape: Shape
  declare readonly dtype: DType
  declare requiresGrad: boolean
  /** Whether the node reads an assignable leaf, directly or not: such tensors are realised before the leaf moves on. */
  declare readsVariable: boolean
  /** How many recorded nodes take this one as an input. */
  declare uses: number
  /** The result, once realised. */
  declare value: TypedArray | undefined
  /** Cached decomposition. */
  declare expansion: Node | undefined
  declare slot: GradSlot | undefined
  /** Set when `backward()` has released the history. */
  declare released: boolean
  /** The number that the last walk which numbers nodes gave this one. */
  declare mark: number
  /** How many hold this node, and may ask for its value at any time: tensors that were made of it, and whoever called {@link hold}. */
  declare held: number
  /** Whether no other node has the array of its value. */
  declare ownsValue: boolean
  /** Of a leaf: what it is, or was, the version of. */
  declare cell: Cell | undefined
  /** The version of an assigned leaf before this one, as long as its value is kept. */
  declare previous: Node | undefined
  /** Set when the value was given up: see {@link giveUp}. */
  declare stale: boolean

  constructor(op: Op<A>, inputs: readonly Node[], attrs: A, type: TensorType, requiresGrad: boolean) {
    let reads = false
    for (const input of inputs) {
      input.uses++
      reads ||= input.readsVariable
    }
    this.id = nextId++
    this.op = op
    this.inputs = inputs
    this.attrs = attrs
    this.shape = type.shape
    this.dtype = type.dtype
    this.requiresGrad = requiresGrad
    this.readsVariable = reads
    this.uses = 0
    this.value = undefined
    this.expansion = undefined
    this.slot = undefined
    this.released = false
    this.mark = 0
    this.held = 0
    this.ownsValue = false
    this.cell = undefined
    this.previous = undefined
    this.stale = false
  }
}

let gradEnabled = true

export function isGradEnabled(): boolean {
  return gradEnabled
}

/** Runs `fn` while recording with (or without) gradients. */
export function withGrad<T>(enabled: boolean, fn: () => T): T {
  const before = gradEnabled
  gradEnabled = enabled
  try {
    return fn()
  } finally {
    gradEnabled = before
  }
}

/** Takes the place of {@link record}. */
export type Recorder = (op: Op, inputs: readonly Node[], attrs: Attrs) => Node

let recorder: Recorder | undefined

/** Runs `fn` with another recorder (undefined: the usual one). */
export function withRecorder<T>(other: Recorder | undefined, fn: () => T): T {
  const before = recorder
  recorder = other
  try {
    return fn()
  } finally {
    recorder = before
  }
}

/** Records one operation: checks shapes and dtypes, computes nothing. */
export function record<A extends Attrs>(op: Op<A>, inputs: readonly Node[], attrs: A): Node<A> {
  if (recorder) return recorder(op as Op, inputs, attrs) as Node<A>
  const type = op.infer(inputs, attrs)
  let requiresGrad = false
  if (gradEnabled) for (const input of inputs) requiresGrad ||= input.requiresGrad
  return new Node(op, inputs, attrs, type, requiresGrad && (type.dtype.startsWith('f') || type.dtype === 'bfloat16'))
}

/** The decomposition of a composite, made once and shared by evaluation and derivative. */
export function expand(node: Node): Node {
  if (node.expansion) return node.expansion
  const { op } = node
  if (!op.decompose) throw new Error(`op ${op.name} has no decomposition`)
  const expansion = withGrad(node.requiresGrad, () => op.decompose!(node.inputs, node.attrs, node))
  node.expansion = expansion
  return expansion
}

/** Keeps the value of a leaf's version when the leaf moves on, for whoever comes back to it. */
export function hold(node: Node): Node {
  node.held++
  return node
}

/** Takes the value from a node that no tensor holds and that will not be computed again, and returns it. */
export function giveUp(node: Node): TypedArray | undefined {
  const { value } = node
  node.value = undefined
  node.stale = true
  return value
}

export const noAttrs: Attrs = Object.freeze({})
