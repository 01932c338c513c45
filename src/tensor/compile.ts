import { ValueError } from '../core/errors.ts'
import { sameShape, type Shape } from '../core/shape.ts'
import type { DType } from '../core/dtype.ts'
import { type Cell, isGradEnabled, type Node } from '../graph/node.ts'
import { constant } from '../graph/ops/leaves.ts'
import { postorder } from '../graph/walk.ts'
import { capture, capturing, structureEpoch } from '../runtime/capture.ts'
import {
  forgetResults,
  isAnythingPending,
  realizeAlone,
  realizeNodes,
  realizeRepeatably,
  submit,
} from '../runtime/realize.ts'
import { outdated, realised, Replay, sharing } from '../runtime/replay.ts'
import { Tensor } from './tensor.ts'

/** So many captures are kept; the one used last is looked at first. */
const keptCaptures = 32

/** How an argument looks like: which parts are tensors, of which shape and dtype, and what the others are. */
type Pattern =
  | { readonly kind: 'tensor'; readonly shape: Shape; readonly dtype: DType }
  /** A tensor that collects gradients is taken as it is. */
  | { readonly kind: 'leaf'; readonly tensor: Tensor }
  | { readonly kind: 'list'; readonly items: readonly Pattern[] }
  | { readonly kind: 'record'; readonly names: readonly string[]; readonly items: readonly Pattern[] }
  | { readonly kind: 'other'; readonly value: unknown }

/** What the function gave: tensors by the position of their root or argument, in whatever they were in. */
type Result =
  | {
      readonly kind: 'root'
      readonly position: number
      readonly type: { readonly shape: Shape; readonly dtype: DType }
    }
  | { readonly kind: 'argument'; readonly position: number }
  | { readonly kind: 'list'; readonly items: readonly Result[] }
  | { readonly kind: 'record'; readonly names: readonly string[]; readonly items: readonly Result[] }
  | { readonly kind: 'other'; readonly value: unknown }

interface Captured {
  readonly patterns: readonly Pattern[]
  readonly epoch: number
  readonly gradEnabled: boolean
  readonly replay: Replay
  readonly result: Result
}

/**
 * A function that does what `fn` does, without going through it each time: the first call records everything that `fn` does
 * with tensors (forward pass, `backward()`, optimizer steps, new running statistics), later ones compute the same from their
 * arguments, the present values of parameters and optimizer state, learning rates as they are then, and random numbers of their own.
 * The results are those of calling `fn`, bit for bit.
 *
 *     const step = compile((x: Tensor, y: Tensor) => {
 *       optimizer.zeroGrad()
 *       const loss = F.crossEntropy(model.forward(x), y)
 *       loss.backward()
 *       optimizer.step()
 *       return loss
 *     })
 *     for await (const [x, y] of loader) console.log(await step(x, y).item())
 *
 * Arguments and results are tensors, lists and plain objects of them, and whatever else. `fn` is gone through again whenever
 * arguments come in other shapes or dtypes or, where they are no tensors, with other values; when a module changes between
 * training and evaluation; when options of an optimizer change its equations. All else that it reads is taken as it was: what is
 * not work with tensors (counting, printing, schedules) belongs outside. It must be synchronous and must not read values; a
 * {@link ValueError} says so. Results have no history: to differentiate, call `backward()` inside. What is neither returned nor read
 * by what is returned, assigned or differentiated is not computed.
 */
export function compile<A extends readonly unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  const known: Captured[] = []
  return (...args) => {
    if (capturing()) return fn(...args)
    for (let i = known.length - 1; i >= 0; i--) {
      const candidate = known[i]!
      const { patterns, epoch, gradEnabled, replay, result } = candidate
      const tensors: Tensor[] = []
      if (gradEnabled !== isGradEnabled() || !matchesAll(patterns, args, tensors)) continue
      // Where a step takes long, recording it does not matter, and it goes on beside the program.
      if (replay.isLong) return callAside(fn, args)
      if (epoch === structureEpoch()) {
        settleArguments(tensors)
        const values = replay.run(tensors)
        if (values !== outdated) {
          if (i < known.length - 1) known.push(...known.splice(i, 1))
          return rebuild(result, tensors, (position, type) => new Tensor(realised(type, values[position]!))) as R
        }
      }
      known.splice(i, 1)
      break
    }
    const { value, captured } = record(fn, args)
    if (captured) known.push(captured)
    if (known.length > keptCaptures) known.shift()
    return value
  }
}

/** Everything recorded before the call is computed before it, in a run of its own. */
function settleArguments(tensors: readonly Tensor[]): void {
  const waiting = tensors.filter(({ node }) => !node.value)
  if (waiting.length > 0 || isAnythingPending()) realizeNodes(waiting.map(({ node }) => node))
}

/** Calls `fn` and submits all its work at once. */
function callAside<A extends readonly unknown[], R>(fn: (...args: A) => R, args: A): R {
  const { id: start } = constant(0)
  const { value } = capture(() => synchronous(fn(...args)))
  const computed = new Set<Node>()
  mapTensors(value, (x) => {
    if (!x.isLeaf && !x.isRealized) computed.add(x.node)
    return x
  })
  forgetResults(start, computed)
  submit()
  // After the structure is known: what is recorded for derivatives is part of it.
  for (const node of computed) {
    node.requiresGrad = false
    if (node.value) node.inputs = []
  }
  return value
}

