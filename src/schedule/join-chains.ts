import type { Node } from '../graph/node.ts'
import { type Chain, type ChainResult, isChain } from './chain.ts'
import type { Kernel, Whole } from './kernels.ts'
import { producersFirst } from './fusion.ts'
import { readsOf, resultsOf } from './phases.ts'

/** Results that come out of the same work, and from no more inputs than the first of them. */
const partners: Readonly<Partial<Record<ChainResult, ChainResult>>> = { output: 'sums', key: 'value' }

/** Chain kernels that compute the same scores become one kernel with two results. */
export function joinChains(kernels: readonly Kernel[]): readonly Kernel[] {
  const chains = kernels.filter((kernel): kernel is Whole => kernel.kind === 'whole' && isChain(kernel.node))
  const taken = new Set<Kernel>()
  const joined = new Map<Kernel, Kernel>()
  for (const kernel of chains) {
    const node = kernel.node as Node<Chain>
    const partner = chains.find((other) => !taken.has(other) && sharesWork(node, other.node as Node<Chain>))
    if (!partner) continue
    taken.add(partner)
    const both: Whole = { kind: 'whole', node, others: [partner.node] }
    joined.set(kernel, both).set(partner, both)
  }
  if (joined.size === 0) return kernels
  const units = kernels.map((kernel) => joined.get(kernel) ?? kernel)
  const producer = new Map(units.flatMap((unit) => resultsOf(unit).map((node) => [node, unit] as const)))
  return producersFirst(units, (unit) => [...readsOf(unit)].flatMap((node) => producer.get(node) ?? []))
}

/** Whether `other` is the partner of `node`: computed from the same inputs where both have them, and not needed by the others. */
function sharesWork(node: Node<Chain>, other: Node<Chain>): boolean {
  if (partners[node.attrs.of] !== other.attrs.of || other.attrs.causal !== node.attrs.causal) return false
  const own = new Map(node.attrs.reads.map(({ role, at }, i) => [role, `${node.inputs[i]!.id} ${JSON.stringify(at)}`]))
  const same = other.attrs.reads.every(
    ({ role, at }, i) => own.get(role) === `${other.inputs[i]!.id} ${JSON.stringify(at)}`,
  )
  return same && other.attrs.reads.some(({ role }) => role === 'mask') === own.has('mask') && !reaches(node, other)
}

/** Whether `node` is computed from `source`. */
function reaches(node: Node, source: Node): boolean {
  const seen = new Set<Node>()
  const open = [node]
  while (open.length > 0) {
    const next = open.pop()!
    if (next === source) return true
    if (seen.has(next)) continue
    seen.add(next)
    open.push(...next.inputs)
  }
  return false
}
