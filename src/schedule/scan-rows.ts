import { sameShape, sizeOf } from '../core/shape.ts'
import { type Node, type Op, record, withGrad } from '../graph/node.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { type ScanAttrs, scanOp } from '../graph/ops/scan.ts'
import { zeros } from '../graph/ops/views.ts'
import { type Body, internBody, placeholder, rebuilt } from '../graph/scan/body.ts'
import { type Affine, type Condition, range } from './affine.ts'
import { argumentsOf, canonicalize, isPlaceholder, type Program, producersFirst, rewrite } from './canonical.ts'
import { attachEpilogues } from './epilogues.ts'
import type { Expression } from './expression.ts'
import { fuse } from './fusion.ts'
import { type Kernel, makeKernels, type Nest } from './kernels.ts'
import { lower } from './lowering/lower.ts'
import { lowerProducts } from './lower-products.ts'
import type { Packing } from './operands.ts'
import { resultsOf } from './phases.ts'
import type { ProductKernel } from './product.ts'
import { loadsIn, readsIn } from './walk.ts'
import { isZero } from './zeros.ts'

/*
 * A scan as one kernel. The rows of its state (a batch) do not meet inside a step, so each thread takes some of them through all
 * steps, and no step waits for another thread. What is the same at every step (packed weights) is computed before the scan.
 */

/** One step of a scan as kernels, each over the rows of the state first. */
export class ScanStep {
  /** All that a plan's key sees of a step: bodies have numbers of their own. */
  readonly id: string
  readonly rows: number
  /** Kernels of a step, producers first; large fields are private for the key's sake. */
  readonly #kernels: readonly Kernel[]
  /** What stands for the scan's parameters, where a step reads them. */
  readonly #parameters: readonly (Node | undefined)[]
  /** What stands for values that are the same at every step, computed from the scan's inputs by {@link capture}. */
  readonly #captures: readonly Node[]
  readonly #sources: readonly Node[]
  readonly #results: readonly Node[]

  constructor(
    id: string,
    rows: number,
    kernels: readonly Kernel[],
    parameters: readonly (Node | undefined)[],
    captures: readonly Node[],
    sources: readonly Node[],
    results: readonly Node[],
  ) {
    this.id = id
    this.rows = rows
    this.#kernels = kernels
    this.#parameters = parameters
    this.#captures = captures
    this.#sources = sources
    this.#results = results
  }

  get kernels(): readonly Kernel[] {
    return this.#kernels
  }

  get parameters(): readonly (Node | undefined)[] {
    return this.#parameters
  }

  get captures(): readonly Node[] {
    return this.#captures
  }

  get results(): readonly Node[] {
    return this.#results
  }

