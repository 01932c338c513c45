import { describe, expect, test } from 'vitest'
import { GradError, ShapeError, StateDictError, ValueError } from '../core/errors.ts'
import { tensor } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import * as optim from './index.ts'

const leaf = (...data: number[]): Tensor => tensor(data, { requiresGrad: true })
const matrix = (): Tensor => tensor([[0.3, -0.8]], { requiresGrad: true })
const values = (x: Tensor): number[] => [...x.dataSync()]
const saved = (optimizer: optim.Optimizer, i: number, name: string): Tensor =>
  optimizer.stateDict().state[i]?.[name] as Tensor
const quartic = (x: Tensor): Tensor => x.mul(x).mul(x).mul(x).sum()

describe('parameter groups', () => {
  test('take what they leave out from the options', () => {
    const optimizer = new optim.SGD([{ params: [leaf(1)] }, { params: [leaf(2), leaf(3)], lr: 0.5, momentum: 0 }], {
      lr: 0.1,
      momentum: 0.9,
    })
    expect(optimizer.paramGroups.map(({ lr, momentum, params }) => [lr, momentum, params.length])).toEqual([
      [0.1, 0.9, 1],
      [0.5, 0, 2],
    ])
  })

  test('are updated each with its own options, and with options changed on the way', () => {
    const [a, b] = [leaf(1), leaf(1)]
    const optimizer = new optim.SGD([{ params: [a] }, { params: [b], lr: 0.01 }], { lr: 0.1 })
    const step = (): void => {
      optimizer.zeroGrad()
      a.mul(a).add(b.mul(b)).sum().backward()
      optimizer.step()
    }
    step()
    expect([...values(a), ...values(b)]).toEqual([0.8, 0.98].map(Math.fround))
    for (const group of optimizer.paramGroups) group.lr = 0
    step()
    expect([...values(a), ...values(b)]).toEqual([0.8, 0.98].map(Math.fround))
  })

  test('can be added during training', () => {
    const [a, b] = [leaf(1), leaf(1)]
    const optimizer = new optim.Adam([a], { lr: 0.1 })
    optimizer.addParamGroup({ params: [b], lr: 0.2 })
    a.add(b).sum().backward()
    optimizer.step()
    expect(values(a)[0]).toBeCloseTo(0.9, 6)
    expect(values(b)[0]).toBeCloseTo(0.8, 6)
  })

  test('take generators', () => {
    function* parameters(): Iterable<Tensor> {
      yield leaf(1)
      yield leaf(2)
    }
    expect(new optim.SGD(parameters()).paramGroups[0]?.params).toHaveLength(2)
  })
})

test('parameters without a gradient are left alone, their state, too', async () => {
  const [used, unused] = [leaf(1, 2), leaf(1, 2)]
  const optimizer = new optim.Adam([used, unused], { lr: 0.1, weightDecay: 0.1 })
  quartic(used).backward()
  optimizer.step()
  expect(values(unused)).toEqual([1, 2])
  expect(values(used)).not.toEqual([1, 2])
  expect([await saved(optimizer, 0, 'step').item(), await saved(optimizer, 1, 'step').item()]).toEqual([1, 0])
})

test('zeroGrad clears gradients, or sets them to zero', () => {
  const w = leaf(1, 2)
  const optimizer = new optim.SGD([w], { lr: 0.1, weightDecay: 0.5 })
  quartic(w).backward()
  optimizer.zeroGrad({ setToNone: false })
  expect(w.grad && values(w.grad)).toEqual([0, 0])
  optimizer.step()
  expect(values(w)).toEqual([0.95, 1.9].map(Math.fround))
  optimizer.zeroGrad()
  expect(w.grad).toBeUndefined()
  optimizer.step()
  expect(values(w)).toEqual([0.95, 1.9].map(Math.fround))
})

test('step(closure) returns the loss before the step', async () => {
  const w = leaf(2)
  const optimizer = new optim.SGD([w], { lr: 0.01 })
  const loss = optimizer.step(() => {
    optimizer.zeroGrad()
    const value = quartic(w)
    value.backward()
    return value
  })
  expect(await loss.item()).toBe(16)
  expect(values(w)[0]).toBeCloseTo(2 - 0.01 * 32, 6)
})

