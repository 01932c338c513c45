import { ShapeError, ValueError } from '../core/errors.ts'
import { formatShape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import { mul } from '../graph/ops/arithmetic.ts'
import { contract } from '../graph/ops/contract.ts'
import { reduce } from '../graph/ops/reduce.ts'
import { broadcastTo, permute, reshape, slice } from '../graph/ops/views.ts'
import { promote, wrap } from './base.ts'
import type { Tensor } from './tensor.ts'

/**
 * Einstein summation as `torch.einsum`: `einsum('bij,bjk->bik', x, y)`. Each operand's letters name its dimensions; equal letters
 * run together, and those that the output does not name are summed over. A letter twice in one operand takes its diagonal, `...`
 * stands for dimensions without a name, which broadcast, and without `->` the output has the letters that occur once, sorted.
 * Several operands are multiplied in pairs, always the pair with the smallest result.
 *
 * Throws a {@link ValueError} for an equation that is not one, a {@link ShapeError} where sizes differ.
 */
export function einsum(equation: string, ...operands: Tensor[]): Tensor {
  const { inputs, output } = parse(equation, operands)
  const sizes = labelSizes(equation, inputs, operands)
  let terms = promote(...operands).map((x, i) => unstretched(diagonals({ x, labels: inputs[i]! }), sizes))
  while (terms.length > 1) {
    const [i, j] = cheapestPair(terms, output, sizes)
    const rest = terms.filter((_, k) => k !== i && k !== j)
    terms = [...rest, multiply(terms[i]!, terms[j]!, neededBy(rest, output))]
  }
  const term = summed(terms[0]!, new Set(output))
  return wrap(arranged(term, output, sizes))
}

/** A label is a letter; dimensions under an ellipsis are labelled '-1', '-2' ... from the right. */
type Labels = readonly string[]

interface Term {
  readonly x: Node
  readonly labels: Labels
}

function parse(equation: string, operands: readonly Tensor[]): { inputs: Labels[]; output: Labels } {
  const refuse = (why: string): never => {
    throw new ValueError('einsum', `'${equation}': ${why}`)
  }
  const sides = equation.replaceAll(/\s/g, '').split('->')
  const parts = sides[0]!.split(',')
  if (sides.length > 2) refuse(`'->' may stand only once`)
  if (parts.length !== operands.length) refuse(`${parts.length} terms for ${operands.length} operands`)
  for (const part of [...parts, ...sides.slice(1)]) {
    if (!/^[a-zA-Z]*(\.\.\.)?[a-zA-Z]*$/.test(part)) refuse(`'${part}' is not a list of letters with at most one '...'`)
  }
  let hidden = 0
  const inputs = parts.map((part, i) => {
    const named = part.replace('...', '').length
    const { rank, shape } = operands[i]!
    if (part.includes('...') ? named > rank : named !== rank) {
      throw new ShapeError(
        'einsum',
        `'${part}' names ${named} dimensions, operand ${i} has shape ${formatShape(shape)}`,
      )
    }
    hidden = Math.max(hidden, rank - named)
    return labelsOf(part, rank - named)
  })
  if (sides[1] === undefined) return { inputs, output: implicitOutput(inputs, hidden) }
  const output = labelsOf(sides[1], hidden)
  const known = new Set(inputs.flat())
  output.forEach((label, i) => {
    if (output.indexOf(label) !== i) refuse(`the output names '${label}' twice`)
    if (!known.has(label)) refuse(`the output names '${label}', which no operand has`)
  })
  return { inputs, output }
}

function labelsOf(part: string, hidden: number): Labels {
  const [before = '', after = ''] = part.split('...')
  const unnamed = part.includes('...') ? Array.from({ length: hidden }, (_, i) => String(i - hidden)) : []
  return [...before, ...unnamed, ...after]
}

/** Ellipsis dimensions first, then the letters that occur exactly once, in alphabetical order. */
function implicitOutput(inputs: readonly Labels[], hidden: number): Labels {
  const all = inputs.flat()
  const once = all.filter((label) => label.length === 1 && all.indexOf(label) === all.lastIndexOf(label))
  return [...labelsOf('...', hidden), ...once.sort()]
}

/** The size of each label; size 1 broadcasts. */
function labelSizes(equation: string, inputs: readonly Labels[], operands: readonly Tensor[]): Map<string, number> {
  const sizes = new Map<string, number>()
  inputs.forEach((labels, i) => {
    labels.forEach((label, d) => {
      const size = operands[i]!.shape[d]!
      const known = sizes.get(label) ?? 1
      if (known !== 1 && size !== 1 && known !== size) {
        throw new ShapeError(
          'einsum',
          `'${equation}': ${label.length === 1 ? `'${label}'` : "'...'"} has size ${known} and, in operand ${i} of shape ${formatShape(operands[i]!.shape)}, size ${size}`,
        )
      }
      sizes.set(label, known === 1 ? size : known)
    })
  })
  return sizes
}

/** Takes the diagonal where a label occurs twice. */
function diagonals({ x, labels }: Term): Term {
  const first = labels.findIndex((label, d) => labels.includes(label, d + 1))
  if (first < 0) return { x, labels }
  const second = labels.indexOf(labels[first]!, first + 1)
  const others = [...labels.keys()].filter((d) => d !== first && d !== second)
  const n = Math.max(x.shape[first]!, x.shape[second]!)
  const moved = permute(x, [...others, first, second])
  const lead = moved.shape.slice(0, -2)
  const square = reshape(broadcastTo(moved, [...lead, n, n]), [...lead, n * n])
  const ranges = square.shape.map((stop, d) => ({ start: 0, stop, step: d === lead.length ? n + 1 : 1 }))
  return diagonals({ x: slice(square, ranges), labels: [...others.map((d) => labels[d]!), labels[first]!] })
}

/** Drops dimensions of size 1 whose label is larger elsewhere: the product broadcasts over them. */
function unstretched({ x, labels }: Term, sizes: ReadonlyMap<string, number>): Term {
  const kept = [...labels.keys()].filter((d) => x.shape[d] === sizes.get(labels[d]!))
  const shape = kept.map((d) => x.shape[d]!)
  return { x: reshape(x, shape), labels: kept.map((d) => labels[d]!) }
}

function neededBy(terms: readonly Term[], output: Labels): Set<string> {
  return new Set([...terms.flatMap(({ labels }) => labels), ...output])
}

/** Sums over labels that nobody needs any more. */
function summed({ x, labels }: Term, needed: ReadonlySet<string>): Term {
  const over = [...labels.keys()].filter((d) => !needed.has(labels[d]!))
  return { x: reduce(x, 'sum', over), labels: labels.filter((label) => needed.has(label)) }
}

function cheapestPair(terms: readonly Term[], output: Labels, sizes: ReadonlyMap<string, number>): [number, number] {
  let best: [number, number] = [0, 1]
  let least = Number.POSITIVE_INFINITY
  for (let i = 0; i < terms.length; i++) {
    for (let j = i + 1; j < terms.length; j++) {
      const needed = neededBy(
        terms.filter((_, k) => k !== i && k !== j),
        output,
      )
      const joint = new Set([...terms[i]!.labels, ...terms[j]!.labels])
      const result = sizeOf([...joint].filter((label) => needed.has(label)).map((label) => sizes.get(label)!))
      const growth = result - sizeOf(terms[i]!.x.shape) - sizeOf(terms[j]!.x.shape)
      if (growth >= least) continue
      least = growth
      best = [i, j]
    }
  }
  return best
}

/** The product of two terms, summed over the labels that only they have. Where nothing is summed it is elementwise. */
function multiply(left: Term, right: Term, needed: ReadonlySet<string>): Term {
  const a = summed(left, new Set([...needed, ...right.labels]))
  const b = summed(right, new Set([...needed, ...left.labels]))
  const shared = a.labels.filter((label) => b.labels.includes(label))
  const batch = shared.filter((label) => needed.has(label))
  const inner = shared.filter((label) => !needed.has(label))
  const places = (labels: Labels, of: Labels): number[] => of.map((label) => labels.indexOf(label))
  const labels = [
    ...batch,
    ...a.labels.filter((label) => !shared.includes(label)),
    ...b.labels.filter((label) => !shared.includes(label)),
  ]
  if (inner.length === 0) return { x: mul(aligned(a, labels), aligned(b, labels)), labels }
  const x = contract(a.x, b.x, {
    batch: [places(a.labels, batch), places(b.labels, batch)],
    reduce: [places(a.labels, inner), places(b.labels, inner)],
  })
  return { x, labels }
}

/** The term with its dimensions in the order of `labels`, and size 1 for those it does not have. */
function aligned(term: Term, labels: Labels): Node {
  const own = labels.filter((label) => term.labels.includes(label))
  const x = permute(
    term.x,
    own.map((label) => term.labels.indexOf(label)),
  )
  return reshape(
    x,
    labels.map((label) => (own.includes(label) ? x.shape[own.indexOf(label)]! : 1)),
  )
}

function arranged(term: Term, output: Labels, sizes: ReadonlyMap<string, number>): Node {
  return broadcastTo(
    aligned(term, output),
    output.map((label) => sizes.get(label)!),
  )
}
