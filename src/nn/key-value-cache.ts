import { ShapeError, ValueError } from '../core/errors.ts'
import { formatShape, sameShape, type Shape } from '../core/shape.ts'
import { type Node, withGrad } from '../graph/node.ts'
import { gather } from '../graph/ops/indexing.ts'
import { buffer, iota } from '../graph/ops/leaves.ts'
import { lessEqual } from '../graph/ops/logic.ts'
import { pad, permute, reshape } from '../graph/ops/views.ts'
import { writeAt } from '../graph/ops/write-at.ts'
import { capturing } from '../runtime/capture.ts'
import { wrap } from '../tensor/base.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { Buffer } from './parameter.ts'

/** All that one attention layer has seen. */
export interface Remembered {
  /** [N, K, capacity, E]: zeros where nothing has been written yet. */
  readonly keys: Tensor
  readonly values: Tensor
  /** bool [1, 1, L, capacity]: what each new position may attend to, itself and all before it. */
  readonly mask: Tensor
}

export interface CacheOptions {
  /** Positions that there is room for at first; the room doubles when it is used up. Default 32. */
  readonly capacity?: number
}

/** [N, K, E, capacity] each: neighbouring positions lie side by side, as one query that looks at all of them reads them. */
interface Layer {
  keys: Buffer
  values: Buffer
}

/** What all layers share while `count` new positions pass through them. */
interface Step {
  readonly count: number
  readonly capacity: number
  /** int32 [count] */
  readonly positions: Node
  /** bool [1, 1, count, capacity] */
  readonly mask: Node
}

/**
 * Keys and values of earlier positions, so that each new token costs one position instead of all of them. A model passes new
 * keys and values through {@link update}, layer by layer, and reads positions from {@link positions}; whoever calls the model
 * says afterwards how many positions were new: {@link advance}. Shapes stay the same until the room doubles: no step between
 * is compiled anew. Gradients do not pass.
 */
export class KeyValueCache {
  readonly #layers: Layer[] = []
  #capacity: number
  #length = 0
  #step: Step | undefined
  /** Changes with the tensors that hold keys and values: a captured step writes to those that it was captured with. */
  #epoch = 0
  #lengthMatters = false

  constructor({ capacity = 32 }: CacheOptions = {}) {
    if (!Number.isInteger(capacity) || capacity < 1) {
      throw new ValueError('KeyValueCache', `capacity must be a whole number ≥ 1, received ${String(capacity)}`)
    }
    this.#capacity = capacity
  }

  /** Number of positions that are remembered. */
  get length(): number {
    if (capturing()) this.#lengthMatters = true
    return this.#length
  }

