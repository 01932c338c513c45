import { allocateValues, type DType, isFloating, type Values } from '../../core/dtype.ts'
import { GradError } from '../../core/errors.ts'
import { type Shape, sizeOf } from '../../core/shape.ts'
import { isGradEnabled, type Node, type Op, record } from '../node.ts'
import { type Body, rebuilt } from '../scan/body.ts'
import { linearize, type Source } from '../scan/linearize.ts'
import type { Stacks } from '../scan/sum-over-time.ts'
import { allAtOnce, type Cotangents } from './cotangents.ts'
import { constant } from './leaves.ts'
import { broadcastTo, concat, reshape, sliceDim, zeros } from './views.ts'

/*
 * A body graph over time. The state goes from step to step, xs are read step by step, invariants are the same at every step.
 * A node has one output, so the results of all steps lie one behind the other in one vector, section by section, and are read
 * through views: contiguous, each with time as its first dimension.
 */

export interface ScanAttrs {
  /** Parameters: state, what is read step by step, invariants. Results: the next state, then what is kept of each step. */
  readonly body: Body
  readonly length: number
  /** How many of the parameters are state. */
  readonly carries: number
  /** How many parameters after those are read step by step. */
  readonly xs: number
  /** From the last step to the first. */
  readonly reverse: boolean
  /** Whether every state is kept, the initial one included [T + 1, ...], or only the last [1, ...]. */
  readonly keepsStates: boolean
  /** Only results of this dtype are kept. */
  readonly dtype: DType
  /** Where it is to be differentiated: the body without residuals, and the parameters whose cotangents are asked for. */
  readonly base: Body | undefined
  readonly wanted: readonly boolean[] | undefined
}

/** Where a result lies in the vector. */
export interface Section {
  readonly offset: number
  /** Time first. */
  readonly shape: Shape
}

export function sectionsOf({ body, length, carries, keepsStates, dtype }: ScanAttrs): (Section | undefined)[] {
  let offset = 0
  return body.results.map((result, i) => {
    if (result.dtype !== dtype) return undefined
    const rows = i >= carries ? length : keepsStates ? length + 1 : 1
    const section = { offset, shape: [rows, ...result.shape] }
    offset += sizeOf(section.shape)
    return section
  })
}

/** The time of each step in the order in which they are taken. */
function* times({ length, reverse }: ScanAttrs): Iterable<number> {
  for (let i = 0; i < length; i++) yield reverse ? length - 1 - i : i
}

/** Arrays as the steps of a scan pass them on. */
interface Elements {
  readonly length: number
  subarray(start: number, end: number): this
}

/** Takes all steps, each by `step` from parameters to results, and writes what is kept into `out`. */
export function runSteps<A extends Elements>(
  attrs: ScanAttrs,
  inputs: readonly A[],
  out: { set(values: A, offset: number): void },
  step: (parameters: readonly A[]) => readonly A[],
): void {
  const { length, carries, xs, reverse, keepsStates } = attrs
  const sections = sectionsOf(attrs)
  const write = (i: number, row: number, values: A): void => {
    const section = sections[i]
    if (section) out.set(values, section.offset + row * values.length)
  }
  let state: readonly A[] = inputs.slice(0, carries)
  let left = length
  const writeState = (row: number): void => {
    if (keepsStates || left === 0) for (const [i, values] of state.entries()) write(i, keepsStates ? row : 0, values)
  }
  writeState(reverse ? length : 0)
  const invariants = inputs.slice(carries + xs)
  for (const t of times(attrs)) {
    const rows = inputs.slice(carries, carries + xs).map((values) => {
      const size = values.length / length
      return values.subarray(t * size, (t + 1) * size)
    })
    const results = step([...state, ...rows, ...invariants])
    state = results.slice(0, carries)
    left--
    writeState(reverse ? t : t + 1)
    for (let i = carries; i < results.length; i++) write(i, t, results[i]!)
  }
}

/** Scans of more operations than this stay whole in compiled plans, which then repeat a plan of the body. */
const mostUnrolled = 256

export const scanOp: Op<ScanAttrs> = {
  name: 'scan',
  kind: 'composite',
  infer(_, attrs) {
    const size = sectionsOf(attrs).reduce((sum, section) => sum + (section ? sizeOf(section.shape) : 0), 0)
    return { shape: [size], dtype: attrs.dtype }
  },
  evaluate(node, inputs) {
    const out = allocateValues(node.dtype, sizeOf(node.shape))
    runSteps<Values>(node.attrs, inputs, out, (parameters) => node.attrs.body.evaluate(parameters))
    return out
  },
  decompose: (inputs, attrs) => unrolled(inputs, attrs),
  staysWhole: ({ attrs: { body, length } }) => length * body.size > mostUnrolled,
  derivative: (node, dy, i) => allAtOnce(node, dy, () => differentiate(node, dy))[i],
}

/** One copy of the body for each step. */
function unrolled(inputs: readonly Node[], attrs: ScanAttrs): Node {
  const { body, length, carries, xs, reverse, keepsStates } = attrs
  const rows: Node[][] = body.results.map((_, i) => new Array<Node>(i < carries ? length + 1 : length))
  let state = inputs.slice(0, carries)
  const put = (i: number, row: number, x: Node): void => {
    rows[i]![row] = reshape(x, [1, ...x.shape])
  }
  for (const [i, x] of state.entries()) put(i, reverse ? length : 0, x)
  for (const t of times(attrs)) {
    const step = inputs.slice(carries, carries + xs).map((x) => reshape(sliceDim(x, 0, t, t + 1), x.shape.slice(1)))
    const results = body.instantiate([...state, ...step, ...inputs.slice(carries + xs)])
    state = results.slice(0, carries)
    for (const [i, x] of results.entries()) put(i, i < carries && !reverse ? t + 1 : t, x)
  }
  const last = reverse ? 0 : length
  const sections = sectionsOf(attrs).flatMap((section, i) => {
    if (!section || sizeOf(section.shape) === 0) return []
    const kept = i < carries && !keepsStates ? [rows[i]![last]!] : rows[i]!
    return [reshape(concat(kept, 0), [sizeOf(section.shape)])]
  })
  return sections.length > 0 ? concat(sections, 0) : broadcastTo(constant(0, attrs.dtype), [0])
}