test('gradients changed between backward() and step() count', () => {
  const w = leaf(1)
  const optimizer = new optim.SGD([w], { lr: 0.5 })
  quartic(w).backward()
  w.grad = w.grad?.mul(0.25)
  optimizer.step()
  expect(values(w)).toEqual([0.5])
})

test('state has the dtype of its parameter', () => {
  const w = tensor([1, 2], { dtype: 'float64', requiresGrad: true })
  const optimizer = new optim.Adagrad([w], { initialAccumulatorValue: 0.1 })
  const sum = saved(optimizer, 0, 'sum')
  expect([sum.dtype, ...values(sum)]).toEqual(['float64', 0.1, 0.1])
})

const makers: [string, (params: Tensor[]) => optim.Optimizer][] = [
  ['SGD', (params) => new optim.SGD(params, { lr: 0.01, momentum: 0.9, dampening: 0.2 })],
  ['Adam', (params) => new optim.Adam(params, { lr: 0.01, amsgrad: true })],
  ['RMSprop', (params) => new optim.RMSprop(params, { lr: 0.01, momentum: 0.5, centered: true })],
  ['Adagrad', (params) => new optim.Adagrad(params, { lr: 0.1, lrDecay: 0.1 })],
  ['NAdam', (params) => new optim.NAdam(params)],
  ['RAdam', (params) => new optim.RAdam(params)],
  ['ASGD', (params) => new optim.ASGD(params, { t0: 3 })],
  ['Rprop', (params) => new optim.Rprop(params)],
  ['Adafactor', (params) => new optim.Adafactor(params)],
  ['Muon', (params) => new optim.Muon(params)],
  ['LBFGS', (params) => new optim.LBFGS(params, { lr: 0.1, maxIter: 2 })],
]

describe('state dicts', () => {
  const advance = async (w: Tensor, optimizer: optim.Optimizer, steps: number): Promise<void> => {
    for (let i = 0; i < steps; i++) {
      await optimizer.step(() => {
        optimizer.zeroGrad()
        const loss = quartic(w).add(w.tanh().sum())
        loss.backward()
        return loss
      })
    }
  }

  test.each(makers)('of %s continue training bit for bit, and keep their values meanwhile', async (_, make) => {
    const w = matrix()
    const optimizer = make([w])
    await advance(w, optimizer, 7)
    const dict = optimizer.stateDict()
    const at = tensor(w.dataSync(), { shape: w.shape, requiresGrad: true })
    await advance(w, optimizer, 7)

    const fresh = make([at])
    for (const group of fresh.paramGroups) group.lr = 99
    fresh.loadStateDict(dict)
    await advance(at, fresh, 7)
    expect(values(at)).toEqual(values(w))
  })

  test('have the layout of PyTorch', () => {
    const optimizer = new optim.AdamW([{ params: [matrix(), leaf(1)] }, { params: [leaf(2)], lr: 0.5 }])
    const { state, param_groups: groups } = optimizer.stateDict()
    expect(Object.keys(state)).toEqual(['0', '1', '2'])
    expect(Object.keys(state[0] ?? {})).toEqual(['step', 'exp_avg', 'exp_avg_sq'])
    expect(saved(optimizer, 0, 'exp_avg').shape).toEqual([1, 2])
    expect(groups).toEqual([
      {
        ...{ params: [0, 1], lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weight_decay: 0.01 },
        ...{ amsgrad: false, maximize: false, decoupled_weight_decay: true },
      },
      expect.objectContaining({ params: [2], lr: 0.5 }),
    ])
  })

  const refused: [string, (dict: optim.OptimizerStateDict) => object, RegExp][] = [
    [
      'another number of groups',
      (dict) => ({ ...dict, param_groups: [...dict.param_groups, ...dict.param_groups] }),
      /expects 1 parameter groups, the state dict has 2/,
    ],
    [
      'another number of parameters',
      (dict) => ({ ...dict, param_groups: [{ ...dict.param_groups[0], params: [0, 1] }] }),
      /group 0 has 1 parameters, in the state dict it has 2/,
    ],
    [
      'an unexpected entry',
      (dict) => ({ ...dict, state: { 0: { ...dict.state[0], momentum_buffer: leaf(1) } } }),
      /parameter 0: unexpected entry 'momentum_buffer'; expected are step, exp_avg, exp_avg_sq/,
    ],
    [
      'a missing entry',
      (dict) => ({ ...dict, state: { 0: { step: 3, exp_avg: dict.state[0]?.['exp_avg'] } } }),
      /missing entry 'exp_avg_sq'/,
    ],
    [
      'another shape',
      (dict) => ({ ...dict, state: { 0: { ...dict.state[0], exp_avg: leaf(1, 2, 3) } } }),
      /'exp_avg' should have shape \[1, 2\], received \[3\]/,
    ],
  ]
  test.each(refused)('with %s are refused, and nothing changes', (_, spoil, message) => {
    const optimizer = new optim.Adam([matrix()], { lr: 0.1 })
    const dict = optimizer.stateDict()
    const spoilt = spoil({ ...dict, param_groups: [{ ...dict.param_groups[0], params: [0], lr: 7 }] })
    const load = (): void => optimizer.loadStateDict(spoilt as optim.OptimizerStateDict)
    expect(load).toThrow(StateDictError)
    expect(load).toThrow(message)
    expect(optimizer.paramGroups[0]?.lr).toBe(0.1)
  })
})

