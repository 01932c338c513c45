/**
 * Register allocation by linear scan (Poletto and Sarkar, 1999) over structured lane code. Each virtual register has one interval from its first
 * definition to its last use, drawn out to the end of every loop that carries it. Registers that do not fit live in memory throughout;
 * statements that touch them get temporaries, so the scan is repeated until nothing new is spilled.
 */
import { definedBy, type LaneProgram, type Register, type Statement, usedBy, type Value } from '../lane/program.ts'

export type RegisterClass = 'vector' | 'mask'

/** What a target says about its registers. */
export interface RegisterFile {
  readonly available: Readonly<Record<RegisterClass, readonly number[]>>
  classOf(register: Register): RegisterClass
  /** Registers that the code of a statement needs besides operands and result, when all of these are in registers. */
  temporaries(statement: Statement): Readonly<Record<RegisterClass, number>>
}

export interface Allocation {
  /** Physical register of a virtual one; undefined if it was spilled. */
  readonly physical: ReadonlyMap<number, number>
  /** Number of the memory slot of a spilled register. */
  readonly slots: ReadonlyMap<number, number>
  readonly temporaries: ReadonlyMap<Statement, Readonly<Record<RegisterClass, readonly number[]>>>
}

/** The registers of the target do not suffice where spilling is forbidden or does not help. */
export class AllocationError extends Error {
  override readonly name = 'AllocationError'
}

interface Interval {
  readonly class: RegisterClass
  readonly start: number
  end: number
  /** null: a temporary. */
  readonly register: Register | null
  readonly statement: Statement
  /** Used inside a loop where nothing may be spilled. */
  hot: boolean
  /** Depth of the innermost loop that touches it. */
  depth: number
  physical: number
}

export function allocate(program: LaneProgram, file: RegisterFile): Allocation {
  const slots = new Map<number, number>()
  for (;;) {
    const live = findIntervals(program, file, slots)
    const spilled = scan(program, file, live)
    if (spilled.size === 0) return result(live.intervals, slots)
    for (const { id } of spilled) slots.set(id, slots.size)
  }
}

function result(intervals: readonly Interval[], slots: ReadonlyMap<number, number>): Allocation {
  const physical = new Map<number, number>()
  const temporaries = new Map<Statement, Record<RegisterClass, number[]>>()
  for (let i = 0; i < intervals.length; i++) {
    const interval = intervals[i]!
    if (interval.register) {
      physical.set(interval.register.id, interval.physical)
      continue
    }
    const list = temporaries.get(interval.statement) ?? { vector: [], mask: [] }
    list[interval.class].push(interval.physical)
    temporaries.set(interval.statement, list)
  }
  return { physical, slots, temporaries }
}

/** Intervals in the order in which they start, and those of registers by number. */
interface Live {
  readonly intervals: readonly Interval[]
  readonly byRegister: ReadonlyMap<number, Interval>
}

