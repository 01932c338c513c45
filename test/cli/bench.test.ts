import { describe, expect, test } from 'vitest'
import { nativeTarget } from '../../src/runtime/native/target.ts'
import { gradus, start } from './command.ts'

describe.skipIf('reason' in nativeTarget())('gradus bench', () => {
  test('times products and training steps, as shares of what the processor can do', async () => {
    const { code, stdout, stderr } = await gradus('bench', '--seconds', '0.01', '--json')
    expect(code).toBe(0)
    const { peakGflops, threads, timings } = JSON.parse(stdout)
    expect(threads).toBeGreaterThan(0)
    const flops: number[] = timings.map(({ ms, gflops }: { ms: number; gflops: number }) =>
      Math.round(ms * gflops * 1e6),
    )
    // For the perceptron: forward and gradient of weights for all layers, that of inputs for all but the first.
    expect(flops.slice(0, 3)).toEqual([
      2 * 256 ** 3,
      2 * 1024 ** 3,
      2 * 128 * (3 * (784 * 512 + 512 * 256 + 256 * 10) - 784 * 512),
    ])
    // Nothing is faster than the processor; twice, as another program may have slowed the first measurement down.
    for (const { gflops } of timings) expect(gflops / peakGflops).toBeLessThan(2)
    expect(stderr).toMatch(
      /At most [\d,]+ GFLOP\/s[\s\S]* step of a GPT of 0\.8 M parameters, 12 texts of 64 +[\d.]+ +\d+ +\d+ %\n$/,
    )
  }, 60_000)
})

test('without machine code there is nothing to measure', async () => {
  const { code, stdout, stderr } = await start(['bench'], { env: { GRADUS_DEVICE: 'reference' } }).outcome
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^gradus: only machine code is worth measuring, and here computes reference[^\n]*\n$/)
}, 60_000)
