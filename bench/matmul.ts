/**
 * Square products and those of small networks, in GFLOP/s and as a fraction of the measured peak (`npm run ts bench/matmul.ts`). With
 * `--torch PYTHON` rounds are interleaved with PyTorch's on the same threads.
 */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import type { Node } from '../src/graph/node.ts'
import { contract } from '../src/graph/ops/contract.ts'
import { buffer } from '../src/graph/ops/leaves.ts'
import { chooseInstructionSet } from '../src/runtime/native/cpu.ts'
import { NativeTarget, nativeTarget } from '../src/runtime/native/target.ts'
import { threadPool } from '../src/runtime/native/thread-pool.ts'
import { measurePeak } from './peak.ts'

/** [M, K] · [K, N], with operands as they lie in memory: n plain, t transposed. */
interface Case {
  readonly m: number
  readonly n: number
  readonly k: number
  readonly order: 'nn' | 'nt' | 'tn'
}

const square = (n: number): Case => ({ m: n, n, k: n, order: 'nn' })
const cases: readonly Case[] = [
  ...[32, 64, 128, 256, 512, 768, 1024, 2048].map(square),
  { m: 512, n: 512, k: 512, order: 'nt' },
  { m: 512, n: 512, k: 512, order: 'tn' },
  { m: 1024, n: 1024, k: 1024, order: 'nt' },
  { m: 128, n: 512, k: 784, order: 'nt' },
  { m: 512, n: 784, k: 128, order: 'tn' },
  { m: 128, n: 10, k: 256, order: 'nt' },
  { m: 768, n: 1152, k: 384, order: 'nt' },
]

function random(shape: readonly number[]): Node {
  const size = shape.reduce((p, n) => p * n, 1)
  return buffer(
    Float32Array.from({ length: size }, () => Math.random() - 0.5),
    shape,
    'float32',
  )
}

function record({ m, n, k, order }: Case): () => Node {
  const a = random(order === 'tn' ? [k, m] : [m, k])
  const b = random(order === 'nt' ? [n, k] : [k, n])
  const reduce = [[order === 'tn' ? 0 : 1], [order === 'nt' ? 1 : 0]] as const
  return () => contract(a, b, { batch: [[], []], reduce })
}

/** Answers one line of milliseconds for each line `index rounds`. */
const torchProgram = `
import sys, time, json, torch
cases, threads = json.loads(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(threads)
made = {}
for line in sys.stdin:
    i, rounds = map(int, line.split())
    if i not in made:
        c = cases[i]
        m, n, k, o = c['m'], c['n'], c['k'], c['order']
        a = torch.randn(k, m).t() if o == 'tn' else torch.randn(m, k)
        b = torch.randn(n, k).t() if o == 'nt' else torch.randn(k, n)
        made[i] = (a, b)
    a, b = made[i]
    t = time.perf_counter()
    for _ in range(rounds): torch.mm(a, b)
    print((time.perf_counter() - t) * 1e3 / rounds, flush=True)
`

function torch(python: string, threads: number): { time(i: number, rounds: number): Promise<number>; end(): void } {
  const child = spawn(python, ['-c', torchProgram, JSON.stringify(cases), `${threads}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async time(i, rounds) {
      child.stdin.write(`${i} ${rounds}\n`)
      return Number((await lines.next()).value)
    },
    end: () => void child.stdin.end(),
  }
}

const { values: options } = parseArgs({
  options: { torch: { type: 'string' }, threads: { type: 'string' }, only: { type: 'string' } },
})
const target = nativeTarget()
const set = chooseInstructionSet()
if (!(target instanceof NativeTarget) || !set) throw new Error('no native target here')
const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] ?? Number.NaN

for (const threads of options.threads ? [Number(options.threads)] : [1, 2]) {
  threadPool().setThreads(threads)
  const peak = measurePeak(set, threads)
  console.log(`${set}, ${threads} threads, peak ${peak.toFixed(0)} GFLOP/s`)
  const peer = options.torch ? torch(options.torch, threads) : undefined
  for (const [i, item] of cases.entries()) {
    const { m, n, k, order } = item
    const name = `${m}×${k}·${k}×${n} ${order}`
    if (options.only && !name.includes(options.only)) continue
    const make = record(item)
    const flops = 2 * m * n * k
    const rounds = Math.max(1, Math.min(1000, Math.round(2e8 / flops)))
    const time = (): number => {
      const start = performance.now()
      for (let r = 0; r < rounds; r++) target.run([make()])
      return (performance.now() - start) / rounds
    }
    const own: number[] = []
    const others: number[] = []
    for (let round = 0; round < 12; round++) {
      own.push(time())
      if (peer) others.push(await peer.time(i, rounds))
    }
    own.splice(0, 2)
    others.splice(0, 2)
    const rate = (ms: number): string => (flops / ms / 1e6).toFixed(1)
    const best = Math.min(...own)
    const ratio = peer
      ? `   torch ${rate(Math.min(...others))} (median ${rate(median(others))})   ratio best ${(Math.min(...others) / best).toFixed(2)} median ${(median(others) / median(own)).toFixed(2)}`
      : ''
    console.log(
      `${name.padEnd(24)} ${rate(best).padStart(6)} GFLOP/s (median ${rate(median(own))}), ${((100 * flops) / best / 1e6 / peak).toFixed(0)} % of peak${ratio}`,
    )
  }
  peer?.end()
}
