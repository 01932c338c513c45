import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { DType } from '../../../src/core/dtype.ts'
import * as optim from '../../../src/optim/index.ts'
import { tensor } from '../../../src/tensor/creation.ts'
import type { Tensor } from '../../../src/tensor/tensor.ts'

/* Trajectories of every optimizer and schedule, against PyTorch 2.13; optim.py beside this file wrote the data. */

const optimizers = [
  ...['SGD', 'Adam', 'AdamW', 'RMSprop', 'Adagrad', 'Adadelta', 'NAdam', 'RAdam', 'Adamax', 'ASGD', 'Rprop', 'Lion'],
  ...['Adafactor', 'Muon', 'LBFGS'],
] as const
const schedules = [
  ...['LambdaLR', 'MultiplicativeLR', 'StepLR', 'MultiStepLR', 'ConstantLR', 'LinearLR', 'ExponentialLR'],
  ...['SequentialLR', 'PolynomialLR', 'CosineAnnealingLR', 'ChainedScheduler', 'ReduceLROnPlateau', 'CyclicLR'],
  ...['CosineAnnealingWarmRestarts', 'OneCycleLR'],
] as const
const penalties = ['l1Penalty', 'elasticNet'] as const
/** All of `optim`, by name. */
const exported: Record<string, unknown> = { ...optim }
/** What the others derive from. */
const bases = ['Optimizer', 'LRScheduler']

function read<T>(name: string): T[] {
  return JSON.parse(readFileSync(new URL(`./data/${name}.json`, import.meta.url), 'utf8')) as T[]
}

interface Objective {
  readonly start: Record<string, number[]>
  readonly shapes: Record<string, number[]>
  readonly x: number[]
  readonly y: number[]
}
const [problem] = read<Objective>('objective') as [Objective]

type Parameters = Record<string, Tensor>

function parameters(values: Record<string, number[]>, dtype: DType): Parameters {
  const make = ([name, data]: [string, number[]]): [string, Tensor] => [
    name,
    tensor(data, { dtype, shape: problem.shapes[name] ?? [], requiresGrad: true }),
  ]
  return Object.fromEntries(Object.entries(values).map(make))
}

/** The objective of optim.py: a small network's squared error plus second and fourth powers of all weights. */
function objective({ first, bias, second }: Parameters): Tensor {
  if (!first || !bias || !second) throw new Error('parameters are missing')
  const { dtype } = first
  const x = tensor(problem.x, { dtype, shape: [5, 2] })
  const y = tensor(problem.y, { dtype, shape: [5, 2] })
  const error = x.matmul(first.transpose(0, 1)).add(bias).tanh().matmul(second.transpose(0, 1)).sub(y)
  const penalty = [first, bias, second].map((w) => w.mul(w)).map((square) => square.mul(square).add(square).sum())
  const total = penalty.reduce((a, b) => a.add(b))
  return error.mul(error).mean().add(total.mul(0.05))
}

const flat = (p: Parameters): number[] => Object.values(p).flatMap((x) => [...x.dataSync()])

interface Saved {
  readonly shape: number[]
  readonly data: number[]
}
type SavedJSON = Saved | number | null | boolean | SavedJSON[] | { [name: string]: SavedJSON }

interface OptimizerCase {
  readonly optimizer: (typeof optimizers)[number]
  readonly options: Record<string, unknown>
  readonly trained: string[]
  /** Parameters after each step. */
  readonly trajectory: number[][]
  /** PyTorch's state dict, and the parameters with all digits, after 50 of them. */
  readonly state: Record<string, SavedJSON>
  readonly exact: number[]
}

const steps = 50
const optimizerCases = optimizers.flatMap((name) => read<OptimizerCase>(name))

type AnyOptimizer = new (params: unknown, options: object) => optim.Optimizer

function build({ optimizer, options, trained }: OptimizerCase, p: Parameters): optim.Optimizer {
  const tensors = trained.map((name) => p[name])
  const Class = exported[optimizer] as AnyOptimizer
  if (optimizer === 'LBFGS') return new Class(tensors, options)
  const { lr } = new Class([tensor([[0]], { requiresGrad: true })], options).defaults
  return new Class([{ params: tensors.slice(0, -1) }, { params: tensors.slice(-1), lr: lr / 2 }], options)
}

function closureFor({ options }: OptimizerCase, p: Parameters, optimizer: optim.Optimizer): () => Tensor {
  return () => {
    optimizer.zeroGrad()
    const loss = options['maximize'] ? objective(p).neg() : objective(p)
    loss.backward()
    return loss
  }
}

