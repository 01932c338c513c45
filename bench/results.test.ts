import { expect, test } from 'vitest'
import { formatMarkdown, withTable } from './report.ts'
import { type Measured, summarize } from './results.ts'

const round = (medianMs: number, bestMs: number): { medianMs: number; bestMs: number; iterations: number } => ({
  medianMs,
  bestMs,
  iterations: 7,
})

const measured: Measured = {
  name: 'mlp_b128',
  threads: 2,
  firstMs: 52,
  flops: 300e6,
  own: [round(2, 1.5), round(1, 0.9), round(4, 3)],
  peers: {
    pytorch: [round(4, 3.5), round(3, 2.5), round(4, 2)],
    tfjs: { cannot: 'no such kernel' },
  },
}

test('a result has medians, best times, ratios by round and the share of the peak', () => {
  expect(summarize(measured, 600)).toEqual({
    name: 'mlp_b128',
    threads: 2,
    gradus: { median_ms: 2, best_ms: 0.9, compile_ms: 50 },
    peers: { pytorch: { median_ms: 4, best_ms: 2 }, tfjs: { cannot: 'no such kernel' } },
    ratio: { pytorch: 2 },
    ratio_lower_quartile: { pytorch: 1.5 },
    gflops: 150,
    peak_fraction: 0.25,
  })
})

test('where Gradus cannot, there is nothing but the reason', () => {
  expect(summarize({ ...measured, own: { cannot: 'no machine code' } }, 600)).toEqual({
    name: 'mlp_b128',
    threads: 2,
    gradus: { cannot: 'no machine code' },
    peers: {},
    ratio: {},
    ratio_lower_quartile: {},
    gflops: null,
    peak_fraction: null,
  })
})

test('without products or without a known peak there is no share of it', () => {
  expect(summarize({ ...measured, flops: null }, 600)).toMatchObject({ gflops: null, peak_fraction: null })
  expect(summarize(measured, undefined)).toMatchObject({ gflops: 150, peak_fraction: null })
})

test('the table has a column for each peer and says below why one could not', () => {
  expect(formatMarkdown([summarize(measured, 600)])).toBe(
    [
      '| workload | Gradus ms | compile ms | PyTorch ms | ratio | lower ¼ | tfjs-wasm ms | ratio | lower ¼ | GFLOP/s | of peak |',
      '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|',
      '| mlp_b128 | 2.00 | 50.0 | 4.00 | 2.00× | 1.50× | cannot | – | – | 150.0 | 25 % |',
      '',
      'mlp_b128: tfjs-wasm cannot: no such kernel',
    ].join('\n'),
  )
})

test('a new table takes the place of the former one and leaves the page alone', () => {
  const page = `# Title\n\n${withTable('', 'old')}\nafter\n`
  expect(withTable(page, 'new')).toBe(`# Title\n\n${withTable('', 'new')}\nafter\n`)
  expect(withTable(page, 'new')).not.toContain('old')
})
