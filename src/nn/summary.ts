import { bytesPerElement, isFloating } from '../core/dtype.ts'
import { formatShape, type Shape } from '../core/shape.ts'
import { withGrad } from '../graph/node.ts'
import { withoutTrace } from '../runtime/realize.ts'
import { zeros } from '../tensor/creation.ts'
import { defaultGenerator } from '../tensor/random.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Module } from './module.ts'
import type { Parameter } from './parameter.ts'

/** One module in a {@link Summary}. */
export interface SummaryRow {
  /** Path of the module; '' for the whole. */
  readonly path: string
  /** Name of its class. */
  readonly type: string
  /** Shapes of what its last call returned; empty when it was not called. */
  readonly outputs: readonly Shape[]
  /** Number of elements of its own parameters, without those of submodules and those counted before. */
  readonly parameters: number
  /** How many of them are trained. */
  readonly trainable: number
}

/** What `module.summary()` returns; prints as a table. */
export class Summary {
  readonly rows: readonly SummaryRow[]
  /** Number of elements of all parameters. */
  readonly parameters: number
  readonly trainable: number
  /** Bytes of all parameters and buffers. */
  readonly bytes: number

  constructor(rows: readonly SummaryRow[], bytes: number) {
    this.rows = rows
    this.parameters = rows.reduce((sum, row) => sum + row.parameters, 0)
    this.trainable = rows.reduce((sum, row) => sum + row.trainable, 0)
    this.bytes = bytes
  }

  toString(): string {
    const paths = new Set(this.rows.map(({ path }) => path))
    const body = this.rows.map(({ path, type, outputs, parameters, trainable }) => [
      layerLabel(path, type, paths),
      outputs.map(formatShape).join(', ') || '–',
      parameters === 0 ? '–' : grouped(parameters),
      parameters === 0 ? '–' : trainable === parameters ? 'yes' : trainable === 0 ? 'no' : 'partly',
    ])
    const table = [['Layer', 'Output shape', 'Parameters', 'Trainable'], ...body]
    const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column]!.length)))
    const line = (row: readonly string[]): string =>
      row
        .map((cell, c) => (c === 2 ? cell.padStart(widths[c]!) : cell.padEnd(widths[c]!)))
        .join('  ')
        .trimEnd()
    const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 2, -2))
    return [
      line(table[0]!),
      rule,
      ...table.slice(1).map(line),
      rule,
      `Parameters: ${grouped(this.parameters)} (${grouped(this.trainable)} trainable, ${grouped(this.parameters - this.trainable)} frozen)`,
      `Size of parameters and buffers: ${formatBytes(this.bytes)}`,
    ].join('\n')
  }
}

/** What `console.log` shows in Node. */
Object.defineProperty(Summary.prototype, Symbol.for('nodejs.util.inspect.custom'), {
  value(this: Summary): string {
    return this.toString()
  },
})

/** The path below the closest module above, indented once for each module above. */
function layerLabel(path: string, type: string, paths: ReadonlySet<string>): string {
  if (path === '') return type
  let depth = 1
  let start = 0
  for (let dot = path.indexOf('.'); dot >= 0; dot = path.indexOf('.', dot + 1)) {
    if (!paths.has(path.slice(0, dot))) continue
    depth++
    start = dot + 1
  }
  return `${'  '.repeat(depth)}${path.slice(start)}: ${type}`
}

/**
 * Calls `module` in evaluation mode on inputs of the given shapes and notes every shape that comes out. Shapes are known
 * when a call is recorded, so nothing is computed; what was recorded is forgotten.
 */
export function summarize(module: Module, inputs: readonly (Shape | Tensor)[]): Summary {
  const parameters = module.parameters()
  const dtype = parameters.find((parameter) => isFloating(parameter.dtype))?.dtype ?? 'float32'
  const outputs = new Map<Module, Shape[]>()
  const before = module.modules().map((each) => [each, each.training] as const)
  const handles = before.map(([each]) =>
    each.registerForwardHook((_module, _inputs, output) => {
      outputs.set(each, shapesIn(output))
      return undefined
    }),
  )
  const random = defaultGenerator.state()
  module.eval()
  try {
    withoutTrace(() =>
      withGrad(false, () => {
        const given = inputs.map((input) => (input instanceof Tensor ? input : zeros(input, { dtype })))
        module.forward(...(given as never[]))
      }),
    )
  } finally {
    defaultGenerator.setState(random)
    for (const handle of handles) handle.remove()
    for (const [each, training] of before) each.training = training
  }
  const counted = new Set<Parameter>()
  const rows = module.namedModules().map(([path, each]): SummaryRow => {
    const own = each.parameters({ recurse: false }).filter((parameter) => !counted.has(parameter))
    for (const parameter of own) counted.add(parameter)
    return {
      path,
      type: each.constructor.name,
      outputs: outputs.get(each) ?? [],
      parameters: elements(own),
      trainable: elements(own.filter((parameter) => parameter.requiresGrad)),
    }
  })
  const leaves = [...parameters, ...module.buffers()]
  return new Summary(
    rows,
    leaves.reduce((sum, leaf) => sum + leaf.size * bytesPerElement(leaf.dtype), 0),
  )
}

/** Shapes of all tensors in what a module returned: a tensor, or arrays and plain objects of them. */
function shapesIn(output: unknown): Shape[] {
  if (output instanceof Tensor) return [output.shape]
  if (typeof output === 'object' && output !== null) return Object.values(output).flatMap(shapesIn)
  return []
}

const elements = (parameters: readonly Parameter[]): number => parameters.reduce((sum, { size }) => sum + size, 0)

const grouped = (count: number): string => String(count).replace(/\B(?=(\d{3})+$)/g, ',')

function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = bytes === 0 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const scaled = bytes / 1024 ** power
  return `${power === 0 ? scaled : scaled.toFixed(1)} ${units[power]}`
}