/** What a scan gives: views of its one vector. */
export interface ScanResult {
  /** The state after the last step. */
  readonly final: readonly Node[]
  /** Further results of every step [T, ...]. */
  readonly ys: readonly Node[]
  /** The state after each step [T, ...]; only where states are kept. */
  states(k: number): Node
}

export interface ScanInputs {
  readonly state: readonly Node[]
  /** Each [T, ...]. */
  readonly xs: readonly Node[]
  readonly invariants: readonly Node[]
}

export interface ScanOptions {
  readonly length: number
  readonly reverse?: boolean
  /** Whether the states of all steps are asked for. */
  readonly keepsStates?: boolean
}

/** Runs `body` once for each step; see {@link ScanAttrs}. */
export function scan(
  body: Body,
  { state, xs, invariants }: ScanInputs,
  { length, reverse = false, keepsStates = false }: ScanOptions,
): ScanResult {
  const inputs = [...state, ...xs, ...invariants]
  const division = { carries: state.length, xs: xs.length }
  const wanted = inputs.map((node) => node.requiresGrad && isFloating(node.dtype))
  const dtypes = [...new Set(body.results.map((node) => node.dtype))]
  const isDifferentiable = isGradEnabled() && wanted.includes(true)
  const isSmooth = dtypes.length === 1 && isFloating(dtypes[0]!)
  const isLinearized = isDifferentiable && isSmooth
  const attrs = {
    body: isLinearized ? linearize(body, { ...division, wanted }, false).extended : body,
    base: isLinearized ? body : undefined,
    wanted: isLinearized ? wanted : undefined,
    keepsStates: keepsStates || isLinearized,
    ...{ length, reverse, ...division },
  }
  const nodes = new Map(dtypes.map((dtype) => [dtype, record(scanOp, inputs, { ...attrs, dtype })]))
  const sections = body.results.map((result, i) => sectionView(nodes.get(result.dtype)!, i))
  const { carries } = division
  return {
    final: sections.slice(0, carries).map((section) => rowOf(section, reverse ? 0 : section.shape[0]! - 1)),
    ys: sections.slice(carries),
    states: (k) => sliceDim(sections[k]!, 0, reverse ? 0 : 1, reverse ? length : length + 1),
  }
}

/** Result `i` of a scan, time first. */
function sectionView(node: Node<ScanAttrs>, i: number, packed: Node = node): Node {
  const section = sectionsOf(node.attrs)[i]!
  const size = sizeOf(section.shape)
  return reshape(sliceDim(packed, 0, section.offset, section.offset + size), section.shape)
}

/** Row `t` of x [T, ...]. */
function rowOf(x: Node, t: number): Node {
  return reshape(sliceDim(x, 0, t, t + 1), x.shape.slice(1))
}

/** Cotangents of all inputs of a scan: another scan, backwards. */
function differentiate(node: Node<ScanAttrs>, dy: Node): Cotangents {
  const { base, wanted, carries, xs, length, reverse } = node.attrs
  if (!base || !wanted) {
    throw new GradError(
      'scan',
      'only a scan whose state and results share one floating dtype can be differentiated; detach the others or keep them outside',
    )
  }
  const derivation = linearize(base, { carries, xs, wanted }, isGradEnabled())
  const states = node.inputs.slice(0, carries)
  const invariants = node.inputs.slice(carries + xs)
  const [from, last] = reverse ? [1, 0] : [0, length]
  const before = (section: Node): Node => sliceDim(section, 0, from, from + length)
  const into = states.map((_, k) => sectionView(node, k, dy))
  const stackOf = ({ kind, index }: Source): Node => {
    if (kind === 'x') return node.inputs[carries + index]!
    const section = sectionView(node, index)
    if (kind === 'state') return before(section)
    return index < carries ? sliceDim(section, 0, 1 - from, 1 - from + length) : section
  }
  const backward = scan(
    derivation.reverse,
    {
      state: [...into.map((section) => rowOf(section, last)), ...derivation.carried.map(zeros)],
      xs: [
        ...into.map(before),
        ...derivation.ys.map((i) => sectionView(node, i, dy)),
        ...derivation.sources.map(stackOf),
      ],
      invariants: derivation.invariants(invariants),
    },
    { length, reverse: !reverse },
  )
  const given = new Map(base.parameters.slice(carries + xs).map((parameter, i) => [parameter, invariants[i]!]))
  const stacks: Stacks = {
    kept: (value) => stackOf(derivation.places.get(value)!),
    emitted: (i) => backward.ys[i]!,
    invariant: (value) => rebuilt([value], given)[0]!,
  }
  return derivation.cotangents.map((cotangent) => {
    if (!cotangent) return undefined
    if (cotangent.kind === 'sum') return cotangent.sum(stacks)
    if (cotangent.kind === 'emitted') return backward.ys[cotangent.index]
    return backward.final[cotangent.kind === 'state' ? cotangent.index : carries + cotangent.index]
  })
}