  /** The next `count` positions, int32 [count]. */
  positions(count: number): Tensor {
    return wrap(this.#next(count).positions)
  }

  /** Adds keys and values [N, K, L, E] of the next L positions to those of layer number `layer`, and gives all of them. */
  update(layer: number, keys: Tensor, values: Tensor): Remembered {
    const count = keys.shape[2]
    if (keys.rank !== 4 || values.rank !== 4 || count === undefined || values.shape[2] !== count) {
      throw new ShapeError(
        'KeyValueCache.update',
        `expects keys and values [N, K, L, E], received ${formatShape(keys.shape)} and ${formatShape(values.shape)}`,
      )
    }
    if (layer > this.#layers.length) {
      throw new ValueError('KeyValueCache.update', `layer ${layer} comes before layer ${this.#layers.length}`)
    }
    return withGrad(false, () => {
      const step = this.#next(count)
      const known = this.#layers[layer]
      if (known) {
        checkSame(known.keys.shape, keys.shape)
        checkSame(known.values.shape, values.shape)
      }
      const own: Layer = {
        keys: written(known?.keys, transposed(keys.node), step),
        values: written(known?.values, transposed(values.node), step),
      }
      if (own.keys !== known?.keys) this.#epoch++
      this.#layers[layer] = own
      return { keys: wrap(transposed(own.keys.node)), values: wrap(transposed(own.values.node)), mask: wrap(step.mask) }
    })
  }

  /** Counts the last `count` positions as seen, once all layers have taken them. */
  advance(count: number): void {
    this.#length += count
    this.#step = undefined
  }

  /**
   * What the next `count` positions depend on, where they can be read as captured with others of the same number and `epoch`:
   * `at` makes them the next ones while capturing. Undefined while there is nothing to write to, no room, or a model that asks for
   * the {@link length}.
   */
  repeatable(
    count: number,
  ): { readonly epoch: number; readonly positions: Tensor; at(positions: Tensor): void } | undefined {
    const capacity = this.#capacity
    if (this.#layers.length === 0 || this.#length + count > capacity || this.#lengthMatters) return undefined
    const at = ({ node }: Tensor): void => {
      this.#step = stepAt(node, capacity)
    }
    return { epoch: this.#epoch, positions: wrap(positionsFrom(this.#length, count)), at }
  }

  /** Takes row index[n] for row n of the batch, as beam search does when it drops hypotheses. index: int32 [N′]. */
  reorder(index: Tensor): void {
    const rows = reshape(index.node, [index.size, 1, 1, 1])
    const picked = (x: Buffer): Buffer => {
      const taken = wrap(gather(x.node, rows, 0, 'KeyValueCache.reorder'))
      if (x.shape[0] !== index.size) return new Buffer(taken)
      x.assign(taken)
      return x
    }
    withGrad(false, () => {
      if (this.#layers.some(({ keys }) => keys.shape[0] !== index.size)) this.#epoch++
      for (const layer of this.#layers) {
        layer.keys = picked(layer.keys)
        layer.values = picked(layer.values)
      }
    })
  }

  /** Forgets everything. */
  clear(): void {
    this.#layers.length = 0
    this.#epoch++
    this.#length = 0
    this.#step = undefined
  }

  /** The step of the next `count` positions; makes room for them. */
  #next(count: number): Step {
    if (this.#step?.count === count) return this.#step
    while (this.#capacity < this.#length + count) this.#capacity *= 2
    this.#step = stepAt(positionsFrom(this.#length, count), this.#capacity)
    return this.#step
  }
}

function positionsFrom(start: number, count: number): Node {
  return buffer(
    Int32Array.from({ length: count }, (_, i) => start + i),
    [count],
    'int32',
  )
}

function stepAt(positions: Node, capacity: number): Step {
  const count = positions.shape[0]!
  const seen = lessEqual(reshape(iota(capacity), [1, capacity]), reshape(positions, [count, 1]))
  return { count, capacity, positions, mask: reshape(seen, [1, 1, count, capacity]) }
}

/** [N, K, L, E] as [N, K, E, L], and the other way round. */
function transposed(x: Node): Node {
  return permute(x, [0, 1, 3, 2])
}

/** `known`: [N, K, E, capacity], `given`: [N, K, L, E]. */
function checkSame([n, k, e, capacity]: Shape, given: Shape): void {
  const held = [n!, k!, capacity!, e!]
  if (sameShape(held.with(2, given[2]!), given)) return
  throw new ShapeError(
    'KeyValueCache.update',
    `the cache holds ${formatShape(held)}, received ${formatShape(given)}; begin with a new cache`,
  )
}

/** A leaf like `known` with room for all positions and `x` [N, K, E, L] written to those of the step. */
function written(known: Buffer | undefined, x: Node, { positions, capacity }: Step): Buffer {
  const nothing = { low: 0, high: 0, inner: 0 }
  const grown = (y: Node): Node => pad(y, [nothing, nothing, nothing, { ...nothing, high: capacity - y.shape[3]! }])
  if (!known) return new Buffer(wrap(grown(x)))
  if (known.shape[3] !== capacity) return new Buffer(wrap(writeAt(grown(known.node), x, positions, 3)))
  known.assign(wrap(writeAt(known.node, x, positions, 3)))
  return known
}
