import { sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { LaneBuilder } from '../lane/builder.ts'
import { argPoolCode } from './arg-pool.ts'
import { chainCode } from './attention/attention.ts'
import { Unsupported } from './bindings.ts'
import type { Chain } from '../schedule/chain.ts'
import { cumulativeCode } from './cumulative.ts'
import type { IndexLabels } from './emitter.ts'
import type { KernelCode } from './nest.ts'
import { scanCode } from './scan.ts'
import { scatterCode } from './scatter.ts'
import { writeAtCode } from './write-at.ts'

/** Lane code of an op with a kernel of its own. Throws {@link Unsupported} where lane code has no way to say it. */
type Writer = (node: Node, lanes: number, labels: IndexLabels, others: readonly Node[]) => KernelCode

const writers: Readonly<Record<string, Writer>> = {
  argPool: argPoolCode,
  chain: (node, lanes, _labels, others) => chainCode([node, ...others] as Node<Chain>[], lanes),
  cumulative: cumulativeCode,
  scanRows: scanCode,
  scatter: scatterCode,
  writeAt: writeAtCode,
}

/**
 * Lane code of a kernel that computes one op, or `others` with it, from whole operands. Throws {@link Unsupported} where there
 * is none.
 */
export function wholeCode(node: Node, lanes: number, labels: IndexLabels, others: readonly Node[] = []): KernelCode {
  if (sizeOf(node.shape) === 0)
    return { program: new LaneBuilder({ name: node.op.name, lanes }).finish(), bindings: [] }
  const writer = writers[node.op.name]
  if (!writer) throw new Unsupported(`op ${node.op.name}`)
  return writer(node, lanes, labels, others)
}
