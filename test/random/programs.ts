import { GradusError } from '../../src/core/errors.ts'
import type { DType } from '../../src/core/dtype.ts'
import { interpret } from '../../src/graph/interpret.ts'
import type { Node } from '../../src/graph/node.ts'
import { concat, F, gradients, type Tensor, tensor, where } from '../../src/index.ts'

/*
 * Random programs of the public API. A number makes one operation; any list of numbers is a program, so that a failing one
 * shrinks to few operations.
 */

/** A tensor of a program, and what may be asked of it. */
export interface Grown {
  readonly x: Tensor
  /** Every element is a small dyadic number, the same on every device: comparisons have one answer. */
  readonly exact: boolean
  /** How far devices may differ, of the largest element. */
  readonly tolerance: number
}

/** Picks that follow from one number. */
class Picks {
  private state: number

  constructor(seed: number) {
    this.state = (seed ^ 0x9e3779b9) >>> 0
  }

  /** A whole number below n. */
  below(n: number): number {
    this.state = (Math.imul(this.state, 1664525) + 1013904223) >>> 0
    return Math.floor((this.state / 2 ** 32) * n)
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T
  }

  flip(): boolean {
    return this.below(2) === 1
  }
}

const extents = [1, 2, 3, 3, 5, 8, 17, 33, 65]
const most = 3000
const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1)

class Program {
  readonly pool: Grown[] = []
  readonly leaves: Tensor[] = []

  /** Multiples of 1/8 from −2 to 2: sums and products of a few stay exact. */
  leaf(shape: readonly number[], pick: Picks, dtype: DType = 'float32'): Tensor {
    const values = Array.from({ length: sizeOf(shape) }, () => (pick.below(33) - 16) / 8)
    const x = tensor(values, { shape: [...shape], dtype: dtype.startsWith('float') ? 'float32' : dtype })
    if (!dtype.startsWith('float')) return x
    const leaf = x.requireGrad()
    this.leaves.push(leaf)
    return leaf
  }

  indices(shape: readonly number[], bound: number, pick: Picks): Tensor {
    return tensor(
      Array.from({ length: sizeOf(shape) }, () => pick.below(bound)),
      { shape: [...shape], dtype: 'int32' },
    )
  }
}

type Growth = (from: Grown, pick: Picks, program: Program) => Partial<Grown> | undefined

const isFloat = ({ x }: Grown): boolean => x.dtype === 'float32'

const smooth: Growth = ({ x }, pick) => {
  const kind = pick.of(['tanh', 'sigmoid', 'sin', 'gelu', 'silu', 'softplus', 'root', 'exp', 'cos'] as const)
  if (kind === 'root') return { x: x.square().add(1).sqrt() }
  if (kind === 'exp') return { x: x.tanh().exp() }
  if (kind === 'sin' || kind === 'cos') return { x: x[kind]() }
  return { x: F[kind](x) }
}

/** Kinks: the derivative there is the same on every device only if the value is. */
const kinked: Growth = ({ x, exact }, pick) => {
  if (!exact) return undefined
  const kind = pick.below(6)
  if (kind === 0) return { x: F.relu(x), exact }
  if (kind === 1) return { x: x.abs(), exact }
  if (kind === 2) return { x: x.clamp(-0.5, 0.75), exact }
  if (kind === 3) return { x: where(x.gt(0.25), x, x.mul(0.5)) }
  if (kind === 4) return { x: x.to('int32').add(3).to('float32'), exact }
  return { x: F.hardTanh(x).add(x.gt(0).to('float32')), exact }
}

const binary: Growth = (a, pick, program) => {
  const b = pick.of(program.pool)
  if (!isFloat(b) || a.x.size * b.x.size > 40 * most) return undefined
  const tolerance = Math.max(a.tolerance, b.tolerance)
  const kind = pick.below(4)
  const x =
    kind === 0 ? a.x.add(b.x) : kind === 1 ? a.x.sub(b.x) : kind === 2 ? a.x.mul(b.x) : a.x.div(b.x.square().add(1))
  return { x, tolerance }
}

const view: Growth = ({ x, exact }, pick) => {
  const { rank, shape } = x
  const dim = pick.below(Math.max(1, rank))
  const n = shape[dim] ?? 1
  switch (pick.below(9)) {
    case 0:
      return { x: x.permute(shape.map((_, d) => (d + 1) % rank)), exact }
    case 1:
      return { x: x.transpose(dim, rank - 1), exact }
    case 2:
      return rank > 1 ? { x: x.flatten(0, 1), exact } : { x: x.unsqueeze(dim), exact }
    case 3:
      return { x: x.flip(dim), exact }
    case 4:
      return { x: x.narrow(dim, pick.below(n), 1 + pick.below(Math.max(1, n - 1))), exact }
    case 5:
      return { x: x.at(...shape.map((_, d) => (d === dim ? (`::${1 + pick.below(3)}` as const) : ':'))), exact }
    case 6:
      return { x: x.pad([pick.below(3), pick.below(3)]), exact }
    case 7:
      return x.size > most / 3 ? undefined : { x: x.unsqueeze(0).expand([2, ...shape]), exact }
    default:
      return { x: x.unfold(dim, Math.min(n, 2), 1 + pick.below(2)), exact }
  }
}

