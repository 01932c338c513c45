import type { Node } from '../../graph/node.ts'
import type { Chain } from '../../schedule/chain.ts'
import type { KernelCode } from '../nest.ts'
import { forwardCode } from './forward.ts'
import { keyGradientCode } from './key-gradient.ts'
import { queryGradientCode } from './query-gradient.ts'
import { singleQueryCode } from './single-query.ts'

/** Lane code of attention block by block; `nodes` are results of the same work. */
export function chainCode(nodes: readonly Node<Chain>[], lanes: number): KernelCode {
  const { of, panel } = nodes[0]!.attrs
  if (panel === 0) return singleQueryCode(nodes[0]!, lanes)
  if (of === 'output' || of === 'sums') return forwardCode(nodes, lanes)
  return of === 'query' ? queryGradientCode(nodes[0]!, lanes) : keyGradientCode(nodes, lanes)
}
