import { describe, expect, test } from 'vitest'
import { StateDictError, ValueError } from '../core/errors.ts'
import { full, ones, tensor, zeros } from '../tensor/creation.ts'
import { manualSeed, rand } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { Module } from './module.ts'
import { Buffer, Parameter } from './parameter.ts'

class Affine extends Module {
  scale: Parameter
  calls: Buffer
  constructor(features: number) {
    super()
    this.calls = new Buffer(zeros([], { dtype: 'int32' }))
    this.scale = new Parameter(ones([features]))
  }
  forward(x: Tensor): Tensor {
    if (this.training) this.calls.assign(this.calls.add(1))
    return x.mul(this.scale)
  }
  protected override stateName(property: string): string {
    return property === 'calls' ? 'num_calls' : property
  }
}

class Net extends Module {
  first = new Affine(2)
  blocks = [new Affine(2), new Affine(2)]
  shift = new Parameter(tensor([1, -1]))
  forward(x: Tensor): Tensor {
    let y = this.first.forward(x)
    for (const block of this.blocks) y = block.forward(y)
    return y.add(this.shift)
  }
}

const names = (pairs: readonly (readonly [string, unknown])[]): string[] => pairs.map(([name]) => name)

describe('Module finds its members', () => {
  test('parameters, buffers and modules by path, own ones first', () => {
    const net = new Net()
    expect(names(net.namedParameters())).toEqual(['shift', 'first.scale', 'blocks.0.scale', 'blocks.1.scale'])
    expect(names(net.namedBuffers())).toEqual(['first.num_calls', 'blocks.0.num_calls', 'blocks.1.num_calls'])
    expect(names(net.namedModules())).toEqual(['', 'first', 'blocks.0', 'blocks.1'])
    expect(names(net.namedChildren())).toEqual(['first', 'blocks.0', 'blocks.1'])
    expect(Object.keys(net.stateDict())).toEqual([
      'shift',
      'first.scale',
      'first.num_calls',
      'blocks.0.scale',
      'blocks.0.num_calls',
      'blocks.1.scale',
      'blocks.1.num_calls',
    ])
    expect(names(net.namedParameters({ recurse: false }))).toEqual(['shift'])
    expect(net.modules()).toHaveLength(4)
    expect(net.children()[0]).toBe(net.first)
  })

  test('tied parameters and shared modules count once, but each name is in the state dict', () => {
    const net = new Net()
    net.blocks[1]!.scale = net.first.scale
    expect(names(net.namedParameters())).toEqual(['shift', 'first.scale', 'blocks.0.scale'])
    expect(Object.keys(net.stateDict())).toContain('blocks.1.scale')
    net.blocks[0] = net.first
    expect(net.parameters()).toHaveLength(2)
    expect(net.modules()).toHaveLength(3)
    expect(Object.keys(net.stateDict())).toContain('blocks.0.scale')
  })

  test('a module that refers to its parent is walked once', () => {
    class Child extends Module {
      parent: Module | undefined
      forward(x: Tensor): Tensor {
        return x
      }
    }
    class Parent extends Module {
      child = new Child()
      forward(x: Tensor): Tensor {
        return this.child.forward(x)
      }
    }
    const parent = new Parent()
    parent.child.parent = parent
    expect(names(parent.namedModules())).toEqual(['', 'child'])
    expect(Object.keys(parent.stateDict())).toEqual([])
  })

  test('looking up by path, and the closest path when there is none', () => {
    const net = new Net()
    expect(net.getSubmodule('blocks.1')).toBe(net.blocks[1])
    expect(net.getParameter('blocks.1.scale')).toBe(net.blocks[1]!.scale)
    expect(net.getBuffer('first.num_calls')).toBe(net.first.calls)
    expect(() => net.getParameter('block.1.scale')).toThrow(
      "getParameter: nothing is called 'block.1.scale'; did you mean 'blocks.1.scale'?",
    )
    expect(() => net.getSubmodule('decoder')).toThrow(ValueError)
  })

  test('registering by name', async () => {
    const affine = new Affine(1)
    affine.registerParameter('extra', full([2], 3))
    affine.registerBuffer('mask', ones([2]), { persistent: false })
    affine.registerModule('inner', new Affine(1))
    expect(names(affine.namedParameters())).toEqual(['scale', 'extra', 'inner.scale'])
    expect(names(affine.namedBuffers())).toEqual(['num_calls', 'mask', 'inner.num_calls'])
    expect(Object.keys(affine.stateDict())).toEqual(['scale', 'extra', 'num_calls', 'inner.scale', 'inner.num_calls'])
    expect(() => affine.registerParameter('a.b', ones([1]))).toThrow(ValueError)
    expect(() => affine.registerModule('train', new Affine(1))).toThrow('register: ')
    expect(() => affine.registerModule('forward', new Affine(1))).toThrow('register: ')
  })
})

