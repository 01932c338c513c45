import { describe, expect, test } from 'vitest'
import { cumulative } from '../graph/ops/cumulative.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { exp } from '../graph/ops/transcendental.ts'
import { permute, reshape, sliceDim } from '../graph/ops/views.ts'
import type { Node } from '../graph/node.ts'
import { canonicalize } from './canonical.ts'
import { makeKernels } from './kernels.ts'
import { phasesOf } from './phases.ts'
import { withoutCopies } from './views.ts'

const leaf = (): Node => buffer(new Float32Array(24), [6, 4], 'float32')

const total = (x: Node): Node => cumulative(x, 'sum', 0)

/** Offsets of what is read in place, and the ops of the kernels that are left, phase by phase. */
function viewsOf(...roots: Node[]): { readonly offsets: number[]; readonly phases: string[][] } {
  const program = canonicalize(roots)
  const { kernels, views } = withoutCopies(makeKernels(program).kernels, new Set(program.targets))
  const phases = phasesOf(kernels, views).map((phase) =>
    phase.map((kernel) => (kernel.kind === 'group' ? 'group' : kernel.node.op.name)),
  )
  for (const { source } of views.values()) expect(source.op.name).toBe('exp')
  return { offsets: [...views.values()].map(({ offset }) => offset), phases }
}

describe('what a kernel reads in place', () => {
  test('is a run of what another one stores, behind the phase that stores it', () => {
    const x = exp(leaf())
    const rows = sliceDim(x, 0, 2, 5)
    const wanted = { offsets: [8], phases: [['exp'], ['cumulative', 'cumulative']] }
    expect(viewsOf(total(x), total(rows))).toEqual(wanted)
    const both = { ...wanted, offsets: [8, 8] }
    expect(viewsOf(total(x), total(reshape(rows, [2, 6])))).toEqual(both)
  })

  test('is nothing whose elements lie apart or in another order', () => {
    const x = exp(leaf())
    const others = [sliceDim(x, 1, 0, 2), permute(x, [1, 0]), sliceDim(x, 0, 0, 6, 2)]
    for (const other of others) expect(viewsOf(total(x), total(other)).offsets).toEqual([])
  })

  test('is no result, no part of one, and no part of a leaf', () => {
    const x = exp(leaf())
    const rows = sliceDim(x, 0, 2, 5)
    expect(viewsOf(total(x), rows, total(rows)).offsets).toEqual([])
    expect(viewsOf(x, total(rows)).offsets).toEqual([])
    expect(viewsOf(total(sliceDim(leaf(), 0, 2, 5))).offsets).toEqual([])
  })
})