/** Statement number n reads at 2n and writes at 2n + 1. */
function findIntervals(program: LaneProgram, file: RegisterFile, slots: ReadonlyMap<number, number>): Live {
  const byRegister = new Map<number, Interval>()
  const intervals: Interval[] = []
  let position = 0

  const begin = (cls: RegisterClass, register: Register | null, statement: Statement, start: number): Interval => {
    const interval = { class: cls, start, end: start, register, statement, hot: false, depth: 0, physical: -1 }
    intervals.push(interval)
    return interval
  }
  const touch = (interval: Interval, at: number, depth: number, hot: boolean): void => {
    if (at > interval.end) interval.end = at
    if (depth > interval.depth) interval.depth = depth
    interval.hot ||= hot
  }

  const visit = (block: readonly Statement[], depth: number, hot: boolean): void => {
    for (let n = 0; n < block.length; n++) {
      const statement = block[n]!
      const at = 2 * position++
      if (statement.kind === 'loop') {
        visit(statement.body, depth + 1, statement.hot || hot)
        // What the loop reads from before it must last for every round.
        const end = 2 * position++
        for (let i = 0; i < intervals.length; i++) {
          const interval = intervals[i]!
          if (interval.register && interval.start < at && interval.end > at) interval.end = end
        }
        continue
      }
      if (statement.kind === 'when') {
        visit(statement.body, depth, hot)
        visit(statement.otherwise, depth, hot)
        continue
      }
      const used = usedBy(statement)
      for (let i = 0; i < used.length; i++) {
        const { id } = used[i]!
        if (slots.has(id)) continue
        const interval = byRegister.get(id)
        if (!interval) throw new AllocationError(`${program.name}: register ${id} is read before it is set`)
        touch(interval, at, depth, hot)
      }
      const needed = neededBy(statement, file, slots)
      for (let i = 0; i < needed.vector; i++) touch(begin('vector', null, statement, at), at + 1, depth, hot)
      for (let i = 0; i < needed.mask; i++) touch(begin('mask', null, statement, at), at + 1, depth, hot)
      const defined = definedBy(statement)
      if (!defined || slots.has(defined.id)) continue
      let interval = byRegister.get(defined.id)
      if (!interval) {
        interval = begin(file.classOf(defined), defined, statement, at + 1)
        byRegister.set(defined.id, interval)
      }
      touch(interval, at + 1, depth, hot)
    }
  }
  visit(program.body, 0, false)
  return { intervals, byRegister }
}

/** Registers for a statement alone: its own temporaries, and one for each register in memory that it reads or sets. */
function neededBy(
  statement: Statement,
  file: RegisterFile,
  slots: ReadonlyMap<number, number>,
): Readonly<Record<RegisterClass, number>> {
  const own = file.temporaries(statement)
  if (slots.size === 0) return own
  const all = { ...own }
  const defined = definedBy(statement)
  const touched = new Set(defined ? [...usedBy(statement), defined] : usedBy(statement))
  for (const register of touched) if (slots.has(register.id)) all[file.classOf(register)]++
  return all
}

/** Gives every interval a physical register; returns the registers that have to be spilled for that. */
function scan(program: LaneProgram, file: RegisterFile, { intervals, byRegister }: Live): Set<Register> {
  const free = { vector: new Set(file.available.vector), mask: new Set(file.available.mask) }
  const spilled = new Set<Register>()
  let active: Interval[] = []
  for (let n = 0; n < intervals.length; n++) {
    const current = intervals[n]!
    let kept = 0
    for (let i = 0; i < active.length; i++) {
      const old = active[i]!
      if (old.end >= current.start) active[kept++] = old
      else free[old.class].add(old.physical)
    }
    active.length = kept
    let choice = preferred(current, byRegister, free[current.class]) ?? firstOf(free[current.class])
    if (choice === undefined) {
      const loser = victim(program, [...active, current], current.class)
      spilled.add(loser.register!)
      if (loser === current) continue
      active = active.filter((other) => other !== loser)
      choice = loser.physical
    }
    current.physical = choice
    free[current.class].delete(choice)
    active.push(current)
  }
  return spilled
}

function firstOf(set: ReadonlySet<number>): number | undefined {
  for (const value of set) return value
  return undefined
}

/** The register of an operand that ends here: saves the move that a fused multiply-add would need. Addends first. */
function preferred(
  current: Interval,
  byRegister: ReadonlyMap<number, Interval>,
  free: ReadonlySet<number>,
): number | undefined {
  const { statement } = current
  if (!current.register || statement.kind !== 'compute') return undefined
  for (let i = statement.args.length - 1; i >= 0; i--) {
    const value = statement.args[i] as Value
    if (value.kind !== 'register') continue
    const operand = byRegister.get(value.id)
    if (operand && operand.end === current.start - 1 && free.has(operand.physical)) return operand.physical
  }
  return undefined
}

function victim(program: LaneProgram, candidates: readonly Interval[], cls: RegisterClass): Interval {
  const spillable = candidates.filter((interval) => interval.register && interval.class === cls && !interval.hot)
  spillable.sort((a, b) => a.depth - b.depth || b.end - a.end)
  if (spillable[0]) return spillable[0]
  throw new AllocationError(
    `${program.name}: a loop needs more ${cls} registers than there are, and nothing in it may be spilled`,
  )
}
