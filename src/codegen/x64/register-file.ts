/** What the two instruction sets offer to the allocator, and what each statement needs on top of its operands. */
import {
  type Access,
  type Compute,
  type Register,
  type Statement,
  type Value,
  valueTypeOf,
} from '../../lane/program.ts'
import type { RegisterFile } from '../linear-scan.ts'

export type InstructionSet = 'avx512' | 'avx2'

const numbers = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i)

type Counts = ReturnType<RegisterFile['temporaries']>

const none: Counts = { vector: 0, mask: 0 }

/** AVX-512: 32 vectors, and opmasks 1 to 7 for masks. AVX2: 16 vectors, which also hold masks (all ones or zero in a lane). */
export function registerFile(set: InstructionSet): RegisterFile {
  const wide = set === 'avx512'
  return {
    available: wide ? { vector: numbers(0, 31), mask: numbers(1, 7) } : { vector: numbers(0, 15), mask: [] },
    classOf: (register: Register) => (wide && register.type === 'mask' ? 'mask' : 'vector'),
    temporaries: (statement) => temporaries(statement, wide),
  }
}

/** Operations that may swap their operands. */
export const COMMUTATIVE: ReadonlySet<string> = new Set([
  ...['add', 'mul', 'iadd', 'imul', 'iand', 'ior', 'ixor', 'imin', 'imax'],
])

/** Whether an access is one plain instruction: all lanes, side by side or the same for all, 32 bits each. */
export function isPlain({ buffer, laneStride, within }: Access): boolean {
  return !within && laneStride <= 1 && laneStride >= 0 && (buffer.type === 'f32' || buffer.type === 'i32')
}

const isConstant = (value: Value | undefined): boolean => value?.kind === 'constant'

function temporaries(statement: Statement, wide: boolean): Counts {
  const counts = (vector: number, mask: number): Counts => ({ vector, mask: wide ? mask : 0 })
  switch (statement.kind) {
    case 'compute': {
      const vector = constantsInRegisters(statement) + computeTemporaries(statement, wide)
      return vector === 0 ? none : counts(vector, 0)
    }
    case 'load':
      return isPlain(statement.access) ? none : counts(2, 1)
    case 'store': {
      const constant = Number(isConstant(statement.value))
      if (isPlain(statement.access)) return constant === 0 ? none : counts(constant, 0)
      return counts(constant + (valueTypeOf(statement.access.buffer.type) === 'f32' ? 4 : 2), 2)
    }
    case 'gather':
      return counts(wide ? 2 : 3, 1)
    case 'check':
      return counts(3, 2)
    case 'mask':
      return counts(2, 0)
    default:
      return none
  }
}

/** Constants that cannot be memory operands because of their place. */
function constantsInRegisters({ op, args }: Compute): number {
  if (!args.some(isConstant)) return 0
  const [a, b, c] = args
  if (op === 'fma' || op === 'fnma') return Math.max(0, args.filter(isConstant).length - 1)
  if (op === 'select') return Number(isConstant(c))
  if (op === 'ilt') return args.filter(isConstant).length
  if (op === 'move' || !isConstant(a)) return 0
  return COMMUTATIVE.has(op) && !isConstant(b) ? 0 : 1
}

function computeTemporaries({ op }: Compute, wide: boolean): number {
  if (op === 'reduceAdd' || op === 'reduceMax' || op === 'reduceMin') return 2
  if (op === 'permute') return 1
  if (op === 'permute2') return wide ? 1 : 2
  if (op === 'rotl') return wide ? 0 : 1
  return 0
}
