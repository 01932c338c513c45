import { beforeEach, describe, expect, test } from 'vitest'
import { compile, ones, randn, realize, StaleError, setDevice, type Tensor, tensor } from '../index.ts'
import { loadFfi } from '../runtime/native/ffi.ts'

const hasNative = !('reason' in loadFfi())

/** Large enough for memory of its own. */
const large = [32, 32]

async function computed(x: Tensor): Promise<Tensor> {
  await realize(x)
  return x
}

describe.each(hasNative ? ['native', 'reference'] : ['reference'])('a tensor that is disposed of, on %s', (device) => {
  beforeEach(() => setDevice(device))

  test('keeps its type and cannot be read', async () => {
    const x = await computed(randn(large).mul(2))
    x.dispose()
    x.dispose()
    expect([x.shape, x.dtype]).toEqual([large, 'float32'])
    expect(() => x.dataSync()).toThrow(StaleError)
    await expect(x.data()).rejects.toThrow('disposed of')
    await expect(x.add(1).data()).rejects.toThrow(StaleError)
  })

  test('is disposed of at the end of a block', async () => {
    const x = await computed(ones(large).mul(2))
    x[Symbol.dispose]()
    expect(() => x.dataSync()).toThrow(StaleError)
  })

  test('still serves what was recorded from it and is computed next', async () => {
    const x = await computed(ones(large).mul(2))
    const next = x.add(1)
    x.dispose()
    expect((await next.data())[0]).toBe(3)
  })

  test('is gone for what is computed later', async () => {
    const x = await computed(ones(large).mul(2))
    const later = x.add(1)
    x.dispose()
    await realize(ones(large).mul(5))
    await expect(later.data()).rejects.toThrow(StaleError)
  })

  test('leaves what others hold alone', async () => {
    const w = tensor([1, 2], { requiresGrad: true })
    w.mul(w).sum().backward()
    const [first, second] = [w.grad!, w.grad!]
    const x = await computed(ones(large).mul(2))
    const same = await computed(x.detach())
    const view = await computed(x.reshape(-1))
    x.dispose()
    first.dispose()
    await realize(randn(large).mul(3), randn(large).mul(4), randn(large).mul(5))
    expect(new Set(await same.data())).toEqual(new Set([2]))
    expect(new Set(await view.data())).toEqual(new Set([2]))
    expect(await second.data()).toEqual(new Float32Array([2, 4]))
    expect(await w.grad!.data()).toEqual(new Float32Array([2, 4]))
  })

  test('need not have been computed, and is not any more', async () => {
    const w = tensor([1, 2], { requiresGrad: true })
    const x = w.mul(2)
    x.dispose()
    w.assign(tensor([3, 4]))
    expect(await w.data()).toEqual(new Float32Array([3, 4]))
  })

  test('can be a parameter, which has a value again once it is assigned', async () => {
    const w = tensor([1, 2], { requiresGrad: true })
    w.dispose()
    expect(() => w.dataSync()).toThrow(StaleError)
    w.assign(tensor([3, 4]))
    expect(await w.data()).toEqual(new Float32Array([3, 4]))
  })

  test('may have come out of a compiled function, or been seen in one', async () => {
    let seen: Tensor | undefined
    const double = compile((x: Tensor) => {
      seen ??= x
      const y = x.mul(2)
      return { y, again: y }
    })
    for (let i = 1; i < 4; i++) {
      const x = await computed(ones(large).mul(i))
      const { y, again } = double(x)
      x.dispose()
      y.dispose()
      await realize(randn(large).mul(3), randn(large).mul(4), randn(large).mul(5))
      expect(new Set(await again.data())).toEqual(new Set([2 * i]))
    }
    expect(new Set(await seen!.data())).toEqual(new Set([1]))
  })

  test('may be what a compiled function recorded and returned', async () => {
    let inside: Tensor | undefined
    const double = compile((x: Tensor) => {
      inside = x.mul(2)
      return inside
    })
    const y = double(await computed(ones(large)))
    inside!.dispose()
    await realize(randn(large).mul(3), randn(large).mul(4))
    expect(new Set(await y.data())).toEqual(new Set([2]))
  })
})

test.runIf(hasNative)('the next result of its size lies where it lay', async () => {
  setDevice('native')
  const [a, b] = [await computed(randn(large)), await computed(randn(large))]
  let product = await computed(a.matmul(b))
  const { value } = product.node
  for (let i = 0; i < 5; i++) {
    product.dispose()
    product = await computed(a.matmul(b))
    expect(product.node.value).toBe(value)
  }
  const kept = await computed(a.matmul(b))
  expect(kept.node.value).not.toBe(value)
})
