import { ShapeError, ValueError } from '../../core/errors.ts'
import { broadcastShapes, formatShape, normalizeDim } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { contract, matmul } from '../../graph/ops/contract.ts'
import { broadcastTo, reshape } from '../../graph/ops/views.ts'
import { promote, wrap } from '../base.ts'
import { eye } from '../creation.ts'
import type { Tensor } from '../tensor.ts'
import { Sorting } from './sorting.ts'

export interface Scaling {
  /** Factor of this tensor. Default 1. */
  readonly beta?: number
  /** Factor of the product. Default 1. */
  readonly alpha?: number
}

/** Products of vectors and matrices. Operands of different dtypes are promoted. */
export abstract class LinearAlgebra extends Sorting {
  /**
   * Matrix product as `torch.matmul`: vectors count as rows or columns, leading dimensions broadcast.
   * [.., M, K] · [.., K, N] → [.., M, N].
   */
  matmul(other: Tensor): Tensor {
    return wrap(product('matmul', this.self, other))
  }

  /** Matrix product [M, K] · [K, N]. */
  mm(other: Tensor): Tensor {
    return this.ranked('mm', [2], other, 2)
  }

  /** Products of matrices in pairs: [B, M, K] · [B, K, N]. */
  bmm(other: Tensor): Tensor {
    if (other.rank === 3 && this.shape[0] !== other.shape[0]) {
      throw new ShapeError('bmm', `batch sizes differ: ${formatShape(this.shape)} · ${formatShape(other.shape)}`)
    }
    return this.ranked('bmm', [3], other, 3)
  }

  /** Matrix times vector: [M, K] · [K]. */
  mv(other: Tensor): Tensor {
    return this.ranked('mv', [2], other, 1)
  }

  /** Scalar product of two vectors of equal size. */
  dot(other: Tensor): Tensor {
    return this.ranked('dot', [1], other, 1)
  }

  private ranked(op: string, ranks: readonly number[], other: Tensor, otherRank: number): Tensor {
    if (ranks.includes(this.rank) && other.rank === otherRank) return wrap(product(op, this.self, other))
    throw new ShapeError(
      op,
      `expects ${ranks[0]} and ${otherRank} dimensions, received ${formatShape(this.shape)} · ${formatShape(other.shape)}; matmul takes others`,
    )
  }

  /** Sums over the last dimensions of both: [.., K] · [.., K]. A scalar multiplies. */
  inner(other: Tensor): Tensor {
    if (this.rank === 0 || other.rank === 0) return this.mul(other)
    return this.tensordot(other, [[-1], [-1]])
  }

  /** All products of two vectors: [M] · [N] → [M, N]. */
  outer(other: Tensor): Tensor {
    if (this.rank !== 1 || other.rank !== 1) {
      throw new ShapeError(
        'outer',
        `expects two vectors, received ${formatShape(this.shape)} and ${formatShape(other.shape)}`,
      )
    }
    return this.unsqueeze(1).mul(other)
  }

  /** Sums over the last `dims` dimensions of this tensor and the first of `other`, or over the pairs listed for both. */
  tensordot(other: Tensor, dims: number | readonly [readonly number[], readonly number[]] = 2): Tensor {
    const [mine, theirs] =
      typeof dims === 'number'
        ? [Array.from({ length: dims }, (_, i) => this.rank - dims + i), Array.from({ length: dims }, (_, i) => i)]
        : dims
    if (mine.length !== theirs.length) {
      throw new ValueError(
        'tensordot',
        `expects dims in pairs, received ${formatShape(mine)} and ${formatShape(theirs)}`,
      )
    }
    const [a, b] = promote(this.self, other) as [Node, Node]
    const own = mine.map((dim) => normalizeDim('tensordot', dim, this.rank))
    const others = theirs.map((dim) => normalizeDim('tensordot', dim, other.rank))
    return wrap(contract(a, b, { batch: [[], []], reduce: [own, others] }))
  }

  /** β · this + α · a · b with a [M, K], b [K, N]; this tensor broadcasts. */
  addmm(a: Tensor, b: Tensor, scaling: Scaling = {}): Tensor {
    return scaled(this.self, a.mm(b), scaling)
  }

  /** β · this + α · a · v with a [M, K], v [K]. */
  addmv(a: Tensor, v: Tensor, scaling: Scaling = {}): Tensor {
    return scaled(this.self, a.mv(v), scaling)
  }

  /** β · this + α · u · vᵀ with u [M], v [N]. */
  addr(u: Tensor, v: Tensor, scaling: Scaling = {}): Tensor {
    return scaled(this.self, u.outer(v), scaling)
  }

