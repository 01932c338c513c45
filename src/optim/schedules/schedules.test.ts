import { describe, expect, test } from 'vitest'
import { StateDictError, ValueError } from '../../core/errors.ts'
import { tensor } from '../../tensor/creation.ts'
import * as optim from '../index.ts'

const parameter = () => tensor([1], { requiresGrad: true })
const sgd = (): optim.SGD => new optim.SGD([{ params: [parameter()] }, { params: [parameter()], lr: 0.2 }], { lr: 0.1 })

test('a schedule sets the learning rate that the next step uses', () => {
  const w = parameter()
  const optimizer = new optim.SGD([w], { lr: 0.5 })
  const scheduler = new optim.ExponentialLR(optimizer, 0.5)
  const moved: number[] = []
  for (let i = 0; i < 3; i++) {
    const before = w.itemSync()
    optimizer.zeroGrad()
    w.sum().backward()
    optimizer.step()
    scheduler.step()
    moved.push(before - w.itemSync())
  }
  expect(moved).toEqual([0.5, 0.25, 0.125])
})

test('momentum can be cycled on an optimizer that was made without', () => {
  const w = parameter()
  const optimizer = new optim.SGD([w], { lr: 0.1 })
  const scheduler = new optim.OneCycleLR(optimizer, 0.1, { totalSteps: 10 })
  expect(optimizer.paramGroups[0]?.momentum).toBe(0.95)
  for (let i = 0; i < 3; i++) {
    optimizer.zeroGrad()
    w.mul(w).sum().backward()
    optimizer.step()
    scheduler.step()
  }
  expect(Object.keys(optimizer.stateDict().state[0] ?? {})).toContain('momentum_buffer')
})

test('training goes on after lastEpoch with the loaded initial rates', () => {
  const first = sgd()
  const before = new optim.StepLR(first, 4, { gamma: 0.5 })
  for (let i = 0; i < 6; i++) before.step()
  const second = sgd()
  second.loadStateDict(first.stateDict())
  const after = new optim.StepLR(second, 4, { gamma: 0.5, lastEpoch: 5 })
  for (let i = 0; i < 6; i++) {
    before.step()
    after.step()
  }
  expect(after.getLastLr()).toEqual(before.getLastLr())
  expect(after.getLastLr()).toEqual([0.0125, 0.025])
})

describe('errors', () => {
  const other = new optim.StepLR(sgd(), 3)
  const refused: [string, () => unknown, RegExp][] = [
    ['resuming fresh', () => new optim.StepLR(sgd(), 3, { lastEpoch: 2 }), /StepLR: group 0 has no initialLr/],
    ['stepSize', () => new optim.StepLR(sgd(), 0), /stepSize must be a whole number ≥ 1, received 0/],
    ['too few values', () => new optim.CyclicLR(sgd(), [0.1], 0.2), /baseLr has 1 values, the optimizer has 2/],
    ['mode', () => new optim.CyclicLR(sgd(), 0.1, 0.2, { mode: 'square' as never }), /mode must be one of triangular,/],
    ['factor', () => new optim.ConstantLR(sgd(), { factor: 2 }), /factor must be in \[0, 1\], received 2/],
    ['startFactor', () => new optim.LinearLR(sgd(), { startFactor: 0 }), /startFactor must be in \(0, 1\], received 0/],
    ['endFactor', () => new optim.LinearLR(sgd(), { endFactor: 2 }), /endFactor must be in \[0, 1\], received 2/],
    ['t0', () => new optim.CosineAnnealingWarmRestarts(sgd(), 0), /t0 must be a whole number ≥ 1/],
    ['no steps', () => new optim.OneCycleLR(sgd(), 0.1, {}), /epochs · stepsPerEpoch must be a whole number ≥ 1/],
    [
      'pctStart',
      () => new optim.OneCycleLR(sgd(), 0.1, { totalSteps: 5, pctStart: 30 }),
      /pctStart must be in \[0, 1\]/,
    ],
    [
      'no momentum',
      () => new optim.OneCycleLR(new optim.Adagrad([parameter()]), 0.1, { totalSteps: 5 }),
      /neither momentum nor betas to cycle; pass \{ cycleMomentum: false \}/,
    ],
    ['nothing', () => new optim.ChainedScheduler([]), /needs at least one schedule/],
    ['strangers', () => new optim.ChainedScheduler([other], sgd()), /schedule 0 belongs to another optimizer/],
    [
      'a plateau in a sequence',
      () => {
        const optimizer = sgd()
        return new optim.SequentialLR(optimizer, [new optim.ReduceLROnPlateau(optimizer)], [])
      },
      /schedule 0 is a ReduceLROnPlateau/,
    ],
    [
      'milestones',
      () => new optim.SequentialLR(other.optimizer, [other], [3]),
      /1 schedules need 0 milestones, received 1/,
    ],
    ['plateau factor', () => new optim.ReduceLROnPlateau(sgd(), { factor: 1 }), /factor must be < 1, received 1/],
    ['plateau mode', () => new optim.ReduceLROnPlateau(sgd(), { mode: 'up' as never }), /mode must be 'min' or 'max'/],
    ['no metric', () => new optim.ReduceLROnPlateau(sgd()).step(), /step\(\) needs the metric/],
    [
      'steps after the last',
      () => {
        const scheduler = new optim.OneCycleLR(sgd(), 0.1, { totalSteps: 2 })
        for (let i = 0; i < 3; i++) scheduler.step()
      },
      /step 3 is after the last one; totalSteps is 2/,
    ],
  ]
  test.each(refused)('%s', (_, make, message) => {
    expect(make).toThrow(ValueError)
    expect(make).toThrow(message)
  })

  test('the state of another schedule', () => {
    const state = new optim.ExponentialLR(sgd(), 0.9).stateDict()
    expect(() => new optim.StepLR(sgd(), 3).loadStateDict(state)).toThrow(StateDictError)
  })
})
