import { describe, expect, test } from 'vitest'
import { lanesOf } from '../../codegen/x64/emit.ts'
import type { InstructionSet } from '../../codegen/x64/register-file.ts'
import { toValues, type Values } from '../../core/dtype.ts'
import { sizeOf } from '../../core/shape.ts'
import { backpropagate } from '../../graph/autograd.ts'
import { interpret } from '../../graph/interpret.ts'
import { Node, record } from '../../graph/node.ts'
import { attention, attentionGradientOp, attentionLogSumExpOp, attentionOp } from '../../graph/ops/attention.ts'
import { buffer, constant, scalar } from '../../graph/ops/leaves.ts'
import { permute } from '../../graph/ops/views.ts'
import { postorder } from '../../graph/walk.ts'
import { type Binding, interpret as interpretLanes } from '../../lane/interpret.ts'
import { verifyBounds } from '../../lane/verify.ts'
import { threadPool } from '../../runtime/native/thread-pool.ts'
import { lowerAttention } from '../../schedule/attention.ts'
import { type Chain, isChain } from '../../schedule/chain.ts'
import { runNative, runnableSets } from '../../../test/native/run-lane.ts'
import { packingOf } from '../product-schedule.ts'
import { chainCode } from './attention.ts'

const threadsAtMost = 3

interface Sizes {
  readonly batch?: number
  readonly heads?: number
  readonly keyHeads?: number
  readonly queries: number
  readonly keys: number
  readonly size: number
  readonly width?: number
}

const variants = ['plain', 'causal', 'bool mask', 'additive mask', 'dropout', 'causal with dropout'] as const
type Variant = (typeof variants)[number]

function leaf(shape: readonly number[], seed: number): Node {
  const values = Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(i * i * 0.37 + seed * 1.7 + i))
  const node = buffer(values, shape, 'float32')
  node.requiresGrad = true
  return node
}

/** Attention, its log-sum-exps, and its gradients by query, key and value. */
function problem(variant: Variant, sizes: Sizes): Node[] {
  const { batch = 1, heads = 1, keyHeads = heads, queries, keys, size, width = size } = sizes
  // As networks have them: heads behind positions.
  const q = permute(leaf([batch, queries, heads, size], 1), [0, 2, 1, 3])
  const [k, v] = [leaf([batch, keyHeads, keys, size], 2), leaf([batch, keyHeads, keys, width], 3)]
  const seen = Uint8Array.from({ length: queries * keys }, (_, i) => ((i * 7) % 3 === 0 && i >= keys ? 1 : 0))
  const mask =
    variant === 'bool mask'
      ? buffer(seen, [1, 1, queries, keys], 'bool')
      : variant === 'additive mask'
        ? leaf([batch, 1, queries, keys], 4)
        : undefined
  const random = { key: buffer(Int32Array.of(1, 2, 3), [3], 'int32'), p: scalar(0.3, 'float32') }
  const dropout = variant.includes('dropout') ? random : undefined
  const y = attention({ q, k, v, scale: constant(0.4), mask, dropout }, variant.startsWith('causal'))
  const cotangents = backpropagate([y], [leaf(y.shape, 5)], false)
  const gradients = [q, k, v].map((x) => cotangents.get(x)!)
  const sums = postorder(gradients, (node) => node.inputs).find(({ op }) => op === attentionLogSumExpOp)!
  return [y, sums, ...gradients]
}

/** The same by the decomposition of every op that has one. */
function writtenOut(node: Node, known = new Map<Node, Node>()): Node {
  const before = known.get(node)
  if (before || node.value) return before ?? node
  const inputs = node.inputs.map((input) => writtenOut(input, known))
  const copy = Object.assign(Object.create(Object.getPrototypeOf(node) as object) as Node, node, { inputs })
  const made = node.op.decompose ? writtenOut(node.op.decompose(inputs, node.attrs, node), known) : copy
  known.set(node, made)
  return made
}

interface Machine {
  readonly set: InstructionSet
  readonly native: boolean
  readonly threads?: number
}

