import { isFloating, type DType } from '../core/dtype.ts'
import { DTypeError, GradError, ShapeError } from '../core/errors.ts'
import { formatShape, sameShape } from '../core/shape.ts'
import { backpropagate } from '../graph/autograd.ts'
import type { GradSlot } from '../graph/node.ts'
import { constant } from '../graph/ops/leaves.ts'
import { cast, detach } from '../graph/ops/logic.ts'
import { add } from '../graph/ops/arithmetic.ts'
import { broadcastTo } from '../graph/ops/views.ts'
import { touchSlot } from '../runtime/capture.ts'
import { assign, rememberLoss } from '../runtime/realize.ts'
import { setConstructor, wrap } from './base.ts'
import { LinearAlgebra } from './methods/linalg.ts'
import { formatTensor } from './print.ts'

export interface BackwardOptions {
  /** Allow another `backward()` through the same graph. Default false. */
  readonly retainGraph?: boolean
  /** Record the gradients so that they can be differentiated again. Default false. */
  readonly createGraph?: boolean
}

/**
 * An n-dimensional array whose value may still have to be computed. Operations record what is to be done and return at once;
 * `await t.data()`, `t.item()` or `t.toArray()` compute. Nothing has to be freed.
 */
export class Tensor extends LinearAlgebra {
  /** Converts to another dtype; returns this tensor when it has it already. */
  to(dtype: DType): Tensor {
    return dtype === this.dtype ? this : wrap(cast(this.node, dtype))
  }

  /** Whether gradients flow to this tensor. */
  get requiresGrad(): boolean {
    return this.node.requiresGrad
  }

  /** A leaf was not computed from tensors that require gradients. */
  get isLeaf(): boolean {
    return !this.node.requiresGrad || this.node.slot !== undefined
  }

  /** Makes this leaf collect gradients (or no longer), and returns it. */
  requireGrad(on = true): this {
    if (!this.isLeaf) {
      throw new GradError('requireGrad', 'only leaves can be changed; use detach() to get a leaf with this value')
    }
    if (on && !isFloating(this.dtype)) {
      throw new DTypeError('requireGrad', `only floating tensors have gradients, this one is ${this.dtype}`)
    }
    this.node.requiresGrad = on
    this.node.cell ??= this
    this.node.readsVariable ||= on
    if (on) this.node.slot ??= { grad: undefined }
    return this
  }

  /** The gradient that `backward()` has accumulated here; undefined before, and after it was cleared. */
  get grad(): Tensor | undefined {
    const { slot } = this.node
    if (!slot) return undefined
    touchSlot(slot)
    return slot.grad && wrap(slot.grad)
  }

  set grad(value: Tensor | undefined) {
    if (value && !sameShape(value.shape, this.shape)) {
      throw new ShapeError(
        'grad',
        `a gradient of shape ${formatShape(value.shape)} does not fit a tensor of shape ${formatShape(this.shape)}`,
      )
    }
    this.node.slot ??= { grad: undefined }
    touchSlot(this.node.slot, true)
    this.node.slot.grad = value?.node
  }

  /** Keeps the gradient of a tensor that is no leaf, too. */
  retainGrad(): this {
    this.node.slot ??= { grad: undefined }
    return this
  }

  /** The same value without its history: gradients stop here. */
  detach(): Tensor {
    return wrap(detach(this.node))
  }

  /**
   * Back-propagation: adds the gradient of this tensor to `grad` of every leaf that requires one.
   * A tensor of more than one element needs the `gradient` that flows into it.
   */
  backward(gradient?: Tensor, { retainGraph = false, createGraph = false }: BackwardOptions = {}): void {
    const { node } = this
    if (!node.requiresGrad) {
      throw new GradError(
        'backward',
        'no gradient flows to this tensor: none of the tensors it was computed from requires one (or it was made inside noGrad)',
      )
    }
    if (!gradient && this.size !== 1) {
      throw new GradError(
        'backward',
        `expects a scalar, received shape ${formatShape(this.shape)}; reduce it with sum() or mean(), or pass the gradient that flows into it`,
      )
    }
    if (gradient && !sameShape(gradient.shape, this.shape)) {
      throw new ShapeError(
        'backward',
        `gradient ${formatShape(gradient.shape)} and tensor ${formatShape(this.shape)} differ`,
      )
    }
    const seed = gradient ? cast(gradient.node, this.dtype) : broadcastTo(constant(1, this.dtype), this.shape)
    const touched = new Set<GradSlot>()
    for (const [source, dy] of backpropagate([node], [seed], createGraph)) {
      if (!source.slot) continue
      touchSlot(source.slot)
      source.slot.grad = source.slot.grad ? add(source.slot.grad, dy) : dy
      touched.add(source.slot)
    }
    if (!retainGraph && !createGraph && !node.slot) node.released = true
    rememberLoss(node, touched)
  }

  /**
   * Gives this leaf a new value, for optimizers and running statistics. Tensors recorded before keep the old value; the new
   * one is computed with the next realisation.
   */
  assign(value: Tensor): this {
    if (!this.isLeaf) throw new GradError('assign', 'only leaves can be assigned; this tensor was computed from others')
    if (!sameShape(value.shape, this.shape)) {
      throw new ShapeError(
        'assign',
        `cannot assign ${formatShape(value.shape)} to a leaf of shape ${formatShape(this.shape)}`,
      )
    }
    assign(this, cast(value.node, this.dtype))
    return this
  }

  /** As PyTorch prints; values are shown when they are known. */
  override toString(): string {
    return formatTensor(this)
  }
}

setConstructor((node) => new Tensor(node))

/** What `console.log` shows in Node. */
Object.defineProperty(Tensor.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Tensor): string {
    return this.toString()
  },
})
