import { describe, expect, test } from 'vitest'
import { GradusError, IndexError, ValueError } from '../core/errors.ts'
import { ones, tensor } from '../tensor/creation.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential } from './containers.ts'
import { Module } from './module.ts'
import { Parameter } from './parameter.ts'

class Times extends Module {
  factor: Parameter
  constructor(factor: number) {
    super()
    this.factor = new Parameter(tensor([factor]))
  }
  forward(x: Tensor): Tensor {
    return x.mul(this.factor)
  }
}

class Plus extends Module {
  readonly amount: number
  constructor(amount: number) {
    super()
    this.amount = amount
  }
  forward(x: Tensor): Tensor {
    return x.add(this.amount)
  }
  override extraRepr(): string {
    return String(this.amount)
  }
}

const keys = (module: Module): string[] => Object.keys(module.stateDict())

describe('Sequential', () => {
  test('runs its layers in order, from arguments, an array or a record', async () => {
    const layers = (): [Times, Plus] => [new Times(3), new Plus(1)]
    const [times, plus] = layers()
    for (const model of [new Sequential(...layers()), new Sequential(layers()), new Sequential({ times, plus })]) {
      expect(await model.forward(tensor([2])).toArray()).toEqual([7])
      expect(model.length).toBe(2)
    }
    expect(keys(new Sequential(...layers()))).toEqual(['0.factor'])
    expect(keys(new Sequential({ times, plus }))).toEqual(['times.factor'])
  })

  test('is the identity when empty', async () => {
    expect(await new Sequential().forward(tensor([2])).toArray()).toEqual([2])
    expect(new Sequential([]).length).toBe(0)
  })

  test('gives its layers by position and name, can grow and be cut', async () => {
    const model = new Sequential(new Times(3), new Plus(1))
    expect(model.at(0)).toBeInstanceOf(Times)
    expect(model.at(-1)).toBeInstanceOf(Plus)
    expect(model.at('1')).toBe(model.at(1))
    expect([...model]).toEqual([model.at(0), model.at(1)])
    expect(
      await model
        .append(new Times(2))
        .forward(tensor([2]))
        .toArray(),
    ).toEqual([14])
    expect(keys(model)).toEqual(['0.factor', '2.factor'])
    const tail = model.slice(1)
    expect(tail.at(0)).toBe(model.at(1))
    expect(await tail.forward(tensor([2])).toArray()).toEqual([6])
    expect(() => model.at(3)).toThrow(IndexError)
    expect(() => model.at('head')).toThrow("Sequential: nothing is called 'head'; there are 0, 1, 2")
  })

  test('a subclass may hold more', () => {
    class Model extends Sequential {
      extra = new Times(5)
    }
    expect(keys(new Model(new Times(1)))).toEqual(['extra.factor', '0.factor'])
  })

  test('refuses what is no module', () => {
    const notLayers = [new Plus(1), (x: Tensor) => x] as unknown as Plus[]
    expect(() => new Sequential(...notLayers)).toThrow("Sequential: layer '1' must be a module, received function")
  })

  test('prints as PyTorch does', () => {
    const model = new Sequential(new Plus(1), new Sequential({ twice: new Plus(2) }))
    expect(String(model)).toBe(
      ['Sequential(', '  (0): Plus(1)', '  (1): Sequential(', '    (twice): Plus(2)', '  )', ')'].join('\n'),
    )
  })
})

describe('lists and dicts of modules', () => {
  class Holder extends Module {
    list = new ModuleList([new Times(2), new Times(3)])
    dict = new ModuleDict({ add: new Plus(1), scale: new Times(4) })
    forward(x: Tensor): Tensor {
      let y = x
      for (const module of this.list) y = module.forward(y)
      return this.dict.get('scale').forward(this.dict.get('add').forward(y))
    }
  }

  test('take part in the walk under their names', async () => {
    const holder = new Holder()
    expect(await holder.forward(tensor([1])).toArray()).toEqual([28])
    expect(keys(holder)).toEqual(['list.0.factor', 'list.1.factor', 'dict.scale.factor'])
  })

  test('change and are looked into', () => {
    const list = new ModuleList([new Times(2)])
    list.append(new Times(3)).insert(0, new Times(1))
    expect(list.length).toBe(3)
    expect(list.at(-1).factor.toArraySync()).toEqual([3])
    expect(() => list.at(5)).toThrow('ModuleList: position 5 is out of range for 3 elements')
    const dict = new ModuleDict<Record<string, Times>>({ a: new Times(1) })
    dict.set('b', new Times(2))
    expect([...dict.keys()]).toEqual(['a', 'b'])
    expect(dict.has('b') && dict.delete('b') && dict.size === 1).toBe(true)
    expect([...dict]).toEqual([['a', dict.get('a')]])
    expect(() => dict.get('b')).toThrow(ValueError)
  })

  test('have no forward', () => {
    for (const container of [
      new ModuleList(),
      new ModuleDict({}),
      new ParameterList(),
      new ParameterDict({}),
    ] as const) {
      expect(() => container.forward()).toThrow(GradusError)
    }
  })
})

describe('lists and dicts of parameters', () => {
  test('make tensors parameters', () => {
    const list = new ParameterList([ones([2]), new Parameter(ones([3]))])
    list.append(ones([4]))
    expect(list.length).toBe(3)
    expect([...list].every((parameter) => parameter instanceof Parameter)).toBe(true)
    expect(list.at(2).shape).toEqual([4])
    expect(keys(list)).toEqual(['0', '1', '2'])
    const dict = new ParameterDict<string>({ a: ones([2]) })
    dict.set('b', ones([3]))
    expect(keys(dict)).toEqual(['a', 'b'])
    expect(dict.get('b').requiresGrad).toBe(true)
    expect([...dict.keys()]).toEqual(['a', 'b'])
    expect([...dict][0]![1]).toBe(dict.get('a'))
    expect(dict.delete('a') && !dict.has('a') && dict.size === 1).toBe(true)
  })
})
