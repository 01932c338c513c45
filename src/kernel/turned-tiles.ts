import { sizeOf } from '../core/shape.ts'
import type { LaneBuilder } from '../lane/builder.ts'
import type { Register } from '../lane/program.ts'
import type { Expression, Load } from '../schedule/expression.ts'
import type { Nest } from '../schedule/kernels.ts'

/*
 * Loads across the lines of an array, as a transposition does: what lies side by side in memory belongs to neighbouring positions
 * of the axis before the vectors'. Of a square tile of such elements each line is loaded as a vector, and the tile is turned in
 * registers, four shuffles a vector with AVX-512. A matrix of [2048, 1024] is transposed ten times as fast as by gathers.
 */

/** Turning a tile pays for so many positions of either axis. */
export const fewest = 4

/** Fewer elements are computed before the code for a tile would be made. */
const worthTurning = 2 ** 19

/** The loads of maps that lie along the axis before the vectors' and across the vectors'. */
export function crossingLoads(nests: readonly Nest[], vector: number): Load[] {
  const { extents, reduce } = nests[0]!
  const along = vector - 1
  if (reduce || along < 0 || extents[along]! < fewest || extents[vector]! < fewest) return []
  if (sizeOf(extents) < worthTurning) return []
  const seen = new Set<Expression>()
  const found: Load[] = []
  const visit = (e: Expression): void => {
    if (seen.has(e)) return
    seen.add(e)
    if (e.kind === 'apply') e.args.forEach(visit)
    if (e.kind === 'load' && e.at.terms[along] === 1 && Math.abs(e.at.terms[vector]!) > 1) found.push(e)
  }
  for (const { body } of nests) visit(body)
  return found
}

/** A square tile, a register a row, with rows and columns exchanged. */
export function turn(b: LaneBuilder, rows: readonly Register[]): Register[] {
  const { lanes } = b
  const quartets = Array.from({ length: lanes / 4 }, (_, q) => exchange(b, rows.slice(4 * q, 4 * q + 4), 4, 1))
  const columns = [0, 1, 2, 3].map((k) =>
    exchange(
      b,
      quartets.map((rows) => rows[k]!),
      lanes,
      4,
    ),
  )
  return Array.from(rows, (_, i) => columns[i % 4]![Math.floor(i / 4)]!)
}

/** As many registers as their blocks of lanes have units: register i then holds unit i of each, one behind the other. */
function exchange(b: LaneBuilder, registers: readonly Register[], block: number, unit: number): Register[] {
  if (registers.length === 1) return [...registers]
  const halves = [0, 1].map((parity) => {
    const pattern = everyOther(b.lanes, block, unit, parity)
    const pairs = Array.from({ length: registers.length / 2 }, (_, i) =>
      b.permute2(registers[2 * i]!, registers[2 * i + 1]!, pattern),
    )
    return exchange(b, pairs, block, unit)
  })
  return Array.from(registers, (_, i) => halves[i % 2]![i >> 1]!)
}

/** In each block of lanes: every other unit of the first register's block, then of the second's. */
function everyOther(lanes: number, block: number, unit: number, parity: number): number[] {
  return Array.from({ length: lanes }, (_, lane) => {
    const within = lane % block
    const half = within % (block / 2)
    const from = (2 * Math.floor(half / unit) + parity) * unit + (half % unit)
    return lane - within + from + (within < block / 2 ? 0 : lanes)
  })
}