  /** The captured values, from the scan's inputs. */
  capture(inputs: readonly Node[]): Node[] {
    const replaced = new Map<Node, Node>()
    for (const [i, leaf] of this.#parameters.entries()) if (leaf) replaced.set(leaf, inputs[i]!)
    return rebuilt(this.#sources, replaced)
  }
}

export interface ScanRows {
  readonly step: ScanStep
  readonly scan: ScanAttrs
}

/** A scan with its captured values behind its own inputs. It is never recorded by users. */
export const scanRowsOp: Op<ScanRows> = {
  name: 'scanRows',
  kind: 'composite',
  infer: (inputs, { scan }) => scanOp.infer(inputs, scan),
  evaluate(node, values) {
    const { scan } = node.attrs
    const own = Object.assign(Object.create(node) as Node<ScanAttrs>, { attrs: scan })
    return scanOp.evaluate!(own, values.slice(0, scan.body.parameters.length))
  },
}

/** The program with scans as kernels of their rows, as far as {@link runsByRows} holds. */
export function lowerScans(program: Program, packing: Packing): Program {
  if (!program.order.some((node) => runsByRows(node, packing))) return program
  return rewrite(program, (node, inputs) => {
    if (!isScan(node)) return undefined
    return byRows(withoutZeros(node.attrs, inputs), packing) ?? byRows({ scan: node.attrs, inputs }, packing)
  })
}

/** A scan and what it is given. */
interface Given {
  readonly scan: ScanAttrs
  readonly inputs: readonly Node[]
}

function byRows({ scan, inputs }: Given, packing: Packing): Node | undefined {
  const step = stepOf(scan, packing)
  return step && record(scanRowsOp, [...inputs, ...step.capture(inputs)], { step, scan })
}

/**
 * The scan with zeros in its body where what it would read step by step is nothing else: of a loss of the last state alone no
 * gradient flows into the states before, and of cells that nobody asks for into none.
 */
function withoutZeros(scan: ScanAttrs, inputs: readonly Node[]): Given {
  const { body, carries, xs } = scan
  const isLeft = inputs.map((x, i) => i < carries || i >= carries + xs || !isZero(x))
  const left = <T>(list: readonly T[]): T[] => list.filter((_, i) => isLeft[i])
  const given = body.parameters.map((parameter, i) => (isLeft[i] ? parameter : zeros(parameter)))
  const results = withGrad(false, () => body.instantiate(given))
  return {
    scan: { ...scan, body: internBody(left(body.parameters), results), xs: xs - (inputs.length - left(inputs).length) },
    inputs: left(inputs),
  }
}

function isScan(node: Node): node is Node<ScanAttrs> {
  return node.op.name === scanOp.name
}

/** Whether one kernel can take the rows of a scan through all steps: they do not meet, and a step is made of loops. */
export function runsByRows(node: Node, packing: Packing): boolean {
  return isScan(node) && stepOf(node.attrs, packing) !== undefined
}

const known = new WeakMap<Body, Map<string, ScanStep | undefined>>()

function stepOf(scan: ScanAttrs, packing: Packing): ScanStep | undefined {
  const { body, carries, xs, length } = scan
  if (length === 0 || carries === 0) return undefined
  const key = `${carries},${xs},${packing.lanes},${packing.vectors}`
  let own = known.get(body)
  if (!own) {
    own = new Map()
    known.set(body, own)
  }
  if (!own.has(key))
    own.set(
      key,
      withGrad(false, () => makeStep(scan, packing, `${body.id}:${key}`)),
    )
  return own.get(key)
}

function makeStep({ body, carries, xs }: ScanAttrs, packing: Packing, id: string): ScanStep | undefined {
  const given = body.parameters.map(({ shape, dtype }) => buffer(new Float32Array(0), shape, dtype))
  const recorded = body.instantiate(given)
  const { leaves: order, scalars } = argumentsOf(recorded)
  if (scalars.length > 0) return undefined
  const program = lower(lowerProducts(canonicalize(recorded), packing))
  const parameters = given.map((node) => program.leaves[order.indexOf(node)])
  const division = divide(program, parameters.slice(0, carries + xs), parameters.slice(carries + xs))
  if (program.targets.some((target) => !division.varying.has(target))) return undefined

  const sources = division.captured
  const captures = sources.map((node) => placeholder(node, false))
  const results = rebuilt(program.targets, new Map(sources.map((node, i) => [node, captures[i]!])))
  if (results.some(isPlaceholder)) return undefined
  const step: Program = { targets: results, order: producersFirst(results), leaves: [], scalars: [] }
  const kept = new Set(results)
  const kernels = fuse(attachEpilogues(makeKernels(step).kernels, kept), kept)

  const [rows] = parameters[0]?.shape ?? []
  if (rows === undefined || !body.parameters.slice(0, carries).every(({ shape }) => shape[0] === rows)) return undefined
  const states = new Set(parameters.slice(0, carries))
  const inside = new Set(kernels.flatMap(resultsOf))
  const rowSizeOf = (node: Node): number | undefined =>
    inside.has(node) || states.has(node) ? sizeOf(node.shape) / rows : undefined
  if (!kernels.every((kernel) => staysInRows(kernel, rows, rowSizeOf))) return undefined
  return new ScanStep(id, rows, kernels, parameters, captures, sources, results)
}

interface Division {
  /** What differs from step to step. */
  readonly varying: ReadonlySet<Node>
  /** What does not, but follows from invariants and is read by what differs. */
  readonly captured: readonly Node[]
}

function divide(
  program: Program,
  changing: readonly (Node | undefined)[],
  invariants: readonly (Node | undefined)[],
): Division {
  const varying = new Set<Node>(changing.filter((node) => node !== undefined))
  const fixed = new Set<Node>(invariants.filter((node) => node !== undefined))
  const captured = new Set<Node>()
  for (const node of program.order) {
    if (node.inputs.some((input) => varying.has(input))) {
      varying.add(node)
      for (const input of node.inputs) if (fixed.has(input)) captured.add(input)
    } else if (node.inputs.some((input) => fixed.has(input))) fixed.add(node)
  }
  return { varying, captured: [...captured] }
}

type RowSize = (node: Node) => number | undefined

/** Whether a kernel computes each row from the same row of what the scan computes. */
function staysInRows(kernel: Kernel, rows: number, rowSizeOf: RowSize): boolean {
  if (kernel.kind === 'whole') return false
  if (rows === 1) return true
  if (kernel.kind === 'group') return kernel.members.every((nest) => nestStays(nest, rows, rowSizeOf))
  return kernel.kind === 'nest' ? nestStays(kernel, rows, rowSizeOf) : productStays(kernel, rows, rowSizeOf)
}

function nestStays({ extents, resultAxes, body }: Nest, rows: number, rowSizeOf: RowSize): boolean {
  return resultAxes > 0 && extents[0] === rows && readsOwnRows(body, extents, rowSizeOf)
}

function productStays({ product, source, epilogue }: ProductKernel, rows: number, rowSizeOf: RowSize): boolean {
  const { extents, resultAxes, a } = product
  const [left, right] = source.inputs as [Node, Node]
  if (resultAxes < 2 || extents[0] !== rows || rowSizeOf(right) !== undefined) return false
  return (
    isOwnRow(a, [], rowSizeOf(left), extents) &&
    (!epilogue || readsOwnRows(epilogue, extents.slice(0, resultAxes), rowSizeOf))
  )
}

function readsOwnRows(root: Expression, extents: readonly number[], rowSizeOf: RowSize): boolean {
  return (
    loadsIn(root).every(({ node, at, valid }) => isOwnRow(at, valid, rowSizeOf(node), extents)) &&
    readsIn(root).every(({ node, at }) => at !== undefined || rowSizeOf(node) === undefined)
  )
}

/** Whether a position lies in the row that the first axis counts; what has no rows may be read anywhere. */
function isOwnRow(
  at: Affine,
  valid: readonly Condition[],
  rowSize: number | undefined,
  extents: readonly number[],
): boolean {
  if (rowSize === undefined) return true
  if (at.terms[0] !== rowSize) return false
  const inRow = { terms: at.terms.with(0, 0), offset: at.offset }
  let [low, high] = range(inRow, extents)
  for (const condition of valid) {
    // A condition on the very position, but for a constant, narrows it.
    const { value } = condition
    if (!sameShape(value.terms, inRow.terms)) continue
    const apart = inRow.offset - value.offset
    low = Math.max(low, condition.low + apart)
    high = Math.min(high, condition.high - 1 + apart)
  }
  return low >= 0 && high < rowSize
}