/** Where |a − b| > absolute + relative · |b|, step by step; empty when the trajectories agree. */
function differences(a: number[][], b: number[][], absolute: number, relative: number): string[] {
  const found: string[] = []
  for (const [step, row] of b.entries()) {
    for (const [i, wanted] of row.entries()) {
      const got = a[step]?.[i] ?? Number.NaN
      if (!(Math.abs(got - wanted) <= absolute + relative * Math.abs(wanted))) {
        found.push(`step ${step + 1}, element ${i}: ${got}, PyTorch has ${wanted}`)
      }
    }
  }
  return found.slice(0, 5)
}

const title = ({ optimizer, options }: OptimizerCase): string => `${optimizer} ${JSON.stringify(options)}`

describe.each(optimizerCases.map((golden) => [title(golden), golden] as const))('%s', (_, golden) => {
  async function train(dtype: DType): Promise<number[][]> {
    const p = parameters(problem.start, dtype)
    const optimizer = build(golden, p)
    const closure = closureFor(golden, p, optimizer)
    const trajectory: number[][] = []
    for (let i = 0; i < steps; i++) {
      await optimizer.step(closure)
      trajectory.push(flat(p))
    }
    return trajectory
  }

  test('follows PyTorch in float64', async () => {
    const trajectory = await train('float64')
    expect(differences(trajectory, golden.trajectory.slice(0, steps), 1e-6, 1e-5)).toEqual([])
  })

  test('follows PyTorch in float32', async () => {
    const trajectory = await train('float32')
    expect(differences(trajectory, golden.trajectory.slice(0, steps), 1e-4, 1e-4)).toEqual([])
  })

  test("names its state as PyTorch does, and goes on from PyTorch's", async () => {
    const shapes = Object.entries(problem.shapes)
    let offset = 0
    const exact = shapes.map(([name, [rows = 1, columns = 1]]) => {
      const values = golden.exact.slice(offset, offset + rows * columns)
      offset += rows * columns
      return [name, values] as const
    })
    const p = parameters(Object.fromEntries(exact), 'float64')
    const optimizer = build(golden, p)
    optimizer.loadStateDict(revive(golden.state) as unknown as optim.OptimizerStateDict)

    const { state, param_groups: groups } = optimizer.stateDict()
    const wanted = golden.state['state'] as Record<string, Record<string, SavedJSON>>
    for (const [number, entries] of Object.entries(wanted)) {
      const own = Object.keys(state[Number(number)] ?? {})
      const theirs = Object.keys(entries).filter((name) => entries[name] !== null && name !== 'al')
      const extra = golden.optimizer === 'SGD' && theirs.length > 0 ? ['step'] : []
      expect(own.sort()).toEqual([...theirs, ...extra].sort())
    }
    const theirGroups = golden.state['param_groups'] as Record<string, SavedJSON>[]
    for (const [i, group] of groups.entries()) {
      const known = Object.keys(group).filter((name) => name !== 'params')
      expect(known.filter((name) => !(name in (theirGroups[i] ?? {})))).toEqual([])
    }

    const closure = closureFor(golden, p, optimizer)
    const trajectory: number[][] = []
    for (let i = 0; i < golden.trajectory.length - steps; i++) {
      await optimizer.step(closure)
      trajectory.push(flat(p))
    }
    expect(differences(trajectory, golden.trajectory.slice(steps), 1e-6, 1e-5)).toEqual([])
  })
})

/** Tensors from their JSON form. */
function revive(value: SavedJSON): unknown {
  if (Array.isArray(value)) return value.map(revive)
  if (typeof value !== 'object' || value === null) return value
  if ('shape' in value && 'data' in value) {
    const { shape, data } = value as Saved
    return tensor(data, { dtype: 'float64', shape })
  }
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, revive(item)]))
}

interface ScheduleSpec {
  readonly class: (typeof schedules)[number]
  readonly args: unknown[]
  readonly options: Record<string, unknown>
}

interface ScheduleCase {
  readonly schedule: ScheduleSpec
  readonly optimizer: 'SGD' | 'Adam'
  readonly metric: keyof typeof metrics | null
  /** Learning rates of both groups, then momentum of both; a column of one value does not change. */
  readonly columns: number[][]
}

const functions: Record<string, (x: number) => number> = {
  inverse: (epoch) => 1 / (1 + epoch / 10),
  wave: (epoch) => 1 + 0.1 * Math.sin(epoch),
  power: (x) => 0.98 ** x,
}
const metrics = {
  falling: (i: number) => 10 / (1 + Math.min(i, 30)),
  rising: (i: number) => Math.min(i, 25) + 0.5 * Math.sin(i),
  constant: () => 1,
  negative: (i: number) => -Math.min(i, 20) / 10,
}

