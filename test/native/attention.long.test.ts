import { describe, expect, test } from 'vitest'
import { randomBitsFrom } from '../../src/graph/ops/leaves.ts'
import { F, Generator, realize, type Tensor, tensor } from '../../src/index.ts'
import { registerTarget, setDevice } from '../../src/runtime/device.ts'
import { arena } from '../../src/runtime/native/arena.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'

/*
 * Attention over long sequences, forward and backward: what it needs in memory beside inputs, outputs and gradients, and its
 * values against the plain formula in double precision. The gradient of the output is zero but for a few queries, so that the
 * formula needs no [L, S] matrix either.
 */

const [heads, size] = [8, 64]

const target = nativeTarget()
const isNative = target instanceof NativeTarget
if (isNative) registerTarget(target)

function numbers(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0
    return state / 2 ** 30
  })
}

interface Options {
  readonly causal?: boolean
  readonly masked?: boolean
  readonly dropped?: number
}

class Problem {
  readonly length: number
  readonly options: Options
  readonly q: Float32Array<ArrayBuffer>
  readonly k: Float32Array<ArrayBuffer>
  readonly v: Float32Array<ArrayBuffer>
  readonly dy: Float32Array<ArrayBuffer>
  readonly mask: Uint8Array<ArrayBuffer> | undefined
  /** Queries on whose outputs the loss depends. */
  readonly rows: readonly number[]

  constructor(length: number, options: Options) {
    const count = heads * length * size
    this.length = length
    this.options = options
    this.q = numbers(count, 1)
    this.k = numbers(count, 2)
    this.v = numbers(count, 3)
    this.rows = [0, 1, 57, 255, length / 2 + 3, length - 1]
    this.dy = new Float32Array(count)
    for (let head = 0; head < heads; head++) {
      for (const row of this.rows) this.dy.set(numbers(size, head + row), (head * length + row) * size)
    }
    if (options.masked)
      this.mask = Uint8Array.from({ length: length * length }, (_, i) => (i % 5 === 2 || i % 7 === 3 ? 0 : 1))
  }

  /** Output, gradients by q, k and v, and what memory grew by beside these, in bytes. */
  async run(): Promise<{ values: Float32Array[]; grown: number }> {
    const { length, mask, options } = this
    const leaf = (x: Float32Array): Tensor => tensor(x).reshape([1, heads, length, size])
    const [q, k, v, dy] = [leaf(this.q), leaf(this.k), leaf(this.v), leaf(this.dy)]
    const attnMask = mask && tensor(mask, { dtype: 'bool' }).reshape([1, 1, length, length])
    await realize(q, k, v, dy, ...(attnMask ? [attnMask] : []))
    const inputs = [q, k, v].map((x) => x.detach().requireGrad()) as [Tensor, Tensor, Tensor]
    await realize(...inputs)
    const before = residentBytes()
    const y = F.scaledDotProductAttention(...inputs, {
      attnMask: attnMask ?? null,
      isCausal: options.causal ?? false,
      dropoutP: options.dropped ?? 0,
      generator: new Generator(7),
    })
    y.backward(dy)
    const results = [y, ...inputs.map(({ grad }) => grad!)]
    await realize(...results)
    const grown = residentBytes() - before - 4 * this.q.byteLength
    return { values: (await Promise.all(results.map((x) => x.data()))) as Float32Array[], grown }
  }

  /** The largest difference from the formula, in the rows that the loss depends on and in all keys. */
  difference([y, dq, dk, dv]: readonly Float32Array[]): number {
    const { length, rows } = this
    let worst = 0
    const compare = (actual: number, wanted: number): void => {
      // Written so that NaN counts.
      if (!(Math.abs(actual - wanted) <= worst)) worst = Math.abs(actual - wanted)
    }
    for (let head = 0; head < heads; head++) {
      const keys = new Float64Array(length * size)
      const values = new Float64Array(length * size)
      for (const row of rows) {
        const at = (head * length + row) * size
        const { output, query } = this.row(head, row, keys, values)
        for (let e = 0; e < size; e++) {
          compare(y![at + e]!, output[e]!)
          compare(dq![at + e]!, query[e]!)
        }
      }
      const from = head * length * size
      for (let i = 0; i < length * size; i++) {
        compare(dk![from + i]!, keys[i]!)
        compare(dv![from + i]!, values[i]!)
      }
    }
    return worst
  }

