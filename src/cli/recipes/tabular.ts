import * as v from 'valibot'
import { FileError } from '../../core/errors.ts'
import type { ColumnType } from '../../data/columns.ts'
import { csv, inferCsvColumns } from '../../data/csv.ts'
import { randomSplit } from '../../data/split.ts'
import { TensorDataset } from '../../data/tensor-dataset.ts'
import { ReLU } from '../../nn/activations/rectifiers.ts'
import { Sequential } from '../../nn/containers.ts'
import { softmax } from '../../nn/functional/activations.ts'
import { crossEntropy } from '../../nn/functional/losses/classification.ts'
import { huberLoss } from '../../nn/functional/losses/regression.ts'
import { Dropout } from '../../nn/layers/dropout.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { Module } from '../../nn/module.ts'
import { Buffer } from '../../nn/parameter.ts'
import { tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { mae, r2, rmse } from '../../train/regression-metrics.ts'
import { UsageError } from '../failure.ts'
import { count, percent } from '../terminal/format.ts'
import { classification, type Recipe, type RecipeModel } from './recipe.ts'
import { type CommonSettings, commonSettings, setting } from './settings.ts'

interface Settings extends CommonSettings {
  readonly data: string
  readonly target: string
  readonly ignore: string
  readonly hidden: number
}

/** One input column: numbers are scaled, texts and truth values become one input a value. */
interface Column {
  readonly name: string
  readonly type: ColumnType
  /** Of numbers; a missing one is taken for the mean. */
  readonly mean: number
  readonly deviation: number
  /** Of texts, the most frequent first; none where they are too many to be categories. */
  readonly values: readonly string[]
}

/** What turns rows into inputs and outputs back into units. */
interface Encoding {
  readonly columns: readonly Column[]
  readonly target: Column
}

interface TableModel extends RecipeModel {
  readonly encoding: Encoding
}

const column: v.GenericSchema<unknown, Column> = v.strictObject({
  name: v.string(),
  type: v.picklist(['number', 'integer', 'boolean', 'string', 'date']),
  mean: v.number(),
  deviation: v.number(),
  values: setting.texts,
})

/** More values than this, and a column of texts is a name, not a category. */
const mostValues = 50

/** A perceptron whose outputs are in the target's own units: scaling back is part of the model. */
class Perceptron extends Module {
  body: Sequential
  scale: Buffer
  offset: Buffer

  constructor(inputs: number, hidden: number, outputs: number, target: Column) {
    super()
    this.body = new Sequential(
      ...[new Linear(inputs, hidden), new ReLU(), new Dropout(0.1), new Linear(hidden, hidden), new ReLU()],
      new Linear(hidden, outputs),
    )
    const isNumber = target.type === 'number'
    this.scale = new Buffer(tensor([isNumber ? target.deviation : 1]))
    this.offset = new Buffer(tensor([isNumber ? target.mean : 0]))
  }

  forward(x: Tensor): Tensor {
    return this.body.forward(x).mul(this.scale).add(this.offset)
  }
}

/** A table: regression where the target is a number, else classification. */
export const tabularRecipe: Recipe<Settings, Encoding, TableModel> = {
  name: 'tabular',
  description: 'a perceptron that foretells one column of a CSV file from the others',
  settings: v.strictObject({
    ...commonSettings({ epochs: 100, batchSize: 32, lr: 3e-3 }),
    data: setting.text('CSV file with a header'),
    target: setting.text('column to foretell'),
    ignore: v.optional(setting.text('columns to leave out, with commas between'), ''),
    hidden: v.optional(setting.whole(1, 'width of the two hidden layers'), 64),
  }),
  known: v.strictObject({ columns: v.array(column), target: column }),
  async prepare(settings) {
    const { data, target, ignore, seed } = settings
    const types = await inferCsvColumns(data)
    if (!(target in types)) {
      throw new UsageError(`${data} has no column '${target}'; it has ${Object.keys(types).join(', ')}`)
    }
    const left = new Set(ignore.split(',').map((name) => name.trim()))
    const wanted = Object.fromEntries(Object.entries(types).filter(([name]) => !left.has(name)))
    const rows = await csv(data, { columns: wanted })
      .filter((row) => isThere(row[target]))
      .toArray()
    if (rows.length < 10)
      throw new FileError('tabular', `${data}: ${rows.length} rows have a ${target}; at least 10 are needed`)
    const parts = randomSplit({ length: rows.length, get: (i) => rows[i]! }, [0.7, 0.15, 0.15], { seed })
    const known = Array.from(parts[0]!.indices, (i) => rows[i]!)
    const describe = (name: string, list: readonly TableRow[]): Column => columnOf(name, types[name]!, list)
    const encoding: Encoding = {
      columns: Object.keys(wanted)
        .filter((name) => name !== target)
        .map((name) => describe(name, known))
        .map((input) => (input.values.length > mostValues ? { ...input, values: [] } : input)),
      // All classes are known from the start, also those that training does not see.
      target: describe(target, types[target] === 'number' ? known : rows),
    }
    const sets = parts.map(({ indices }) =>
      tensors(
        Array.from(indices, (i) => rows[i]!),
        encoding,
      ),
    )
    const used = encoding.columns.filter((column) => widthOf(column) > 0)
    if (used.length === 0) throw new UsageError(`${data}: no column is left to foretell ${target} from`)
    return {
      ...tableModel(settings, encoding),
      known: encoding,
      train: sets[0]!,
      validation: sets[1]!,
      test: sets[2]!,
      facts: [
        `${count(sets[0]!.length)} rows to train, ${count(sets[1]!.length)} to watch, ${count(sets[2]!.length)} to test`,
        `${target} from ${used.map(({ name }) => name).join(', ')}`,
      ],
    }
  },
  restore: async (settings, known) => tableModel(settings, known),
  async testOn(data, { model, encoding }) {
    const { columns, target } = encoding
    const types = Object.fromEntries([...columns, target].map(({ name, type }) => [name, type]))
    const rows = await csv(data, { columns: types })
      .filter((row) => isThere(row[target.name]))
      .toArray()
    const isClass = target.type !== 'number'
    const strange = isClass ? rows.find((row) => !target.values.includes(String(row[target.name]))) : undefined
    if (strange)
      throw new UsageError(
        `${data}: ${target.name} '${strange[target.name]}' is none of the run's: ${target.values.join(', ')}`,
      )
    if (rows.length === 0) throw new FileError('tabular', `${data}: no row has a ${target.name}`)
    return { model, test: tensors(rows, encoding) }
  },
  async predict({ model, encoding, inputShape }, input) {
    const given = parseRow(input, encoding)
    const output = model.forward(tensor(inputsOf(given, encoding), { shape: inputShape }))
    const { name, type, values } = encoding.target
    if (type === 'number') {
      const value = await output.item()
      return { lines: [`${name} ${value.toPrecision(4)}`], data: { prediction: value } }
    }
    const shares = Array.from(await softmax(output, 1).data())
    const best = shares.indexOf(Math.max(...shares))
    return {
      lines: [`${name} ${values[best]}  ${percent(shares[best]!)}`],
      data: {
        prediction: values[best],
        probabilities: Object.fromEntries(values.map((value, i) => [value, shares[i]])),
      },
    }
  },
}

function tableModel({ hidden }: Settings, encoding: Encoding): TableModel {
  const { columns, target } = encoding
  const inputs = columns.reduce((sum, input) => sum + widthOf(input), 0)
  const isNumber = target.type === 'number'
  const { deviation } = target
  return {
    encoding,
    model: new Perceptron(inputs, hidden, isNumber ? 1 : target.values.length, target),
    inputShape: [1, inputs],
    loss: isNumber ? (y, t) => huberLoss(y.div(deviation), t.div(deviation)) : crossEntropy,
    ...(isNumber ? regression() : classification),
    ...(!isNumber && { classes: target.values }),
  }
}

const regression = (): Pick<TableModel, 'metrics' | 'headline' | 'monitors'> => ({
  metrics: { r2: r2(), mae: mae(), rmse: rmse() },
  headline: 'r2',
  monitors: { loss: 'min', r2: 'max', mae: 'min', rmse: 'min' },
})

type TableRow = Readonly<Record<string, string | number | boolean>>

const isThere = (value: unknown): boolean => value !== '' && !Number.isNaN(value)

function columnOf(name: string, type: ColumnType, rows: readonly TableRow[]): Column {
  const present = rows.map((row) => row[name]!).filter(isThere)
  if (type === 'number') {
    const numbers = present.map(Number)
    const mean = numbers.reduce((sum, value) => sum + value, 0) / Math.max(1, numbers.length)
    const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, numbers.length)
    return { name, type, mean, deviation: Math.sqrt(variance) || 1, values: [] }
  }
  const counts = new Map<string, number>()
  for (const value of present) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1)
  const values = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1)).map(([value]) => value)
  return { name, type, mean: 0, deviation: 1, values }
}