  /** β · this + α · Σᵢ aᵢ · bᵢ with a [B, M, K], b [B, K, N]. */
  addbmm(a: Tensor, b: Tensor, scaling: Scaling = {}): Tensor {
    return scaled(this.self, a.bmm(b).sum(0), scaling)
  }

  /** β · this + α · aᵢ · bᵢ for each i, with a [B, M, K], b [B, K, N]. */
  baddbmm(a: Tensor, b: Tensor, scaling: Scaling = {}): Tensor {
    return scaled(this.self, a.bmm(b), scaling)
  }

  /** Kronecker product: each element of this tensor times the whole of `other`. Missing leading dimensions count as 1. */
  kron(other: Tensor): Tensor {
    const rank = Math.max(this.rank, other.rank)
    const [x, y] = [this.self, other].map((t) => [...new Array<number>(rank - t.rank).fill(1), ...t.shape])
    const blocks = this.reshape(x!.flatMap((n) => [n, 1])).mul(other.reshape(y!.flatMap((n) => [1, n])))
    return blocks.reshape(x!.map((n, d) => n * y![d]!))
  }

  /** Vector product along `dim`, which has size 3 in both; the other dimensions broadcast. */
  cross(other: Tensor, dim = -1): Tensor {
    const shape = broadcastShapes('cross', this.shape, other.shape)
    const d = normalizeDim('cross', dim, shape.length)
    if (this.rank !== other.rank || this.shape[d] !== 3 || other.shape[d] !== 3) {
      throw new ShapeError(
        'cross',
        `expects size 3 along dim ${dim} and equal ranks, received ${formatShape(this.shape)} and ${formatShape(other.shape)}`,
      )
    }
    const turned = (x: Tensor, by: number): Tensor => x.roll(by, d)
    return turned(this.self, -1)
      .mul(turned(other, -2))
      .sub(turned(this.self, -2).mul(turned(other, -1)))
  }

  /** Sum of the main diagonal of a matrix. */
  trace(): Tensor {
    if (this.rank !== 2) throw new ShapeError('trace', `expects a matrix, received ${formatShape(this.shape)}`)
    return this.diagonal().sum()
  }

  /** The matrix (or each of a batch) times itself `n` ≥ 0 times; n = 0 gives the identity. By repeated squaring. */
  matrixPower(n: number): Tensor {
    const side = this.shape.at(-1)
    if (this.rank < 2 || this.shape.at(-2) !== side) {
      throw new ShapeError('matrixPower', `expects square matrices, received ${formatShape(this.shape)}`)
    }
    if (!Number.isInteger(n) || n < 0) {
      throw new ValueError('matrixPower', `expects a whole number ≥ 0, received ${n}; inverses are not computed`)
    }
    if (n === 0) return eye(side!, side, { dtype: this.dtype }).expand(this.shape)
    const half = n > 1 ? this.matrixPower(Math.floor(n / 2)) : undefined
    const even = half?.matmul(half)
    if (!even) return this.self
    return n % 2 === 0 ? even : even.matmul(this.self)
  }
}

function scaled(x: Tensor, product: Tensor, { beta = 1, alpha = 1 }: Scaling): Tensor {
  const added = alpha === 1 ? product : product.mul(alpha)
  if (beta === 0) return added
  return (beta === 1 ? x : x.mul(beta)).expand(product.shape).add(added)
}

function product(op: string, left: Tensor, right: Tensor): Node {
  const [a, b] = promote(left, right) as [Node, Node]
  if (a.shape.length === 0 || b.shape.length === 0) {
    throw new ShapeError(
      op,
      `expects at least one dimension each, received ${formatShape(a.shape)} · ${formatShape(b.shape)}`,
    )
  }
  const x = a.shape.length === 1 ? reshape(a, [1, a.shape[0]!]) : a
  const y = b.shape.length === 1 ? reshape(b, [b.shape[0]!, 1]) : b
  const [k, other] = [x.shape.at(-1)!, y.shape.at(-2)!]
  if (k !== other) {
    throw new ShapeError(
      op,
      `inner dimensions differ: ${formatShape(a.shape)} · ${formatShape(b.shape)}: ${k} ≠ ${other}`,
    )
  }
  const batch = broadcastShapes(op, x.shape.slice(0, -2), y.shape.slice(0, -2))
  const rows = a.shape.length === 1 ? [] : [x.shape.at(-2)!]
  const columns = b.shape.length === 1 ? [] : [y.shape.at(-1)!]
  const raw =
    y.shape.length === 2
      ? contract(x, y, { batch: [[], []], reduce: [[x.shape.length - 1], [0]] })
      : matmul(broadcastTo(x, [...batch, ...x.shape.slice(-2)]), broadcastTo(y, [...batch, ...y.shape.slice(-2)]))
  return reshape(raw, [...batch, ...rows, ...columns])
}