describe('Parameter', () => {
  test('is a copy: assigning it leaves the source alone, and the source gets no gradient', async () => {
    for (const source of [tensor([1, 2]), tensor([1, 2]).mul(1)]) {
      const parameter = new Parameter(source)
      expect(source.requiresGrad).toBe(false)
      expect(parameter.requiresGrad).toBe(true)
      parameter.assign(tensor([5, 6]))
      expect(await source.toArray()).toEqual([1, 2])
      expect(await parameter.toArray()).toEqual([5, 6])
    }
  })

  test('starts lazily and is computed with whatever is computed next', async () => {
    const parameter = new Parameter(ones([2]).mul(3))
    expect(parameter.isRealized).toBe(false)
    await tensor([1]).mul(2).data()
    expect(parameter.isRealized).toBe(true)
    expect(await parameter.toArray()).toEqual([3, 3])
  })

  test('collects gradients through forward', async () => {
    const net = new Net()
    net
      .forward(tensor([[2, 3]]))
      .sum()
      .backward()
    expect(await net.first.scale.grad!.toArray()).toEqual([2, 3])
    expect(await net.shift.grad!.toArray()).toEqual([1, 1])
    net.zeroGrad()
    expect(net.first.scale.grad).toBeUndefined()
  })

  test('integers are not trained', () => {
    expect(new Parameter(tensor([1], { dtype: 'int32' })).requiresGrad).toBe(false)
  })
})

describe('state dict', () => {
  test('is a snapshot that later changes leave alone', async () => {
    const net = new Net()
    const before = net.stateDict()
    net.shift.assign(tensor([7, 7]))
    expect(await before['shift']!.toArray()).toEqual([1, -1])
    expect(before['shift']!.requiresGrad).toBe(false)
    net.loadStateDict(before)
    expect(await net.shift.toArray()).toEqual([1, -1])
    expect(net.shift.requiresGrad).toBe(true)
  })

  test('one error names all that is missing, unexpected and misshaped, and nothing is loaded', async () => {
    const net = new Net()
    const state = net.stateDict()
    delete state['first.scale']
    state['first.scales'] = full([2], 9)
    state['shift'] = full([3], 9)
    state['blocks.0.scale'] = full([2], 9)
    expect(() => net.loadStateDict(state)).toThrow(StateDictError)
    expect(() => net.loadStateDict(state)).toThrow(
      "loadStateDict: the entries do not fit Net: missing 'first.scale' [2]; " +
        "unexpected 'first.scales' (did you mean 'first.scale'?); misshaped 'shift' expects [2], received [3]",
    )
    expect(await net.blocks[0]!.scale.toArray()).toEqual([1, 1])
  })

  test('a wrong prefix is recognised', () => {
    const net = new Net()
    const prefixed = Object.fromEntries(Object.entries(net.stateDict()).map(([name, x]) => [`module.${name}`, x]))
    expect(() => net.loadStateDict(prefixed)).toThrow("'module.blocks.1.scale' (did you mean 'blocks.1.scale'?)")
  })

  test('strict: false loads what both have, but not what is misshaped', async () => {
    const net = new Net()
    const report = net.loadStateDict(
      new Map([
        ['shift', full([2], 4)],
        ['other', ones([1])],
      ]),
      { strict: false },
    )
    expect(report.unexpected).toEqual(['other'])
    expect(report.missing).toHaveLength(6)
    expect(await net.shift.toArray()).toEqual([4, 4])
    expect(() => net.loadStateDict({ shift: ones([3]) }, { strict: false })).toThrow(
      "misshaped 'shift' expects [2], received [3]",
    )
  })

  test('values are converted to the dtype of the module', async () => {
    const net = new Net()
    net.loadStateDict({ ...net.stateDict(), 'first.num_calls': tensor(3, { dtype: 'float64' }) })
    expect(net.first.calls.dtype).toBe('int32')
    expect(await net.first.calls.item()).toBe(3)
  })
})

describe('switches', () => {
  test('train and eval reach all modules', () => {
    const net = new Net()
    expect(net.eval()).toBe(net)
    expect(net.modules().map(({ training }) => training)).toEqual([false, false, false, false])
    net.blocks[0]!.train()
    expect(net.modules().map(({ training }) => training)).toEqual([false, false, true, false])
  })

  test('freeze and unfreeze by path, by expression, or all', () => {
    const net = new Net()
    const trained = (): string[] => names(net.namedParameters().filter(([, p]) => p.requiresGrad))
    net.freeze('blocks')
    expect(trained()).toEqual(['shift', 'first.scale'])
    net.unfreeze('blocks.1.scale')
    expect(trained()).toEqual(['shift', 'first.scale', 'blocks.1.scale'])
    net.freeze(/scale$/)
    expect(trained()).toEqual(['shift'])
    net.unfreeze()
    expect(trained()).toHaveLength(4)
    net.requireGrad(false)
    expect(trained()).toEqual([])
    expect(() => net.freeze('blocks.2')).toThrow(
      "freeze: no parameter of Net fits 'blocks.2'; did you mean 'blocks.0'?",
    )
    expect(() => net.freeze(/head/)).toThrow(ValueError)
  })

  test('to converts floating parameters and buffers, gradients too', async () => {
    const net = new Net()
    net
      .forward(tensor([[2, 3]]))
      .sum()
      .backward()
    net.to('float64')
    expect(net.shift.dtype).toBe('float64')
    expect(net.shift.requiresGrad).toBe(true)
    expect(net.shift.grad!.dtype).toBe('float64')
    expect(net.first.calls.dtype).toBe('int32')
    expect(await net.shift.toArray()).toEqual([1, -1])
    net.zeroGrad()
    net
      .forward(tensor([[2, 3]], { dtype: 'float64' }))
      .sum()
      .backward()
    expect(await net.first.scale.grad!.toArray()).toEqual([2, 3])
    expect(() => net.to('int32')).toThrow('Module.to: expects a floating dtype, received int32')
  })

  test('apply goes from the inside out', () => {
    const net = new Net()
    const order: Module[] = []
    expect(net.apply((module) => order.push(module))).toBe(net)
    expect(order).toEqual([net.first, net.blocks[0], net.blocks[1], net])
  })
})

