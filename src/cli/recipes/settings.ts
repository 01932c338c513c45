import * as v from 'valibot'
import { UsageError } from '../failure.ts'

const whole = (least: number, what: string): v.GenericSchema<unknown, number> =>
  v.pipe(
    v.number(`expects a whole number ≥ ${least}`),
    v.integer(`expects a whole number ≥ ${least}`),
    v.minValue(least, `expects a whole number ≥ ${least}`),
    v.description(what),
  ) as v.GenericSchema<unknown, number>

const multiple = (of: number, what: string): v.GenericSchema<unknown, number> => {
  const message = `expects a multiple of ${of}`
  return v.pipe(
    v.number(message),
    v.minValue(of, message),
    v.multipleOf(of, message),
    v.description(`${what}, a multiple of ${of}`),
  ) as v.GenericSchema<unknown, number>
}

const positive = (what: string): v.GenericSchema<unknown, number> =>
  v.pipe(
    v.number('expects a number above 0'),
    v.gtValue(0, 'expects a number above 0'),
    v.description(what),
  ) as v.GenericSchema<unknown, number>

const text = (what: string): v.GenericSchema<unknown, string> => v.pipe(v.string('expects a text'), v.description(what))

const flag = (what: string): v.GenericSchema<unknown, boolean> =>
  v.pipe(v.boolean('expects true or false'), v.description(what))

const oneOf = (choices: readonly string[], what: string): v.GenericSchema<unknown, string> =>
  v.pipe(
    v.picklist(choices, `expects ${choices.join(' or ')}`),
    v.description(`${what}: ${choices.join(' or ')}`),
  ) as v.GenericSchema<unknown, string>

const share = (what: string): v.GenericSchema<unknown, number> => {
  const message = 'expects a number from 0 to below 1'
  return v.pipe(
    v.number(message),
    v.minValue(0, message),
    v.ltValue(1, message),
    v.description(what),
  ) as v.GenericSchema<unknown, number>
}

const texts: v.GenericSchema<unknown, string[]> = v.array(v.string('expects texts'), 'expects a list of texts')

/** Pieces that recipes build their settings, and what they know of their data, from. */
export const setting: {
  readonly whole: typeof whole
  readonly multiple: typeof multiple
  readonly positive: typeof positive
  readonly text: typeof text
  readonly flag: typeof flag
  readonly oneOf: typeof oneOf
  readonly share: typeof share
  readonly texts: typeof texts
} = { whole, multiple, positive, text, flag, oneOf, share, texts }

/** What every recipe can be told. */
export interface CommonSettings {
  readonly epochs: number
  readonly batchSize: number
  /** Learning rate of the first step; half a cosine takes it down to 0. */
  readonly lr: number
  readonly weightDecay: number
  readonly seed: number
  readonly ema?: number | undefined
  readonly clipNorm?: number | undefined
  readonly accumulate: number
  readonly patience?: number | undefined
  readonly monitor?: string | undefined
}

type Entries = v.ObjectEntries

/** The common settings with a recipe's own defaults. */
export function commonSettings(defaults: {
  readonly epochs: number
  readonly batchSize: number
  readonly lr: number
  /** Default: none. */
  readonly clipNorm?: number
}): {
  readonly [Name in keyof CommonSettings]-?: v.GenericSchema<unknown, CommonSettings[Name]>
} {
  return {
    epochs: v.optional(whole(1, 'how often to go through the data'), defaults.epochs),
    batchSize: v.optional(whole(1, 'samples a step'), defaults.batchSize),
    lr: v.optional(positive('learning rate of the first step; half a cosine takes it to 0'), defaults.lr),
    weightDecay: v.optional(
      v.pipe(
        v.number('expects a number ≥ 0'),
        v.minValue(0, 'expects a number ≥ 0'),
        v.description('how much weights shrink (AdamW)'),
      ) as v.GenericSchema<unknown, number>,
      0.01,
    ),
    seed: v.optional(whole(0, 'decides weights, order and augmentation; the same seed gives the same bits'), 0),
    ema: v.optional(positive('decay of the averaged weights, such as 0.999')),
    clipNorm: v.optional(positive('largest joint norm of the gradients'), defaults.clipNorm as number),
    accumulate: v.optional(whole(1, 'batches whose gradients make one step'), 1),
    patience: v.optional(whole(1, 'stop after so many epochs without a better one')),
    monitor: v.optional(
      text('validation figure that tells the best epoch, which is kept (default: accuracy of classes, else loss)'),
    ),
  } as never
}

/** Settings of a recipe from plain data. Throws a {@link UsageError} that names every field that is wrong, and unknown ones. */
export function parseSettings<S>(schema: v.GenericSchema<unknown, S>, given: unknown, name: string): S {
  const result = v.safeParse(schema, given)
  if (result.success) return result.output
  const problems = result.issues.map((issue) => {
    const path = v.getDotPath(issue) ?? ''
    const known = fieldsOf(schema)
    if (issue.type === 'strict_object' && issue.expected === 'never') {
      return `unknown field '${path}'; there are ${known.join(', ')}`
    }
    if (issue.received === 'undefined') return `field '${path}' is missing`
    return `field '${path}' ${issue.message}, received ${issue.received}`
  })
  throw new UsageError(`${name}: ${problems.join('; ')}`)
}

/** Names of the settings of a schema. */
export function fieldsOf(schema: unknown): string[] {
  return Object.keys((schema as { entries?: Entries }).entries ?? {})
}

/** A setting as the command line shows it. */
export interface Field {
  readonly name: string
  readonly description: string
  readonly kind: 'number' | 'boolean' | 'string'
  readonly isRequired: boolean
  readonly fallback: unknown
}

/** The settings of a schema, for help and options. */
export function describeFields(schema: unknown): Field[] {
  const entries = (
    schema as { entries: Record<string, v.GenericSchema & { wrapped?: v.GenericSchema; default?: unknown }> }
  ).entries
  return Object.entries(entries).map(([name, entry]) => {
    const inner = entry.wrapped ?? entry
    const type = (inner as { type: string }).type
    return {
      name,
      description: v.getDescription(inner as never) ?? '',
      kind: type === 'number' || type === 'boolean' ? type : 'string',
      isRequired: entry.wrapped === undefined,
      fallback: entry.default,
    }
  })
}
