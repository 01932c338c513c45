import { expect, test } from 'vitest'
import { kindOf } from './work/kinds.ts'
import { groups } from './workloads.ts'

const all = Object.values(groups).flat()

test('names are unique: --only finds what it means', () => {
  const names = all.map(({ name }) => name)
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
})

test('operations are counted by hand', () => {
  const flops = (wanted: string): number | null => {
    const { work } = all.find(({ name }) => name === wanted)!
    return kindOf(work).flops(work)
  }
  expect(flops('matmul_512')).toBe(2 * 512 ** 3)
  // Forward and weight gradient for all layers, data gradient for all but the first.
  expect(flops('mlp_b128')).toBe(2 * 128 * (3 * (784 * 512 + 512 * 256 + 256 * 10) - 784 * 512))
  const [first, second] = [26 * 26 * 32 * 9, 24 * 24 * 64 * 32 * 9]
  expect(flops('cnn_b64')).toBe(2 * 64 * (2 * first + 3 * (second + 9216 * 128 + 1280)))
  expect(flops('conv3_64to128_32px_s2_data')).toBe(2 * 32 * 16 ** 2 * 128 * 64 * 9)
  expect(flops('attention_1024_causal')).toBe(8 * 7 * 64 * 1024 ** 2)
  expect(flops('softmax_fwd_bwd')).toBeNull()
})