describe('hooks', () => {
  test('see and replace inputs and outputs, until they are removed', async () => {
    const affine = new Affine(1)
    const seen: number[][] = []
    const pre = affine.registerForwardPreHook((_module, [x]) => [x.add(1)])
    const post = affine.registerForwardHook((module, [x], y) => {
      expect(module).toBe(affine)
      seen.push([...x.dataSync()])
      return y.mul(10)
    })
    expect(await affine.forward(tensor([1])).toArray()).toEqual([20])
    expect(seen).toEqual([[2]])
    pre.remove()
    expect(await affine.forward(tensor([1])).toArray()).toEqual([10])
    post.remove()
    post.remove()
    expect(await affine.forward(tensor([1])).toArray()).toEqual([1])
    expect(Object.keys(affine)).not.toContain('forward')
  })

  test('work where forward is a property, and when a hook registers twice', async () => {
    class Twice extends Module {
      forward = (x: Tensor): Tensor => x.mul(2)
    }
    const twice = new Twice()
    const more = (_module: Module, _inputs: readonly unknown[], y: Tensor): Tensor => y.add(1)
    const handles = [twice.registerForwardHook(more), twice.registerForwardHook(more)]
    expect(await twice.forward(tensor([1])).toArray()).toEqual([4])
    handles[0]!.remove()
    expect(await twice.forward(tensor([1])).toArray()).toEqual([3])
    handles[1]!.remove()
    expect(await twice.forward(tensor([1])).toArray()).toEqual([2])
  })
})

describe('summary', () => {
  test('counts parameters, shows shapes, computes and changes nothing', async () => {
    const net = new Net()
    net.freeze('first')
    net.blocks[1]!.scale = net.blocks[0]!.scale
    const summary = net.summary([4, 2])
    expect(String(summary)).toBe(
      [
        'Layer               Output shape  Parameters  Trainable',
        '───────────────────────────────────────────────────────',
        'Net                 [4, 2]                 2  yes',
        '  first: Affine     [4, 2]                 2  no',
        '  blocks.0: Affine  [4, 2]                 2  yes',
        '  blocks.1: Affine  [4, 2]                 –  –',
        '───────────────────────────────────────────────────────',
        'Parameters: 6 (4 trainable, 2 frozen)',
        'Size of parameters and buffers: 36 B',
      ].join('\n'),
    )
    expect(summary.rows.map(({ path, parameters, trainable }) => [path, parameters, trainable])).toEqual([
      ['', 2, 2],
      ['first', 2, 0],
      ['blocks.0', 2, 2],
      ['blocks.1', 0, 0],
    ])
    expect(summary.rows[1]!.outputs).toEqual([[4, 2]])
    expect([summary.parameters, summary.trainable, summary.bytes]).toEqual([6, 4, 36])
    expect(net.training && net.first.training).toBe(true)
    expect(await net.first.calls.item()).toBe(0)
  })

  test('forgets assignments that forward made, even in training', async () => {
    class Counter extends Module {
      count = new Buffer(zeros([]))
      forward(x: Tensor): Tensor {
        this.count.assign(this.count.add(1))
        return x
      }
    }
    const counter = new Counter()
    counter.summary([1])
    expect(await counter.count.item()).toBe(0)
  })

  test('takes no random numbers from those that follow', async () => {
    class Noisy extends Module {
      forward(x: Tensor): Tensor {
        return x.add(rand([1]))
      }
    }
    manualSeed(1)
    const expected = await rand([1]).item()
    manualSeed(1)
    new Noisy().summary([1])
    expect(await rand([1]).item()).toBe(expected)
  })

  test('restores the modes when forward throws', () => {
    const net = new Net()
    expect(() => net.summary([3])).toThrow('do not broadcast')
    expect(net.first.training).toBe(true)
    expect(Object.keys(net.first)).not.toContain('forward')
  })
})

test('toString nests as PyTorch does', () => {
  expect(String(new Net())).toBe(
    ['Net(', '  (first): Affine()', '  (blocks.0): Affine()', '  (blocks.1): Affine()', ')'].join('\n'),
  )
})