  /** Output and gradient of one query; its parts of the gradients of keys and values are added. */
  private row(head: number, row: number, dk: Float64Array, dv: Float64Array): Record<'output' | 'query', Float64Array> {
    const { length, q, k, v, dy, mask, options } = this
    const { causal, dropped = 0 } = options
    const [at, from] = [(head * length + row) * size, head * length * size]
    const dot = (x: Float32Array, y: Float32Array, j: number): number => {
      let sum = 0
      for (let e = 0; e < size; e++) sum += x[at + e]! * y[from + j * size + e]!
      return sum
    }
    const scale = 1 / Math.sqrt(size)
    const weights = Float64Array.from({ length }, (_, j) =>
      (causal && j > row) || mask?.[row * length + j] === 0 ? 0 : Math.exp(dot(q, k, j) * scale),
    )
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    const bits = randomBitsFrom(Int32Array.of(7, 0, 0), 0, (head * length + row) * length, new Int32Array(length))
    const factor = (j: number): number => ((bits[j]! >>> 8) * 2 ** -24 < Math.fround(dropped) ? 0 : 1 / (1 - dropped))
    const slopes = Float64Array.from({ length }, (_, j) => dot(dy, v, j) * factor(j))
    const delta = weights.reduce((sum, weight, j) => sum + (weight / total) * slopes[j]!, 0)
    const [output, query] = [new Float64Array(size), new Float64Array(size)]
    for (let j = 0; j < length; j++) {
      const weight = weights[j]! / total
      const slope = weight * (slopes[j]! - delta) * scale
      for (let e = 0; e < size; e++) {
        const key = from + j * size + e
        output[e]! += weight * factor(j) * v[key]!
        query[e]! += slope * k[key]!
        dv[j * size + e]! += weight * factor(j) * dy[at + e]!
        dk[j * size + e]! += slope * q[at + e]!
      }
    }
    return { output, query }
  }
}

function residentBytes(): number {
  globalThis.gc?.()
  return process.memoryUsage().rss
}

describe.skipIf(!isNative)('8 heads of 64', () => {
  const variants: Readonly<Record<string, Options>> = {
    'masked, with dropout': { masked: true, dropped: 0.2 },
    'causal, with dropout': { causal: true, dropped: 0.2 },
  }
  test.each(
    [
      [4096, 48],
      [8192, 96],
    ].flatMap(([length, most]) => Object.keys(variants).map((name) => [length!, most!, name] as const)),
  )('length %i in less than %i MB: %s', async (length, most, name) => {
    setDevice('native')
    await new Problem(512, variants[name]!).run()
    const problem = new Problem(length, variants[name]!)
    const { values, grown } = await problem.run()
    const peak = Math.max(grown, arena.memory.length) / 1e6
    console.log(`length ${length}, ${name}: ${peak.toFixed(1)} MB beside inputs, outputs and gradients`)
    expect(peak).toBeLessThan(most)
    expect(problem.difference(values)).toBeLessThan(1e-5)
    expect((target as NativeTarget).routines.size).toBe(0)
  })
})

describe.skipIf(!isNative)('by machine code as by the interpreter', () => {
  const shape = { batch: 2, length: 190, heads: 6, keyHeads: 2, size: 20 }

  /** Queries, keys and values cut out of one projection, as networks have them; the gradient of that projection. */
  async function compute(
    device: string,
    dtype: 'float32' | 'bfloat16',
    options: Options & { biased?: boolean },
  ): Promise<Tensor[]> {
    setDevice(device)
    const { batch, length, heads: own, keyHeads, size: width } = shape
    const columns = (own + 2 * keyHeads) * width
    const projected = tensor(numbers(batch * length * columns, 1))
      .reshape([batch, length, columns])
      .to(dtype)
    const leaf = projected.detach().requireGrad()
    const bias = tensor(numbers(own * length * length, 2))
      .reshape([1, own, length, length])
      .requireGrad()
    const seen = tensor(
      Uint8Array.from({ length: length * length }, (_, i) => (i % 3 === 0 && i > length ? 1 : 0)),
      { dtype: 'bool' },
    )
    const parts = leaf.split([own * width, keyHeads * width, keyHeads * width], 2)
    const [q, k, v] = parts.map((x) => x.reshape([batch, length, -1, width]).transpose(1, 2)) as [
      Tensor,
      Tensor,
      Tensor,
    ]
    const y = F.scaledDotProductAttention(q, k, v, {
      attnMask: options.biased ? bias : options.masked ? seen.reshape([length, length]) : null,
      isCausal: options.causal ?? false,
      dropoutP: options.dropped ?? 0,
      generator: new Generator(7),
      enableGqa: true,
    })
    const weights = tensor(numbers(batch * length * own * width, 3)).reshape([batch, length, own * width])
    const loss = y
      .transpose(1, 2)
      .reshape([batch, length, own * width])
      .mul(weights)
      .sum()
    loss.backward()
    const results = [y, leaf.grad!, ...(options.biased ? [bias.grad!] : [])]
    await realize(...results)
    return results
  }

  test.each([
    ['float32', {}],
    ['float32', { causal: true, dropped: 0.25 }],
    ['float32', { masked: true }],
    ['float32', { biased: true }],
    ['bfloat16', { causal: true }],
  ] as const)('%s %o', async (dtype, options) => {
    const wanted = await compute('reference', dtype, options)
    const actual = await compute('native', dtype, options)
    for (const [i, result] of actual.entries()) {
      const [a, b] = [await result.data(), await wanted[i]!.data()] as [Float32Array, Float32Array]
      const scale = b.reduce((most, x) => Math.max(most, Math.abs(x)), 1)
      // A bfloat16 may fall to either side of a number in between.
      const most = (dtype === 'bfloat16' ? 2 ** -7 : 1e-5) * scale
      for (let j = 0; j < b.length; j++)
        if (!(Math.abs(a[j]! - b[j]!) <= most)) expect.fail(`result ${i}, element ${j}: ${a[j]} is not ${b[j]}`)
    }
  })
})
