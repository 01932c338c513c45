import { allocate, bytesPerElement, type TypedArray } from '../../core/dtype.ts'
import { FileError } from '../../core/errors.ts'
import { formatShape, type Shape, sizeOf } from '../../core/shape.ts'
import { buffer } from '../../graph/ops/leaves.ts'
import { Tensor } from '../../tensor/tensor.ts'
import type { Allowance } from '../allowance.ts'
import { dtypeOf, type ElementType, storedBytes } from '../elements.ts'
import { gather, isContiguous } from '../strided.ts'
import { isStorage, isStoredTensor, type Storage, type StoredTensor } from './names.ts'
import { isMade, type PickleKey, type PickleValue } from './pickle.ts'

/**
 * What a file of PyTorch holds: dicts are Maps, lists and tuples arrays. Names of dtypes and devices are texts such as
 * `torch.float32`.
 */
export type PyTorchValue =
  | Tensor
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly PyTorchValue[]
  | ReadonlyMap<PickleKey, PyTorchValue>
  | ReadonlySet<PyTorchValue>

/** The elements of a storage, read as one type, in an array that nobody else keeps. */
export type ReadStorage = (storage: Storage, type: ElementType) => TypedArray

/** Deeper than this no checkpoint nests. */
const maxDepth = 100

/**
 * Turns stored tensors into tensors with elements of their own. What is shared in the pickle is shared here; what contains
 * itself is refused.
 */
export class Materializer {
  private readonly file: string
  private readonly read: ReadStorage
  private readonly allowance: Allowance
  private readonly done = new Map<object, PyTorchValue>()
  /** The containers around the current one. */
  private readonly around = new Set<object>()
  private readonly storages = new Map<string, TypedArray>()
  /** Storages that a tensor has taken over whole. */
  private readonly taken = new Set<TypedArray>()

  constructor(file: string, read: ReadStorage, allowance: Allowance) {
    this.file = file
    this.read = read
    this.allowance = allowance
  }

  convert(value: PickleValue): PyTorchValue {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value
    const known = this.done.get(value)
    if (known !== undefined) return known
    if (this.around.has(value)) throw this.fail('a container contains itself')
    if (this.around.size > maxDepth) throw this.fail(`containers are nested more than ${maxDepth} deep`)
    this.around.add(value)
    const made = this.make(value)
    this.around.delete(value)
    this.done.set(value, made)
    return made
  }

  private make(value: Exclude<PickleValue, null | boolean | number | bigint | string | Uint8Array>): PyTorchValue {
    if (Array.isArray(value)) return value.map((item) => this.convert(item))
    if (value instanceof Set) return new Set([...value].map((item) => this.convert(item)))
    if (value instanceof Map) return new Map([...value].map(([key, item]) => [key, this.convert(item)]))
    if (isStoredTensor(value)) return this.tensor(value)
    if (isStorage(value)) {
      const { type = 'uint8', offset, count } = value
      return this.tensor({ kind: 'a tensor', storage: value, type, offset, shape: [count], strides: [1] })
    }
    if (isMade(value) && !value.call && !value.setState) return value.kind
    throw this.fail(`it holds ${value.kind} itself, which is no value`)
  }

  private tensor({ storage, type, offset, shape, strides }: StoredTensor): Tensor {
    const count = storage.type ? storage.offset + storage.count : Math.floor(storage.count / storedBytes(type))
    const size = sizeOf(shape)
    const end = size === 0 ? offset : shape.reduce((at, extent, d) => at + (extent - 1) * strides[d]!, offset + 1)
    if (!Number.isSafeInteger(size) || !(end <= count)) {
      throw this.fail(`a tensor of shape ${formatShape(shape)} reaches to element ${end} of a storage of ${count}`)
    }
    return new Tensor(buffer(this.elements(storage, type, offset, shape, strides), shape, dtypeOf(type)))
  }

  private elements(
    storage: Storage,
    type: ElementType,
    offset: number,
    shape: Shape,
    strides: readonly number[],
  ): TypedArray {
    const key = `${type} ${storage.key}`
    const all = this.storages.get(key) ?? this.read(storage, type)
    this.storages.set(key, all)
    const size = sizeOf(shape)
    const contiguous = isContiguous(shape, strides)
    // The first tensor that is all of a storage takes it over; others get copies.
    if (contiguous && size === all.length && !this.taken.has(all)) {
      this.taken.add(all)
      return all
    }
    this.allowance.take(size * bytesPerElement(dtypeOf(type)), `a tensor of shape ${formatShape(shape)}`)
    return contiguous
      ? all.slice(offset, offset + size)
      : gather(all, allocate(dtypeOf(type), size), offset, shape, strides)
  }

  private fail(problem: string): FileError {
    return new FileError('pytorch', `${this.file}: ${problem}`)
  }
}
