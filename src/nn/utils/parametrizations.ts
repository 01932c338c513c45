import { ValueError } from '../../core/errors.ts'
import { withGrad } from '../../graph/node.ts'
import { randn } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { ModuleDict } from '../containers.ts'
import { normalize } from '../functional/normalization.ts'
import { ConvTranspose1d, ConvTranspose2d, ConvTranspose3d } from '../layers/conv-transpose.ts'
import { type Member, Module } from '../module.ts'
import { Buffer, Parameter } from '../parameter.ts'
import { computeProperty, ownParameter, storeProperty } from './computed-property.ts'

/*
 * A parametrized weight is computed from other parameters whenever the module reads it. What it is computed from is found
 * under `parametrizations.weight` in the state dict, with PyTorch's names.
 */

/** The originals of one parametrized property, and the module that computes it from them. */
class ParametrizationList extends Module {
  readonly #originals: ReadonlyMap<string, Parameter>
  readonly #compute: Module & { forward(...originals: Tensor[]): Tensor }

  constructor(originals: readonly Tensor[], compute: Module & { forward(...originals: Tensor[]): Tensor }) {
    super()
    const name = (i: number): string => (originals.length === 1 ? 'original' : `original${i}`)
    this.#originals = new Map(originals.map((data, i) => [name(i), new Parameter(data)]))
    this.#compute = compute
  }

  forward(): Tensor {
    return this.#compute.forward(...this.#originals.values())
  }

  protected override members(): (readonly [string, Member])[] {
    return [...this.#originals, ['0', this.#compute]]
  }
}

type Parametrized = Module & { parametrizations?: ModuleDict<Record<string, ParametrizationList>> }

function parametrize(module: Parametrized, name: string, list: ParametrizationList): void {
  module.parametrizations ??= new ModuleDict<Record<string, ParametrizationList>>({})
  module.parametrizations.set(name, list)
  list.train(module.training)
  computeProperty(module, name, () => list.forward())
}

/** Makes a parametrized property an ordinary parameter with its present value. */
export function removeParametrizations(module: Module, name = 'weight'): void {
  const { parametrizations } = module as Parametrized
  if (!parametrizations?.has(name)) {
    throw new ValueError('removeParametrizations', `'${name}' of this ${module.constructor.name} is not parametrized`)
  }
  const list = parametrizations.get(name)
  storeProperty(module, name, new Parameter(withGrad(false, () => list.eval().forward())))
  parametrizations.delete(name)
  if (parametrizations.size === 0) delete (module as Parametrized).parametrizations
}

export interface WeightNormOptions {
  /** Which parameter. Default `'weight'`. */
  readonly name?: string
  /** Each slice along this dimension has a length of its own; null: one length for the whole. Default 0. */
  readonly dim?: number | null
}

/** The norm of each slice along `dim`, other dimensions kept as size 1. */
function lengths(v: Tensor, dim: number | null): Tensor {
  if (dim === null) return v.norm()
  const others = [...v.shape.keys()].filter((d) => d !== (dim < 0 ? dim + v.rank : dim))
  return v.norm(2, others, { keepdim: true })
}

class WeightNorm extends Module {
  readonly dim: number | null

  constructor(dim: number | null) {
    super()
    this.dim = dim
  }

  forward(g: Tensor, v: Tensor): Tensor {
    return v.mul(g.div(lengths(v, this.dim)))
  }
}

/**
 * Weight normalisation (Salimans & Kingma 2016): w = g · v / ‖v‖, length and direction learned apart. Starts where the
 * weight is; returns the module.
 */
export function weightNorm<M extends Module>(module: M, { name = 'weight', dim = 0 }: WeightNormOptions = {}): M {
  const weight = ownParameter('weightNorm', module, name)
  const length = withGrad(false, () => lengths(weight, dim))
  parametrize(module, name, new ParametrizationList([length, weight.detach()], new WeightNorm(dim)))
  return module
}

export interface SpectralNormOptions {
  /** Which parameter. Default `'weight'`. */
  readonly name?: string
  /** Power iterations at every use in training. Default 1. */
  readonly nPowerIterations?: number
  /** Smallest length to divide by. Default 1e-12. */
  readonly eps?: number
  /** Which dimension are the rows of the matrix. Default 1 for transposed convolutions, else 0. */
  readonly dim?: number
}

class SpectralNorm extends Module {
  readonly nPowerIterations: number
  readonly eps: number
  readonly dim: number
  readonly u: Buffer | undefined
  readonly v: Buffer | undefined

  constructor(weight: Tensor, { nPowerIterations, eps, dim }: Required<Omit<SpectralNormOptions, 'name'>>) {
    super()
    this.nPowerIterations = nPowerIterations
    this.eps = eps
    this.dim = dim
    if (weight.rank < 2) return
    const matrix = this.matrix(weight.detach())
    const [rows, columns] = matrix.shape as readonly [number, number]
    const start = (n: number): Tensor => this.unit(randn([n], { dtype: weight.dtype }))
    const [u, v] = this.iterated(matrix, start(rows), start(columns), 15)
    this.u = new Buffer(u)
    this.v = new Buffer(v)
  }

  protected override stateName(property: string): string {
    return `_${property}`
  }

  forward(weight: Tensor): Tensor {
    if (!this.u || !this.v) return normalize(weight, { dim: 0, eps: this.eps })
    const matrix = this.matrix(weight)
    if (this.training) {
      const [u, v] = withGrad(false, () => this.iterated(matrix.detach(), this.u!, this.v!, this.nPowerIterations))
      this.u.assign(u)
      this.v.assign(v)
    }
    return weight.div(matrix.mv(this.v).dot(this.u))
  }

  private unit(x: Tensor): Tensor {
    return normalize(x, { dim: 0, eps: this.eps })
  }

  private matrix(weight: Tensor): Tensor {
    const others = [...weight.shape.keys()].filter((d) => d !== this.dim)
    return weight.permute(this.dim, ...others).reshape(weight.shape[this.dim]!, -1)
  }

  /** Towards the singular vectors of the largest singular value. */
  private iterated(matrix: Tensor, u: Tensor, v: Tensor, times: number): [Tensor, Tensor] {
    const transposed = matrix.transpose(0, 1)
    let [left, right] = [u, v]
    for (let i = 0; i < times; i++) {
      left = this.unit(matrix.mv(right))
      right = this.unit(transposed.mv(left))
    }
    return [left, right]
  }
}

/**
 * Spectral normalisation (Miyato et al. 2018): the weight divided by its largest singular value, which power iteration
 * follows from use to use in training. Returns the module.
 */
export function spectralNorm<M extends Module>(
  module: M,
  { name = 'weight', nPowerIterations = 1, eps = 1e-12, dim = defaultDim(module) }: SpectralNormOptions = {},
): M {
  if (!Number.isInteger(nPowerIterations) || nPowerIterations < 1) {
    throw new ValueError('spectralNorm', `nPowerIterations must be a whole number ≥ 1, received ${nPowerIterations}`)
  }
  const weight = ownParameter('spectralNorm', module, name)
  const compute = new SpectralNorm(weight, { nPowerIterations, eps, dim })
  parametrize(module, name, new ParametrizationList([weight.detach()], compute))
  return module
}

function defaultDim(module: Module): number {
  return module instanceof ConvTranspose1d || module instanceof ConvTranspose2d || module instanceof ConvTranspose3d
    ? 1
    : 0
}
