import { bytesPerElement } from '../core/dtype.ts'
import { formatShape, sizeOf } from '../core/shape.ts'
import type { Node } from '../graph/node.ts'
import type { Expression } from './expression.ts'
import type { Group, Kernel, Nest } from './kernels.ts'
import { readsOf, resultsOf } from './phases.ts'
import { partsOf } from './walk.ts'

/** A plan as `GRADUS_DEBUG=plan` shows it. */
export interface PrintedPlan {
  /** Kernels that run at the same time, one phase after the other. */
  readonly phases: readonly (readonly Kernel[])[]
  /** Into how many chunks the threads divide a kernel; undefined where the interpreter computes it. */
  chunksOf(kernel: Kernel): number | undefined
  /** Memory of everything that lives during a run only. */
  readonly arenaBytes: number
  readonly threads: number
  readonly milliseconds: number
}

/** What a kernel does, in numbers: each elementwise operation and each step of a reduction counts as one. */
export interface Work {
  readonly operations: number
  readonly read: number
  readonly written: number
}

/** The plan as text: a line of totals, then a line for each kernel. */
export function printPlan({ phases, chunksOf, arenaBytes, threads, milliseconds }: PrintedPlan): string {
  const kernels = phases.flat()
  const total = kernels.map(workOf).reduce(added, { operations: 0, read: 0, written: 0 })
  const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`
  const head = [
    `plan of ${counted(kernels.length, 'kernel')} in ${counted(phases.length, 'phase')}: ${unit(total.operations, 1000, 'FLOP')}`,
    `${bytes(total.read)} read, ${bytes(total.written)} written, arena ${bytes(arenaBytes)}`,
    `${counted(threads, 'thread')}, made in ${milliseconds.toFixed(1)} ms`,
  ]
  const rows = phases.flatMap((phase, number) =>
    phase.map((kernel, i) => {
      const work = workOf(kernel)
      const chunks = chunksOf(kernel)
      return [
        i === 0 ? `${number + 1}` : '',
        chunks === undefined ? 'interpreter' : kindOf(kernel),
        resultOf(kernel),
        contentOf(kernel),
        unit(work.operations, 1000, ''),
        bytes(work.read),
        bytes(work.written),
        chunks === undefined ? '-' : `${chunks}`,
      ]
    }),
  )
  return `${head.join('; ')}\n${table([heading, ...rows])}\n`
}

const heading = ['phase', 'kernel', 'result', 'computes', 'FLOP', 'read', 'written', 'chunks']
const numeric: ReadonlySet<number> = new Set([4, 5, 6, 7])

function table(rows: readonly (readonly string[])[]): string {
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (numeric.has(column) ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
  return rows.map((row) => `  ${line(row)}`.trimEnd()).join('\n')
}

function kindOf(kernel: Kernel): string {
  if (kernel.kind === 'group') return isPass(kernel) ? 'pass' : 'rows'
  if (kernel.kind === 'nest') return kernel.reduce ? 'reduction' : 'map'
  return kernel.kind === 'product' ? 'product' : kernel.node.op.name
}

/** Maps over the same positions, as opposed to stages of rows. */
function isPass({ members, rowAxes }: Group): boolean {
  return members.every(({ reduce, extents }) => !reduce && extents.length === rowAxes)
}

function resultOf(kernel: Kernel): string {
  const stored = storedBy(kernel)
  const [last] = stored.slice(-1)
  const text = `${last!.dtype === 'float32' ? '' : `${last!.dtype} `}${formatShape(last!.shape)}`
  return stored.length > 1 ? `${text} and ${stored.length - 1} more` : text
}

/** Names of what a kernel computes, one member of a group behind the other; the longest lists are cut. */
function contentOf(kernel: Kernel): string {
  if (kernel.kind === 'whole') return kernel.node.op.name
  if (kernel.kind === 'product') {
    const { extents, resultAxes } = kernel.product
    const epilogue = kernel.epilogue ? [`→ ${namesIn(kernel.epilogue)}`] : []
    return cut([`Σ over ${formatShape(extents.slice(resultAxes))}`, ...epilogue].join(' '))
  }
  return cut((kernel.kind === 'nest' ? [kernel] : kernel.members).map(nestContent).join(' | '))
}

function nestContent({ node, reduce, body }: Nest): string {
  const names = namesIn(body)
  if (!reduce) return names || node.op.name
  return names ? `${reduce} of ${names}` : reduce
}

const longest = 60

function cut(text: string): string {
  return text.length > longest ? `${text.slice(0, longest - 1)}…` : text
}

/** Ops in the order in which they are done; what is done several times is said once. */
function namesIn(root: Expression): string {
  const names: string[] = []
  for (const part of [...partsOf(root)].reverse()) {
    if (part.kind === 'apply') names.push(part.node.op.name)
    else if (part.kind === 'gather') names.push('gather')
    else if (part.kind === 'random') names.push('random')
  }
  return [...new Set(names)].join(' ')
}

function storedBy(kernel: Kernel): readonly Node[] {
  const stored = resultsOf(kernel).filter((node) => kernel.kind !== 'group' || !kernel.local.has(node))
  return stored.length > 0 ? stored : [kernel.node]
}

/** What a kernel does; of a kernel with an algorithm of its own only the bytes are known. */
export function workOf(kernel: Kernel): Work {
  const size = (nodes: Iterable<Node>): number =>
    [...nodes].reduce((sum, { shape, dtype }) => sum + sizeOf(shape) * bytesPerElement(dtype), 0)
  return { operations: operationsOf(kernel), read: size(readsOf(kernel)), written: size(storedBy(kernel)) }
}

function operationsOf(kernel: Kernel): number {
  if (kernel.kind === 'group') return kernel.members.reduce((sum, member) => sum + operationsOf(member), 0)
  if (kernel.kind === 'whole') return 0
  if (kernel.kind === 'nest') return sizeOf(kernel.extents) * (appliesIn(kernel.body) + (kernel.reduce ? 1 : 0))
  const { extents } = kernel.product
  const finish = kernel.epilogue ? appliesIn(kernel.epilogue) * sizeOf(kernel.node.shape) : 0
  return 2 * sizeOf(extents) + finish
}

function appliesIn(root: Expression): number {
  return [...partsOf(root)].filter(({ kind }) => kind === 'apply').length
}

function added(a: Work, b: Work): Work {
  return { operations: a.operations + b.operations, read: a.read + b.read, written: a.written + b.written }
}

/** `1.5 MB`: at most three digits, and a prefix. */
function unit(value: number, base: number, name: string): string {
  let rest = value
  let prefix = 0
  while (rest >= base && prefix < prefixes.length - 1) {
    rest /= base
    prefix++
  }
  return `${prefix === 0 || rest >= 100 ? Math.round(rest) : rest.toFixed(1)} ${prefixes[prefix]}${name}`.trimEnd()
}

const prefixes = ['', 'k', 'M', 'G', 'T']

const bytes = (value: number): string => unit(value, 1024, 'B')