const joined: Growth = ({ x, exact, tolerance }, pick, program) => {
  const dim = pick.below(Math.max(1, x.rank))
  const mate = program.pool.find((other) => other.x !== x && isFloat(other) && other.x.shape.join() === x.shape.join())
  const other = mate ?? { x: x.mul(-0.5), exact, tolerance }
  return {
    x: concat([x, other.x], dim),
    exact: exact && other.exact,
    tolerance: Math.max(tolerance, other.tolerance),
  }
}

const reduction: Growth = ({ x, exact }, pick) => {
  const dims = x.shape.flatMap((_, d) => (pick.flip() ? [d] : []))
  const keepdim = pick.flip()
  const kind = pick.below(6)
  if (kind < 2) return { x: x.sum(dims, { keepdim }).div(Math.max(1, Math.sqrt(x.size))) }
  if (kind === 2) return { x: x.mean(dims, { keepdim }) }
  if (kind === 3) return { x: x.logSumExp(dims, { keepdim }) }
  if (kind === 4 && exact) return { x: x.amax(dims, { keepdim }), exact }
  return exact && x.size > 1 ? { x: x.var(dims, { keepdim, correction: 0 }) } : undefined
}

const rows: Growth = ({ x, exact }, pick, program) => {
  const dim = pick.below(Math.max(1, x.rank))
  const last = x.shape.at(-1) ?? 1
  switch (pick.below(6)) {
    case 0:
      return { x: F.softmax(x, dim) }
    case 1:
      return { x: F.logSoftmax(x, dim) }
    case 2:
      if (!exact) return undefined
      return {
        x: F.layerNorm(x, last, { weight: program.leaf([last], pick), bias: program.leaf([last], pick), eps: 0.1 }),
      }
    case 3:
      return exact && x.rank > 1 ? { x: F.batchNorm(x, null, null, { training: true, eps: 0.1 }) } : undefined
    case 4:
      if (x.rank !== 2) return undefined
      return { x: F.crossEntropy(x, program.indices([x.shape[0]!], x.shape[1]!, pick), { labelSmoothing: 0.1 }) }
    default:
      return { x: x.cumsum(dim).div(x.shape[dim] ?? 1) }
  }
}

const product: Growth = ({ x }, pick, program) => {
  if (x.rank < 1) return undefined
  const k = x.shape.at(-1)!
  const n = pick.of(extents)
  const scale = 1 / Math.max(1, Math.sqrt(k))
  switch (pick.below(5)) {
    case 0:
      return { x: x.matmul(program.leaf([k, n], pick)).mul(scale) }
    case 1:
      return { x: F.linear(x, program.leaf([n, k], pick), program.leaf([n], pick)).mul(scale) }
    case 2:
      return x.rank < 2 ? undefined : { x: x.matmul(x.transpose(-1, -2)).mul(scale) }
    case 3:
      return x.rank < 2
        ? undefined
        : {
            x: program
              .leaf([n, x.shape.at(-2)!], pick)
              .matmul(x)
              .mul(scale),
          }
    default: {
      if (x.rank < 2) return undefined
      const other = program.leaf([2, 1, n, k], pick)
      return x.size * n > 20 * most ? undefined : { x: x.matmul(other.transpose(-1, -2)).mul(scale) }
    }
  }
}

/** An image out of what there is, or a fresh one. */
function image(from: Grown, pick: Picks, program: Program): Grown {
  if (from.x.rank === 4) return from
  const [side, channels] = [pick.of([5, 8, 9, 17]), pick.of([1, 2, 4, 6])]
  return { x: program.leaf([1 + pick.below(2), channels, side, side], pick), exact: true, tolerance: 0 }
}

const convolution: Growth = (from, pick, program) => {
  const { x, tolerance } = image(from, pick, program)
  const channels = x.shape[1]!
  const groups = pick.of([1, 1, channels, channels % 2 === 0 ? 2 : 1])
  const outputs = groups * pick.of([1, 2, 3, Math.ceil(17 / groups)])
  const kernel = [pick.of([1, 2, 3]), pick.of([1, 3, 5])]
  const stride = [1 + pick.below(2), 1 + pick.below(3)]
  const scale = 1 / Math.sqrt((channels / groups) * sizeOf(kernel))
  if (pick.below(4) === 0) {
    const weight = program.leaf([channels, outputs / groups, ...kernel], pick)
    return { x: F.convTranspose2d(x, weight, null, { stride, groups }).mul(scale), tolerance }
  }
  const weight = program.leaf([outputs, channels / groups, ...kernel], pick)
  const options = { stride, padding: [pick.below(3), pick.below(2)], dilation: [1 + pick.below(2), 1], groups }
  const bias = pick.flip() ? program.leaf([outputs], pick) : null
  return { x: F.conv2d(x, weight, bias, options).mul(scale), tolerance }
}

