import { isFloating } from '../../core/dtype.ts'
import { backpropagate } from '../autograd.ts'
import { type Node, withGrad } from '../node.ts'
import { add } from '../ops/arithmetic.ts'
import { transcendental } from '../transcendental.ts'
import { postorder } from '../walk.ts'
import { type Body, closed, internBody, placeholder } from './body.ts'
import { type Stacks, SumOverTime } from './sum-over-time.ts'

/*
 * The derivative of a scan is a scan backwards. What one of its steps does is found here, once for each body: back-propagation
 * through the body's graph gives the cotangents of its parameters; what that needs of the forward step is either kept by the
 * forward scan (residuals) or computed again; and what each invariant parameter gets is summed over all steps at once where
 * the summand is a product or a sum (one product over time and batch), step by step where not.
 */

/** What a step of the backward scan reads of the forward one, at the same time. */
export type Source =
  | { readonly kind: 'state'; readonly index: number }
  | { readonly kind: 'x'; readonly index: number }
  /** A result of the extended body, kept for every step; of a state: the one after the step. */
  | { readonly kind: 'result'; readonly index: number }

export interface Linearization {
  /** The body with residuals as further results. */
  readonly extended: Body
  /**
   * One step backwards. State: the cotangents of the forward state, then sums that are carried. Read step by step: what flows
   * into each kept state and into each y, then `sources`. Invariants: `invariants`. Results: the next state, then `emitted`.
   */
  readonly reverse: Body
  readonly sources: readonly Source[]
  /** The same for everything that {@link Stacks} are asked for. */
  readonly places: ReadonlyMap<Node, Source>
  /** Shapes of the sums that are carried, as nodes. */
  readonly carried: readonly Node[]
  /** Which ys of the forward body get a cotangent. */
  readonly ys: readonly number[]
  /** What the backward scan reads that is the same at all steps, given the forward scan's invariants. */
  invariants(forward: readonly Node[]): Node[]
  /** For each parameter of the forward body how its cotangent comes out; undefined where there is none. */
  readonly cotangents: readonly (Cotangent | undefined)[]
}

export type Cotangent =
  | { readonly kind: 'state'; readonly index: number }
  | { readonly kind: 'emitted'; readonly index: number }
  | { readonly kind: 'carried'; readonly index: number }
  | { readonly kind: 'sum'; sum(stacks: Stacks): Node }

/** How a scan divides the parameters of its body. */
export interface Division {
  readonly carries: number
  readonly xs: number
  /** Parameters whose cotangents are asked for. */
  readonly wanted: readonly boolean[]
}

const known = new WeakMap<Body, Map<string, Linearization>>()

/**
 * The derivative of a body with floating state. With `again` nothing is kept but states, and the backward step can be
 * differentiated itself.
 */
export function linearize(body: Body, division: Division, again: boolean): Linearization {
  const key = `${division.carries},${division.xs},${division.wanted.map(Number).join('')},${again}`
  const own = known.get(body) ?? new Map<string, Linearization>()
  known.set(body, own)
  const found = own.get(key) ?? withGrad(again, () => new Derivation(body, division, again).derive())
  own.set(key, found)
  return found
}

class Derivation {
  private readonly body: Body
  private readonly division: Division
  private readonly again: boolean
  /** Forward nodes that differ from step to step, and where the backward step reads some of them. */
  private readonly varying = new Set<Node>()
  private readonly constant = new Set<Node>()
  private readonly places = new Map<Node, Source>()
  private readonly residuals: Node[] = []
  private readonly emitted: Node[] = []

  constructor(body: Body, division: Division, again: boolean) {
    this.body = body
    this.division = division
    this.again = again
  }

  derive(): Linearization {
    const { body, division, again } = this
    const { carries, xs } = division
    const states = body.parameters.slice(0, carries)
    const isDifferentiable = (node: Node): boolean => isFloating(node.dtype) && node.requiresGrad
    const ys = [...body.results.keys()].filter((i) => i >= carries && isDifferentiable(body.results[i]!))
    const flowing = [...states.keys(), ...ys].map((i) => body.results[i]!)
    const seeds = flowing.map((node) => placeholder(node, again))
    const cotangents = backpropagate(flowing, seeds, again)
    const into = states.map((state) => placeholder(state, again))
    const nextStates = states.map((state, k) => {
      const dx = cotangents.get(state)
      return dx ? add(dx, into[k]!) : into[k]!
    })
    const wanted = body.parameters.map((node, i) =>
      division.wanted[i] && i >= carries ? cotangents.get(node) : undefined,
    )

    this.placeForwardNodes()
    const needed = wanted.filter((node) => node !== undefined)
    this.keepResiduals([...nextStates, ...needed], seeds)

    const sums = new SumOverTime({
      varies: (node) => this.varies(node, seeds),
      isKept: (node) => this.places.has(node),
      emit: (node) => this.emit(node),
    })
    const carried: { readonly before: Node; readonly after: Node }[] = []
    const found = wanted.map((node, i): Cotangent | undefined => {
      if (!node) return undefined
      if (i < carries + xs) return { kind: 'emitted', index: this.emit(node) }
      const sum = sums.of(node)
      if (sum) return { kind: 'sum', sum }
      const before = placeholder(node, again)
      carried.push({ before, after: add(before, node) })
      return { kind: 'carried', index: carried.length - 1 }
    })
    const results = [...nextStates, ...carried.map(({ after }) => after), ...this.emitted]
    const read = this.sourcesOf(results)
    const parameters = [
      ...seeds.slice(0, carries),
      ...carried.map(({ before }) => before),
      ...into,
      ...seeds.slice(carries),
      ...read.map(([node]) => node),
    ]
    const invariants = body.parameters.slice(carries + xs)
    const { body: reverse, captures } = closed(parameters, results, (node) => invariants.includes(node))
    const outer = internBody(invariants, captures)
    return {
      extended: internBody(body.parameters, [...body.results, ...this.residuals]),
      reverse,
      sources: read.map(([, source]) => source),
      places: this.places,
      carried: carried.map(({ before }) => before),
      ys,
      invariants: (forward) => outer.instantiate(forward),
      cotangents: found.map((cotangent, i) =>
        i < carries && division.wanted[i] ? { kind: 'state', index: i } : cotangent,
      ),
    }
  }

