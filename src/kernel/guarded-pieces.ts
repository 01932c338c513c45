import type { Expression } from '../schedule/expression.ts'
import { partsOf } from '../schedule/walk.ts'

/** More pieces than this make code longer than they save work. */
const mostPieces = 16

/**
 * Where pieces of an axis begin and end, so that the guards of `bodies` on that axis alone hold everywhere in a piece or nowhere, and none
 * of them is computed where it does not hold: gates side by side are four loops, not one in which every gate is masked. No piece is
 * shorter than `least`; guards that change inside of one stay masks.
 */
export function guardedPieces(bodies: readonly Expression[], axis: number, extent: number, least: number): number[] {
  const cuts = new Set<number>()
  for (const e of bodies.flatMap((body) => [...partsOf(body)])) {
    if (e.kind !== 'guard') continue
    for (const { value, low, high } of e.conditions) {
      const term = value.terms[axis]!
      if (Math.abs(term) !== 1 || value.terms.some((other, i) => i !== axis && other !== 0)) continue
      // low ≤ offset ± i < high
      const [from, to] = [low - value.offset, high - value.offset]
      for (const cut of term === 1 ? [from, to] : [1 - to, 1 - from]) cuts.add(cut)
    }
  }
  const pieces = [0]
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    if (cut - pieces.at(-1)! >= least && extent - cut >= least && pieces.length < mostPieces) pieces.push(cut)
  }
  return [...pieces, extent]
}
