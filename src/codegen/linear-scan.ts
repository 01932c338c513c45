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
    const intervals = findIntervals(program, file, slots)
    const spilled = scan(program, file, intervals)
    if (spilled.size === 0) return result(intervals, slots)
    for (const { id } of spilled) slots.set(id, slots.size)
  }
}

function result(intervals: readonly Interval[], slots: ReadonlyMap<number, number>): Allocation {
  const physical = new Map<number, number>()
  const temporaries = new Map<Statement, Record<RegisterClass, number[]>>()
  for (const interval of intervals) {
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

/** Statement number n reads at 2n and writes at 2n + 1. */
function findIntervals(program: LaneProgram, file: RegisterFile, slots: ReadonlyMap<number, number>): Interval[] {
  const byRegister = new Map<number, Interval>()
  const intervals: Interval[] = []
  let position = 0

  const touch = (register: Register, at: number, statement: Statement, depth: number, hot: boolean): void => {
    let interval = byRegister.get(register.id)
    if (!interval) {
      interval = { class: file.classOf(register), start: at, end: at, register, statement, hot, depth, physical: -1 }
      byRegister.set(register.id, interval)
      intervals.push(interval)
    }
    interval.end = Math.max(interval.end, at)
    interval.depth = Math.max(interval.depth, depth)
    interval.hot ||= hot
  }

  const visit = (block: readonly Statement[], depth: number, hot: boolean): void => {
    for (const statement of block) {
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
      const defined = definedBy(statement)
      let { vector, mask } = file.temporaries(statement)
      const need = (register: Register): void => {
        if (file.classOf(register) === 'vector') vector++
        else mask++
      }
      const used = usedBy(statement)
      for (let i = 0; i < used.length; i++) {
        const register = used[i] as Register
        if (used.indexOf(register) < i) continue
        if (slots.has(register.id)) need(register)
        else if (byRegister.has(register.id)) touch(register, at, statement, depth, hot)
        else throw new AllocationError(`${program.name}: register ${register.id} is read before it is set`)
      }
      if (defined) {
        if (!slots.has(defined.id)) touch(defined, at + 1, statement, depth, hot)
        else if (!used.includes(defined)) need(defined)
      }
      const temporary = (cls: RegisterClass): void => {
        intervals.push({ class: cls, start: at, end: at + 1, register: null, statement, hot, depth, physical: -1 })
      }
      for (; vector > 0; vector--) temporary('vector')
      for (; mask > 0; mask--) temporary('mask')
    }
  }
  visit(program.body, 0, false)
  return intervals.sort((a, b) => a.start - b.start)
}

/** Gives every interval a physical register; returns the registers that have to be spilled for that. */
function scan(program: LaneProgram, file: RegisterFile, intervals: readonly Interval[]): Set<Register> {
  const free = { vector: new Set(file.available.vector), mask: new Set(file.available.mask) }
  const spilled = new Set<Register>()
  let active: Interval[] = []
  const byRegister = new Map(intervals.map((interval) => [interval.register?.id ?? -1, interval]))
  for (const current of intervals) {
    let ended = false
    for (let i = 0; i < active.length; i++) {
      const old = active[i]!
      if (old.end >= current.start) continue
      free[old.class].add(old.physical)
      ended = true
    }
    if (ended) active = active.filter((old) => old.end >= current.start)
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