  /** Where states, inputs and results are found at every step. */
  private placeForwardNodes(): void {
    const { parameters, results } = this.body
    const { carries, xs } = this.division
    const place = (node: Node, source: Source): void => {
      if (this.places.has(node)) return
      this.varying.add(node)
      this.places.set(node, source)
    }
    for (const [i, node] of parameters.slice(0, carries + xs).entries()) {
      place(node, i < carries ? { kind: 'state', index: i } : { kind: 'x', index: i - carries })
    }
    // When the derivative is to be differentiated itself, results are computed again.
    if (!this.again) for (const [i, node] of results.entries()) place(node, { kind: 'result', index: i })
  }

  /** Whether a node of the forward step or of the backward one differs from step to step. */
  private varies(node: Node, seeds: readonly Node[]): boolean {
    const order = postorder([node], (x) => (this.constant.has(x) || this.varying.has(x) ? [] : x.inputs))
    for (const x of order) {
      if (this.varying.has(x) || this.constant.has(x)) continue
      if (seeds.includes(x) || x.inputs.some((input) => this.varying.has(input))) this.varying.add(x)
      else this.constant.add(x)
    }
    return this.varying.has(node)
  }

  /** Decides what of the forward step is kept for the backward one, whose results are `results`. */
  private keepResiduals(results: readonly Node[], seeds: readonly Node[]): void {
    const backward = new Set<Node>(seeds)
    const order = postorder(results, (node) => (this.places.has(node) || backward.has(node) ? [] : node.inputs))
    const frontier = new Set<Node>()
    for (const node of order) {
      if (node.inputs.some((input) => backward.has(input))) backward.add(node)
    }
    for (const node of order) {
      if (!backward.has(node)) continue
      for (const input of node.inputs) if (!backward.has(input)) frontier.add(input)
    }
    for (const node of frontier) {
      if (!this.varies(node, seeds) || this.again) continue
      const expensive = this.expensiveAncestors(node, seeds)
      for (const kept of expensive.size === 1 ? expensive : expensive.size > 1 ? [node] : []) this.keep(kept)
    }
  }

  private keep(node: Node): void {
    if (this.places.has(node)) return
    this.places.set(node, { kind: 'result', index: this.body.results.length + this.residuals.length })
    this.residuals.push(node)
  }

  /** What would have to be kept so that `node` costs little to compute again. */
  private expensiveAncestors(node: Node, seeds: readonly Node[]): Set<Node> {
    const found = new Set<Node>()
    const visit = (x: Node): void => {
      if (this.places.has(x) || !this.varies(x, seeds)) return
      const { kind, name } = x.op
      const isCheap = kind === 'view' || (kind === 'elementwise' && !transcendental.has(name))
      if (isCheap) for (const input of x.inputs) visit(input)
      else if (kind !== 'elementwise' || !x.inputs.every((input) => this.isAtHand(input, seeds))) found.add(x)
    }
    visit(node)
    return found
  }

  /** Whether a value is kept, or follows from kept ones by views and cheap functions. */
  private isAtHand(node: Node, seeds: readonly Node[]): boolean {
    return this.expensiveAncestors(node, seeds).size === 0
  }

  /** The number of a value that the backward scan gives out for every step. */
  private emit(node: Node): number {
    const before = this.emitted.indexOf(node)
    if (before >= 0) return before
    this.emitted.push(node)
    return this.emitted.length - 1
  }

  /** The forward values that `results` are computed from. */
  private sourcesOf(results: readonly Node[]): (readonly [Node, Source])[] {
    const order = postorder(results, (node) => (this.places.has(node) ? [] : node.inputs))
    return order.flatMap((node) => {
      const source = this.places.get(node)
      return source ? [[node, source] as const] : []
    })
  }
}