function buildSchedule(optimizer: optim.Optimizer, spec: ScheduleSpec): optim.LRScheduler {
  const value = (x: unknown): unknown => {
    if (Array.isArray(x)) return x.map(value)
    if (typeof x !== 'object' || x === null) return x
    if ('class' in x) return buildSchedule(optimizer, x as ScheduleSpec)
    return 'function' in x ? functions[x.function as string] : x
  }
  const Class = exported[spec.class] as new (...args: unknown[]) => optim.LRScheduler
  const options = Object.fromEntries(Object.entries(spec.options).map(([name, x]) => [name, value(x)]))
  const args = spec.args.map(value)
  if (spec.class === 'ChainedScheduler') return new Class(...args)
  if (spec.class === 'SequentialLR') return new Class(optimizer, ...args)
  return new Class(optimizer, ...args, options)
}

const scheduleCases = read<ScheduleCase>('schedules')

describe.each(scheduleCases.map((golden) => [describeSpec(golden.schedule), golden] as const))('%s', (_, golden) => {
  function make(): { optimizer: optim.Optimizer; scheduler: optim.LRScheduler } {
    const group = (lr: number) => ({ params: [tensor([0], { requiresGrad: true })], lr })
    const optimizer =
      golden.optimizer === 'SGD'
        ? new optim.SGD([group(0.1), group(0.02)], { momentum: 0.5 })
        : new optim.Adam([group(0.1), group(0.02)])
    return { optimizer, scheduler: buildSchedule(optimizer, golden.schedule) }
  }

  function row({ paramGroups }: optim.Optimizer): number[] {
    const groups: readonly { lr: number; momentum?: number; betas?: readonly number[] }[] = paramGroups
    return [...groups.map(({ lr }) => lr), ...groups.map(({ momentum, betas }) => betas?.[0] ?? momentum ?? Number.NaN)]
  }

  const wanted = Array.from({ length: 101 }, (_, i) => golden.columns.map((column) => column[i] ?? column[0] ?? 0))
  const metric = golden.metric && metrics[golden.metric]
  const advance = (scheduler: optim.LRScheduler, i: number): void => {
    if (metric) (scheduler as optim.ReduceLROnPlateau).step(metric(i))
    else scheduler.step()
  }

  test('follows PyTorch for 100 steps in every group', () => {
    const { optimizer, scheduler } = make()
    const rows = [row(optimizer)]
    for (let i = 0; i < 100; i++) {
      advance(scheduler, i)
      rows.push(row(optimizer))
      expect(scheduler.getLastLr()).toEqual(optimizer.paramGroups.map(({ lr }) => lr))
    }
    expect(differences(rows, wanted, 1e-13, 1e-9)).toEqual([])
  })

  test('goes on from its saved state, which is plain JSON', () => {
    const first = make()
    for (let i = 0; i < 45; i++) advance(first.scheduler, i)
    const saved = JSON.stringify(first.scheduler.stateDict())
    const state = first.optimizer.stateDict()
    const second = make()
    second.optimizer.loadStateDict(state)
    second.scheduler.loadStateDict(JSON.parse(saved))
    for (let i = 45; i < 100; i++) {
      advance(second.scheduler, i)
      expect(differences([row(second.optimizer)], [wanted[i + 1] ?? []], 1e-13, 1e-9)).toEqual([])
    }
  })
})

function describeSpec({ class: name, args, options }: ScheduleSpec): string {
  const inner = (x: unknown): unknown =>
    Array.isArray(x)
      ? x.map(inner)
      : typeof x === 'object' && x !== null && 'class' in x
        ? describeSpec(x as ScheduleSpec)
        : x
  return `${name} ${JSON.stringify([...args.map(inner), options])}`
}

interface PenaltyCase {
  readonly name: (typeof penalties)[number]
  readonly arg: number | { l1: number; l2: number }
  readonly value: number
  readonly grads: number[][]
}

test.each(read<PenaltyCase>('penalties'))('$name and its gradient equal the formula', ({ name, arg, value, grads }) => {
  const p = parameters(problem.start, 'float64')
  const penalty = (exported[name] as (params: Iterable<Tensor>, arg: unknown) => Tensor)(Object.values(p), arg)
  penalty.backward()
  expect(differences([[penalty.itemSync()]], [[value]], 1e-6, 1e-5)).toEqual([])
  const found = Object.values(p).map((x) => [...(x.grad?.dataSync() ?? [])])
  expect(differences(found, grads, 1e-6, 1e-5)).toEqual([])
})

test('every public name of optim has a golden', () => {
  const used = [
    ...optimizerCases.map(({ optimizer }) => optimizer),
    ...scheduleCases.flatMap((c) => classes(c.schedule)),
  ]
  const golden = [...used, ...read<PenaltyCase>('penalties').map(({ name }) => name), ...bases]
  expect(Object.keys(exported).filter((name) => !golden.includes(name))).toEqual([])
  expect([...optimizers, ...schedules].filter((name) => !(used as string[]).includes(name))).toEqual([])
})

function classes({ class: name, args }: ScheduleSpec): string[] {
  const nested = args.flat().filter((x): x is ScheduleSpec => typeof x === 'object' && x !== null && 'class' in x)
  return [name, ...nested.flatMap(classes)]
}