describe('errors', () => {
  const w = matrix()
  const refused: [string, () => unknown, new (op: string, message: string) => Error, RegExp][] = [
    ['no parameters', () => new optim.SGD([]), ValueError, /SGD: received no parameters; pass model.parameters\(\)/],
    ['a parameter twice', () => new optim.SGD([w, w]), ValueError, /appears twice/],
    ['a number', () => new optim.SGD([3] as never), ValueError, /expects tensors or groups .* received number/],
    ['a tensor that is no leaf', () => new optim.Adam([w.mul(2)]), GradError, /only leaves can be optimised/],
    ['a negative lr', () => new optim.SGD([w], { lr: -1 }), ValueError, /SGD: lr must be ≥ 0, received -1/],
    ['lr NaN', () => new optim.Lion([w], { lr: Number.NaN }), ValueError, /Lion: lr must be ≥ 0, received NaN/],
    ['betas', () => new optim.Adam([w], { betas: [0.9, 1] }), ValueError, /betas must be two numbers in \[0, 1\)/],
    ['a group', () => new optim.SGD([{ params: [w], momentum: -1 }]), ValueError, /momentum must be ≥ 0, received -1/],
    ['Nesterov alone', () => new optim.SGD([w], { nesterov: true }), ValueError, /nesterov needs momentum > 0/],
    ['rho', () => new optim.Adadelta([w], { rho: 1.5 }), ValueError, /rho must be in \[0, 1\], received 1.5/],
    ['etas', () => new optim.Rprop([w], { etas: [1.2, 0.5] }), ValueError, /0 < η⁻ < 1 < η⁺, received \[1.2, 0.5\]/],
    ['a vector for Muon', () => new optim.Muon([leaf(1)]), ShapeError, /expects matrices, .* shape \[1\]/],
    ['d', () => new optim.Adafactor([w], { d: 0.5 }), ValueError, /d must be ≥ 1, received 0.5/],
    ['beta2Decay', () => new optim.Adafactor([w], { beta2Decay: 1 }), ValueError, /beta2Decay must be ≤ 0/],
    ['groups for LBFGS', () => new optim.LBFGS([{ params: [w] }, { params: [leaf(1)] }]), ValueError, /one group/],
    ['no penalty', () => optim.l1Penalty([], 0.1), ValueError, /received no parameters/],
    ['a negative penalty', () => optim.elasticNet([w], { l1: -1, l2: 0 }), ValueError, /l1 must be ≥ 0/],
  ]
  test.each(refused)('%s', (_, make, type, message) => {
    expect(make).toThrow(type)
    expect(make).toThrow(message)
  })

  test('LBFGS needs a closure', async () => {
    await expect(new optim.LBFGS([w]).step()).rejects.toThrow(/step\(\) needs a closure/)
  })
})