/** Values of one kernel's results; its inputs are computed by the reference interpreter. */
function run(nodes: readonly Node[], { set, native, threads = 1 }: Machine): Values[] {
  const chains = nodes.map((node): Node<Chain> => {
    const made = lowerAttention(node, node.inputs, packingOf(lanesOf(set)))!
    expect(isChain(made)).toBe(true)
    return made as Node<Chain>
  })
  const { program, bindings } = chainCode(sharingInputs(chains), lanesOf(set))
  verifyBounds(program)
  const outputs = chains.map(({ shape }) => new Float32Array(sizeOf(shape)).fill(Number.NaN))
  const own = bindings.map((binding): Binding => {
    if (binding.kind === 'scratch') return new Float32Array((binding.bytes / 4) * threadsAtMost).fill(Number.NaN)
    if (binding.kind !== 'buffer') return null
    const result = chains.findIndex((made) => made.shape === binding.node.shape && made.attrs === binding.node.attrs)
    return (result >= 0 ? outputs[result]! : (binding.node.value ?? interpret([binding.node])[0]!)) as Float32Array
  })
  if (native) {
    threadPool().setThreads(threads)
    runNative(program, set, own)
  } else interpretLanes(program, own)
  return outputs
}

/** Inputs that the nodes make anew each are made once, as in a plan. */
function sharingInputs(chains: readonly Node<Chain>[]): Node<Chain>[] {
  const main = chains[0]!
  return chains.map((made) => {
    const inputs = made.attrs.reads.map(({ role }, i) => {
      const at = main.attrs.reads.findIndex((read) => read.role === role)
      return at < 0 ? made.inputs[i]! : main.inputs[at]!
    })
    return new Node(made.op, inputs, made.attrs, made, false)
  })
}

function expectClose(actual: Values, wanted: Values, what: string): void {
  expect(actual.length).toBe(wanted.length)
  let scale = 1
  for (const value of wanted) if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value))
  for (let i = 0; i < wanted.length; i++) {
    const [a, b] = [actual[i]!, wanted[i]!]
    if (!Object.is(a, b) && !(Math.abs(a - b) <= 5e-6 * scale)) expect.fail(`${what}, element ${i}: ${a} is not ${b}`)
  }
}

const interpreted: readonly Machine[] = [
  { set: 'avx512', native: false },
  { set: 'avx2', native: false },
]
const native: readonly Machine[] = runnableSets.map((set) => ({ set, native: true }))

function check(variant: Variant, sizes: Sizes, machines: readonly Machine[]): void {
  const nodes = problem(variant, sizes)
  const wanted = interpret(nodes.map((node) => writtenOut(node))).map((array, i) => toValues(array, nodes[i]!.dtype))
  const names = ['output', 'sums', 'query', 'key', 'value']
  const [y, sums, query, key, value] = nodes as [Node, Node, Node, Node, Node]
  // What kernels are given means what the graph means.
  for (const [i, node] of nodes.entries()) {
    const made = lowerAttention(node, node.inputs, packingOf(16))!
    expectClose(toValues(interpret([made])[0]!, node.dtype), wanted[i]!, `${variant} ${names[i]}`)
  }
  for (const machine of machines) {
    const together = [...run([y, sums], machine), ...run([query], machine), ...run([key, value], machine)]
    const what = `${variant} ${JSON.stringify(sizes)} ${JSON.stringify(machine)}`
    for (const [i, actual] of together.entries()) expectClose(actual, wanted[i]!, `${what} ${names[i]}`)
  }
}

describe.each(variants)('attention block by block: %s', { timeout: 60_000 }, (variant) => {
  test('small sizes, in the lane interpreter and by the processor', () => {
    for (const [queries, keys, size] of [
      [1, 1, 4],
      [3, 17, 4],
      [20, 35, 5],
    ] as const) {
      check(variant, { queries, keys, size, width: size + 1 }, [...interpreted, ...native])
    }
  })

  test('more than one block, shared key heads', () => {
    check(variant, { queries: 130, keys: 300, size: 17 }, native)
    check(variant, { batch: 2, heads: 6, keyHeads: 2, queries: 40, keys: 70, size: 8, width: 33 }, native)
  })
})