/** Calls `fn` once, and keeps how to do it again where the device can. */
function record<A extends readonly unknown[], R>(
  fn: (...args: A) => R,
  args: A,
): { value: R; captured: Captured | undefined } {
  const tensors: Tensor[] = []
  const patterns = args.map((arg) => patternOf(arg, tensors))
  settleArguments(tensors)
  // Tensors that the function sees in place of its arguments, so that each is found again in what it records.
  const inside = tensors.map((x) => (isLeafWithGradient(x) ? x : new Tensor(sharing(x.node))))
  const given = inside.map(({ node }) => node)
  const { id: start } = constant(0)
  let position = 0
  const replaced = args.map((arg) => mapTensors(arg, () => inside[position++]!)) as unknown as A
  const { value, captured } = capture(() => synchronous(fn(...replaced)))

  const returned: Tensor[] = []
  mapTensors(value, (x) => {
    returned.push(x)
    return x
  })
  const results = returned.map(({ node }) => node)
  forgetResults(start, new Set(results))
  const asked = [...results, ...[...captured.slots.keys()].flatMap(({ grad }) => (grad ? [grad] : []))]
  realizeAlone(recordedBefore(start, asked))
  const realisation = realizeRepeatably(asked)

  for (const [i, outside] of tensors.entries()) {
    const { node } = inside[i]!
    if (node === given[i]) continue
    node.cell = outside
    outside.node = node
  }
  const nodes = new Map(realisation.roots.map((root, i) => [root, i]))
  const argument = new Map<Tensor, number>(inside.map((x, i) => [x, i]))
  const result = resultOf(value, (x) => {
    const at = argument.get(x)
    if (at !== undefined) return { kind: 'argument', position: at }
    const root = nodes.get(x.node)
    const { shape, dtype } = x
    return root === undefined ? { kind: 'other', value: x } : { kind: 'root', position: root, type: { shape, dtype } }
  })
  const detached = rebuild(result, tensors, (root) => new Tensor(sharing(realisation.roots[root]!))) as R
  const { prepared } = realisation
  if (!prepared) return { value: detached, captured: undefined }
  const holderOf = (cell: Cell): Cell | number => argument.get(cell as Tensor) ?? cell
  const replay = new Replay({ ...realisation, prepared }, captured, given, holderOf)
  const entry = { patterns, epoch: structureEpoch(), gradEnabled: isGradEnabled(), replay, result }
  return { value: detached, captured: entry }
}

/** What `roots` read that was recorded before the capture and is not computed. */
function recordedBefore(start: number, roots: readonly Node[]): Node[] {
  const before: Node[] = []
  postorder(roots, (node) => {
    if (node.value) return undefined
    if (node.id > start) return node.inputs
    before.push(node)
    return undefined
  })
  return before
}

function synchronous<R>(value: R): R {
  if (typeof value !== 'object' || value === null || !('then' in value)) return value
  Promise.resolve(value).catch(() => undefined)
  throw new ValueError('compile', 'expects a synchronous function, received one that returns a promise')
}

/** Gradients of such an argument belong to the tensor itself. */
function isLeafWithGradient({ node }: Tensor): boolean {
  return node.requiresGrad || node.slot !== undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
}

function patternOf(value: unknown, tensors: Tensor[]): Pattern {
  if (value instanceof Tensor) {
    tensors.push(value)
    const { shape, dtype } = value
    return isLeafWithGradient(value) ? { kind: 'leaf', tensor: value } : { kind: 'tensor', shape, dtype }
  }
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => patternOf(item, tensors)) }
  if (!isRecord(value)) return { kind: 'other', value }
  const names = Object.keys(value)
  return { kind: 'record', names, items: names.map((name) => patternOf(value[name], tensors)) }
}

function matchesAll(patterns: readonly Pattern[], values: readonly unknown[], tensors: Tensor[]): boolean {
  if (patterns.length !== values.length) return false
  for (let i = 0; i < patterns.length; i++) if (!matches(patterns[i]!, values[i], tensors)) return false
  return true
}

/** Whether `value` looks like that; its tensors are added to `tensors`. */
function matches(pattern: Pattern, value: unknown, tensors: Tensor[]): boolean {
  if (value instanceof Tensor) {
    tensors.push(value)
    if (pattern.kind === 'leaf') return pattern.tensor === value
    if (pattern.kind !== 'tensor' || isLeafWithGradient(value)) return false
    const { shape, dtype } = value.node
    return dtype === pattern.dtype && (shape === pattern.shape || sameShape(shape, pattern.shape))
  }
  if (pattern.kind === 'other') return Object.is(pattern.value, value)
  if (pattern.kind === 'list') return Array.isArray(value) && matchesAll(pattern.items, value, tensors)
  if (pattern.kind !== 'record' || !isRecord(value)) return false
  const { names, items } = pattern
  if (names.length !== Object.keys(value).length) return false
  return names.every((name, i) => name in value && matches(items[i]!, value[name], tensors))
}

/** The value with its tensors replaced. */
function mapTensors(value: unknown, replace: (x: Tensor) => Tensor): unknown {
  if (value instanceof Tensor) return replace(value)
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, replace))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTensors(item, replace)]))
}

function resultOf(value: unknown, place: (x: Tensor) => Result): Result {
  if (value instanceof Tensor) return place(value)
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item) => resultOf(item, place)) }
  if (!isRecord(value)) return { kind: 'other', value }
  const names = Object.keys(value)
  return { kind: 'record', names, items: names.map((name) => resultOf(value[name], place)) }
}

function rebuild(
  result: Result,
  args: readonly Tensor[],
  make: (position: number, type: { readonly shape: Shape; readonly dtype: DType }) => Tensor,
): unknown {
  switch (result.kind) {
    case 'root':
      return make(result.position, result.type)
    case 'argument':
      return args[result.position]
    case 'list':
      return result.items.map((item) => rebuild(item, args, make))
    case 'record':
      return Object.fromEntries(result.names.map((name, i) => [name, rebuild(result.items[i]!, args, make)]))
    case 'other':
      return result.value
  }
}