function widthOf({ type, values }: Column): number {
  return type === 'number' ? 1 : values.length
}

function inputsOf(row: TableRow, { columns }: Encoding): Float32Array {
  const inputs = columns.flatMap(({ name, type, mean, deviation, values }) => {
    const value = row[name]
    if (type === 'number') return [isThere(value) && value !== undefined ? (Number(value) - mean) / deviation : 0]
    return values.map((known) => (String(value) === known ? 1 : 0))
  })
  return Float32Array.from(inputs)
}

function tensors(rows: readonly TableRow[], encoding: Encoding): TensorDataset<readonly [Tensor, Tensor]> {
  const { name, type, values } = encoding.target
  const inputs = rows.map((row) => inputsOf(row, encoding))
  const width = inputs[0]?.length ?? 0
  const flat = new Float32Array(inputs.length * width)
  for (const [i, input] of inputs.entries()) flat.set(input, i * width)
  const targets =
    type === 'number'
      ? tensor(
          Float32Array.from(rows, (row) => Number(row[name])),
          { shape: [rows.length, 1] },
        )
      : tensor(Int32Array.from(rows, (row) => values.indexOf(String(row[name]))))
  return new TensorDataset(tensor(flat, { shape: [rows.length, width] }), targets)
}

/** `horsepower=130,origin=USA`, or a JSON object. */
function parseRow(text: string, { columns }: Encoding): TableRow {
  let row: Record<string, string | number | boolean>
  try {
    row = text.trim().startsWith('{')
      ? JSON.parse(text)
      : Object.fromEntries(
          text.split(',').map((part) =>
            part
              .split(/=(.*)/s)
              .slice(0, 2)
              .map((side) => side.trim()),
          ),
        )
  } catch {
    throw new UsageError(`expects column=value,column=value or a JSON object, received ${text}`)
  }
  const unknown = Object.keys(row).find((name) => !columns.some((column) => column.name === name))
  if (unknown !== undefined) {
    throw new UsageError(
      `the model knows no column '${unknown}'; it knows ${columns.map(({ name }) => name).join(', ')}`,
    )
  }
  return row
}
