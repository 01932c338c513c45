import { Affine, type IndexVariable } from '../../lane/affine.ts'
import type { LaneBuilder } from '../../lane/builder.ts'
import type { BufferParameter } from '../../lane/program.ts'
import type { Node } from '../../graph/node.ts'
import type { Chain, Role } from '../../schedule/chain.ts'
import type { Arguments } from '../bindings.ts'

/** A query head, and the key head that it reads. */
export interface Head {
  readonly batch: Affine
  readonly query: Affine
  readonly key: Affine
}

/** The arrays that attention reads, by name. */
export class Operands {
  readonly chain: Chain
  private readonly node: Node<Chain>
  private readonly args: Arguments

  /** `node` is the one of a kernel's results that needs most inputs. */
  constructor(node: Node<Chain>, args: Arguments) {
    this.node = node
    this.chain = node.attrs
    this.args = args
  }

  has(role: Role): boolean {
    return this.chain.reads.some((read) => read.role === role)
  }

  /** Element type of what is read; undefined where nothing is. */
  dtypeOf(role: Role): Node['dtype'] | undefined {
    return this.node.inputs[this.indexOf(role)]?.dtype
  }

  buffer(role: Role): BufferParameter {
    return this.args.buffer(this.node.inputs[this.indexOf(role)]!)
  }

  /** Elements from one position of an axis of a role to the next. */
  step(role: Role, axis: number): number {
    return this.chain.reads[this.indexOf(role)]!.at.terms[axis]!
  }

  /** Where the element at these positions is, one for each axis behind batch and head. */
  at(role: Role, head: Head, ...positions: readonly Affine[]): Affine {
    const { at } = this.chain.reads[this.indexOf(role)]!
    const ofKeys = role === 'k' || role === 'v' || role === 'keyPanels' || role === 'valuePanels'
    const index = [head.batch, ofKeys ? head.key : head.query, ...positions]
    return index.reduce((sum, position, axis) => sum.plus(position.times(at.terms[axis]!)), Affine.of(at.offset))
  }

  private indexOf(role: Role): number {
    return this.chain.reads.findIndex((read) => read.role === role)
  }
}

/** The query head of a number in [0, B · H). */
export function queryHead(b: LaneBuilder, { batch, heads, keyHeads }: Chain, number: Affine): Head {
  const [sample, query] = batch === 1 ? [Affine.of(0), number] : pair(b.divide(number, heads))
  const key = heads === keyHeads ? query : Affine.of(b.divide(query, heads / keyHeads)[0])
  return { batch: sample, query, key }
}

const pair = ([a, b]: readonly [IndexVariable, IndexVariable]): [Affine, Affine] => [Affine.of(a), Affine.of(b)]

/** The query heads that share the key head of a number in [0, B · K), one after the other. */
export function eachHeadOfKey(
  b: LaneBuilder,
  { batch, heads, keyHeads }: Chain,
  number: Affine,
  body: (head: Head) => void,
): void {
  const [sample, key] = batch === 1 ? [Affine.of(0), number] : pair(b.divide(number, keyHeads))
  const group = heads / keyHeads
  b.loop({ count: group }, (i) => body({ batch: sample, query: key.times(group).plus(i), key }))
}