test('sizes around blocks and tiles', { timeout: 60_000 }, () => {
  for (const [queries, keys, size] of [
    [17, 3, 17],
    [65, 130, 64],
    [300, 65, 4],
    [113, 257, 4],
    [1, 300, 17],
    [300, 1, 4],
  ] as const) {
    check('causal with dropout', { queries, keys, size }, native)
  }
})

test('threads change no bit, nor do the width of vectors and what else is computed', { timeout: 60_000 }, () => {
  for (const variant of ['plain', 'causal with dropout'] as const) {
    const [y, sums, query, key, value] = problem(variant, { heads: 2, queries: 130, keys: 300, size: 20 }) as [
      Node,
      Node,
      Node,
      Node,
      Node,
    ]
    for (const nodes of [[y, sums], [query], [key, value]]) {
      const wanted = native.slice(0, 1).flatMap((machine) => nodes.map((node) => run([node], machine)[0]))
      for (const { set } of native) {
        for (const threads of [1, 2, 3]) expect(run(nodes, { set, native: true, threads })).toEqual(wanted)
      }
    }
  }
})

interface OneQuery extends Omit<Sizes, 'queries'> {
  /** Whether neighbouring keys, and values, lie side by side, or the elements of each. */
  readonly byKeys: boolean
  readonly mask?: 'bool' | 'additive' | undefined
  /** How many keys the mask shows. */
  readonly seen?: number
}

/** Attention of one query a head to keys of which the mask shows the first ones. */
function oneQuery({
  batch = 1,
  heads = 1,
  keyHeads = heads,
  keys,
  size,
  width = size,
  byKeys,
  mask,
  seen = keys,
}: OneQuery): Node {
  const laidOut = (elements: number, seed: number): Node =>
    byKeys
      ? permute(leaf([batch, keyHeads, elements, keys], seed), [0, 1, 3, 2])
      : leaf([batch, keyHeads, keys, elements], seed)
  const shown = Array.from({ length: keys }, (_, i) => i < seen)
  const masks = {
    bool: () => buffer(Uint8Array.from(shown, Number), [1, 1, 1, keys], 'bool'),
    additive: () =>
      buffer(
        Float32Array.from({ length: heads * keys }, (_, i) => (shown[i % keys] ? i * 0.01 : -Infinity)),
        [1, heads, 1, keys],
        'float32',
      ),
  }
  const [k, v] = [laidOut(size, 2), laidOut(width, 3)]
  const inputs = { q: leaf([batch, heads, 1, size], 1), k, v, scale: constant(0.4), dropout: undefined }
  return attention({ ...inputs, mask: mask && masks[mask]() }, false)
}

