import { evaluationOrder } from '../graph/interpret.ts'
import type { Attrs, Node } from '../graph/node.ts'
import { sourcesOf } from './canonical.ts'

/** Ops whose value is given at run time: their attributes are not part of the structure. */
const givenAtRunTime: ReadonlySet<string> = new Set(['scalar', 'buffer'])

const attrsText = new WeakMap<Attrs, string>()

function textOf(attrs: Attrs): string {
  let text = attrsText.get(attrs)
  if (text === undefined) {
    text = JSON.stringify(attrs, (_, value) =>
      typeof value === 'number' && !Number.isFinite(value) ? `${value}` : value,
    )
    attrsText.set(attrs, text)
  }
  return text
}

/**
 * The structure of a computation as text: ops, attributes, shapes and dtypes, with leaves by number. Equal keys mean that
 * one plan serves both.
 */
export function structuralKey(roots: readonly Node[]): string {
  const numbers = new Map<Node, number>()
  const parts: string[] = []
  const numberOf = (node: Node): number => {
    let number = numbers.get(node)
    if (number === undefined) {
      number = numbers.size
      numbers.set(node, number)
      if (node.value) parts.push(`leaf:${node.dtype}[${node.shape}]`)
    }
    return number
  }
  for (const node of evaluationOrder(roots)) {
    const attrs = givenAtRunTime.has(node.op.name) ? '' : textOf(node.attrs)
    parts.push(`${node.op.name}(${sourcesOf(node).map(numberOf)})${attrs}:${node.dtype}[${node.shape}]`)
    numberOf(node)
  }
  return `${parts.join(';')}>${roots.map(numberOf)}`
}