const pooling: Growth = (from, pick, program) => {
  const { x, exact, tolerance } = image(from, pick, program)
  const kernel = [pick.of([1, 2, 3]), pick.of([2, 3])]
  const options = { stride: [1 + pick.below(3), 1 + pick.below(2)], padding: [0, pick.below(2)] }
  if (pick.flip() && exact) return { x: F.maxPool2d(x, kernel, options), exact, tolerance }
  return { x: F.avgPool2d(x, kernel, options), tolerance }
}

const indexed: Growth = ({ x, exact }, pick, program) => {
  const dim = pick.below(Math.max(1, x.rank))
  const n = x.shape[dim] ?? 0
  if (n === 0) return undefined
  const count = pick.of(extents)
  const shape = x.shape.with(dim, count)
  if (sizeOf(shape) > most) return undefined
  switch (pick.below(5)) {
    case 0:
      return { x: x.indexSelect(dim, program.indices([count], n, pick)), exact }
    case 1:
      return { x: x.gather(dim, program.indices(shape, n, pick)), exact }
    case 2:
      return { x: x.mul(0.5).scatterAdd(dim, program.indices(shape, n, pick), program.leaf(shape, pick)) }
    case 3:
      return x.rank === 2 ? { x: F.embedding(program.indices([3, count], x.shape[0]!, pick), x), exact } : undefined
    default:
      return exact ? { x: x.gather(dim, x.argMax(dim, { keepdim: true })), exact } : undefined
  }
}

/** Half precision is rounded after every operation by one device, when it is stored by the other. */
const narrowed: Growth = ({ x, tolerance }, pick) => {
  const [dtype, ulp] = pick.flip() ? (['float16', 2 ** -10] as const) : (['bfloat16', 2 ** -7] as const)
  const half = x.to(dtype)
  const made = pick.flip() ? half.mul(half).add(half) : F.relu(half)
  return { x: made.to('float32'), tolerance: Math.max(tolerance, 16 * ulp) }
}

const empty: Growth = ({ x }, pick) => {
  if (pick.below(3) > 0) return undefined
  const none = x.narrow(pick.below(Math.max(1, x.rank)), 0, 0)
  return { x: pick.flip() ? none.exp() : none.sum(0) }
}

const growths: readonly Growth[] = [
  ...[smooth, smooth, kinked, kinked, binary, binary, binary, view, view, view, joined, reduction, reduction],
  ...[rows, rows, rows, product, product, product, convolution, convolution, convolution, pooling, indexed, indexed],
  ...[narrowed, empty],
]

/** Elements that programs go on with are no larger. */
const largest = 64

/** The tensors of a program that are compared, with the tolerance of each: results, and gradients by leaves. */
export function randomProgram(choices: readonly number[]): Grown[] {
  const program = new Program()
  const start = new Picks(choices[0] ?? 1)
  const shapes = [[start.of(extents), start.of(extents)], [start.of(extents)], [2, 3, start.of(extents)]]
  for (const shape of shapes) program.pool.push({ x: program.leaf(shape, start), exact: true, tolerance: 0 })
  for (const choice of choices) {
    const pick = new Picks(choice)
    // The newest is the likeliest, so that programs are deep.
    const from = pick.below(3) > 0 ? program.pool.at(-1)! : pick.of(program.pool)
    const grown = grow(from, pick, program)
    if (grown) program.pool.push(grown)
  }
  const results = [program.pool.at(-1)!, program.pool[Math.floor(program.pool.length / 2)]!]
  const tolerance = Math.max(...program.pool.map((grown) => grown.tolerance))
  return [...new Set(results), ...gradientsOf(results, program).map((x) => ({ x, exact: false, tolerance }))]
}

function grow(from: Grown, pick: Picks, program: Program): Grown | undefined {
  try {
    const made = pick.of(growths)(from, pick, program)
    if (!made?.x || made.x.size > most) return undefined
    const grown = { exact: false, tolerance: from.tolerance, ...made, x: made.x }
    const values = interpret([grown.x.node])[0] as ArrayLike<number>
    for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]!) <= largest)) return undefined
    return grown
  } catch (error) {
    // Shapes that do not fit are no programs.
    if (error instanceof GradusError) return undefined
    throw error
  }
}

/** Gradients of Σ out · cos(1, 2, 3 ...) by all leaves that it depends on. */
function gradientsOf(results: readonly Grown[], { leaves }: Program): Tensor[] {
  const outputs = results.map(({ x }) => x).filter((x) => x.requiresGrad && x.size > 0)
  const weights = outputs.map((x) =>
    tensor(
      Array.from({ length: x.size }, (_, i) => Math.cos(i + 1)),
      { shape: [...x.shape] },
    ),
  )
  const distinct = [...new Set(outputs)]
  if (distinct.length === 0) return []
  const total = distinct.map((x, i) => x.mul(weights[i]!).sum()).reduce((a, b) => a.add(b))
  return gradients(total, leaves, { allowUnused: true })
}

export const nodesOf = (grown: readonly Grown[]): Node[] => grown.map(({ x }) => x.node)