describe.each([true, false])('one query a head, neighbouring keys side by side: %s', { timeout: 60_000 }, (byKeys) => {
  const cases: readonly OneQuery[] = [
    { keys: 16, size: 4, byKeys },
    { keys: 130, size: 17, width: 33, byKeys, mask: 'bool', seen: 70 },
    { batch: 2, heads: 6, keyHeads: 2, keys: 65, size: 8, byKeys, mask: 'additive', seen: 64 },
    { heads: 8, keyHeads: 2, keys: 200, size: 64, byKeys, mask: 'bool', seen: 1 },
    { heads: 5, keyHeads: 1, keys: 40, size: 24, width: 5, byKeys, mask: 'additive', seen: 40 },
    { keys: 70, size: 300, width: 3, byKeys, mask: 'bool', seen: 33 },
    { keys: 20, size: 4, byKeys, mask: 'bool', seen: 0 },
  ]

  test('is what attention written out is', () => {
    for (const options of cases) {
      const y = oneQuery(options)
      const wanted = toValues(interpret([writtenOut(y)])[0]!, 'float32')
      const made = lowerAttention(y, y.inputs, packingOf(16))! as Node<Chain>
      expect(made.attrs.panel).toBe(0)
      expectClose(toValues(interpret([made])[0]!, 'float32'), wanted, `${JSON.stringify(options)}`)
      for (const machine of [...interpreted, ...native]) {
        expectClose(run([y], machine)[0]!, wanted, `${JSON.stringify(options)} ${JSON.stringify(machine)}`)
      }
    }
  })

  test('threads change no bit, nor does the width of vectors', () => {
    const y = oneQuery({ heads: 8, keyHeads: 4, keys: 300, size: 20, byKeys, mask: 'bool', seen: 290 })
    const wanted = run([y], native[0]!)[0]
    for (const { set } of native) {
      for (const threads of [1, 2, 3]) expect(run([y], { set, native: true, threads })[0]).toEqual(wanted)
    }
  })

  test('looks at no block of keys behind the last that is seen', () => {
    const options = { keys: 300, size: 8, byKeys, mask: 'bool', seen: 3 } as const
    const [y, other] = [oneQuery(options), oneQuery(options)]
    for (const stored of postorder([other], (node) => node.inputs)) {
      if (stored.value?.length !== 2400) continue
      const behind = (i: number): boolean => (byKeys ? i % 300 : Math.floor(i / 8)) >= 64
      stored.value.forEach((_, i) => {
        if (behind(i)) stored.value![i] = Number.NaN
      })
    }
    for (const machine of native) expect(run([other], machine)).toEqual(run([y], machine))
  })
})

test('heads of more than 256 numbers are summed in blocks', () => {
  check('plain', { queries: 9, keys: 20, size: 300, width: 270 }, native)
})

test('dropping everything gives zeros', () => {
  const [q, k, v] = [1, 2, 3].map((seed) => leaf([1, 1, 20, 4], seed)) as [Node, Node, Node]
  const dropout = { key: buffer(Int32Array.of(1, 2, 3), [3], 'int32'), p: scalar(1, 'float32') }
  const y = attention({ q, k, v, scale: constant(0.4), mask: undefined, dropout }, false)
  for (const machine of [...interpreted, ...native]) expect(run([y], machine)[0]).toEqual(new Float32Array(80))
})

test('what kernels cannot say stays as it is', () => {
  const packing = packingOf(16)
  const [q, k, v] = [1, 2, 3].map((seed) => buffer(new Float64Array(8), [1, 1, 2, 4 * (seed / seed)], 'float64')) as [
    Node,
    Node,
    Node,
  ]
  const y = attention({ q, k, v, scale: constant(1, 'float64'), mask: undefined, dropout: undefined }, false)
  expect(y.op).toBe(attentionOp)
  expect(lowerAttention(y, y.inputs, packing)).toBeUndefined()
  const mask = leaf([1, 1, 9, 9], 4)
  const [a, b, c] = [1, 2, 3].map((seed) => leaf([1, 1, 9, 4], seed)) as [Node, Node, Node]
  const masked = attention({ q: a, k: b, v: c, scale: constant(1), mask, dropout: undefined }, false)
  const gradient = backpropagate([masked], [leaf(masked.shape, 5)], false).get(mask)!
  expect(gradient.op).toBe(attentionGradientOp)
  expect(lowerAttention(gradient, gradient.inputs, packing)).toBeUndefined()
})

test('the gradient of attentionLogSumExp by the queries is attention to the keys themselves', () => {
  const [q, k] = [leaf([1, 2, 5, 3], 1), leaf([1, 2, 5, 3], 2)]
  const sums = record(attentionLogSumExpOp, [q, k, constant(0.4)], { causal: true, masked: false })
  const gradient = backpropagate([sums], [buffer(new Float32Array(10).fill(1), sums.shape, 'float32')], false).get(q)!
  const attended = attention({ q, k, v: k, scale: constant(0.4), mask: undefined, dropout: undefined }, true)
  const [found, wanted] = interpret([gradient, attended])
  expect(found!.length).toBe(30)
  for (const [i, value] of found!.entries()) expect(value).toBeCloseTo(0.4 * Number(wanted![i]), 6)
})
