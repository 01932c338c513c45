import { Gpt } from '../models/sequence/gpt.ts'
import { ReLU } from '../nn/activations/rectifiers.ts'
import { Sequential } from '../nn/containers.ts'
import { crossEntropy } from '../nn/functional/losses/classification.ts'
import { Conv2d } from '../nn/layers/conv.ts'
import { Flatten } from '../nn/layers/flatten.ts'
import { Linear } from '../nn/layers/linear.ts'
import { MaxPool2d } from '../nn/layers/max-pool.ts'
import type { Layer } from '../nn/module.ts'
import { AdamW } from '../optim/adam.ts'
import { describeDevice, device } from '../runtime/device.ts'
import { chooseInstructionSet, cpuFeatures } from '../runtime/native/cpu.ts'
import { measurePeak } from '../runtime/native/peak.ts'
import { threadPool } from '../runtime/native/thread-pool.ts'
import { realize } from '../tensor/base.ts'
import { manualSeed, randint, randn } from '../tensor/random.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { UsageError } from './failure.ts'
import { count, percent } from './terminal/format.ts'
import { screenOn } from './terminal/screen.ts'
import { type Column, heading, row } from './terminal/table.ts'

export interface BenchOptions {
  /** Duration of each measurement. */
  readonly seconds: number
  readonly json?: boolean
}

interface Work {
  readonly name: string
  /** Floating-point operations of its products, 2 a multiply-add. */
  readonly flops: number
  /** Makes what is timed. */
  prepare(): () => Promise<unknown>
}

interface Timing {
  readonly name: string
  /** Median. */
  readonly ms: number
  readonly gflops: number
}

const matmul = (size: number): Work => ({
  name: `product ${size} × ${size} × ${size}`,
  flops: 2 * size ** 3,
  prepare() {
    const [a, b] = [randn([size, size]), randn([size, size])]
    return () => realize(a.matmul(b))
  },
})

/** A step: forward, backward, AdamW, and reading the loss. */
function training(model: Layer, x: Tensor, labels: Tensor): () => Promise<number> {
  const optimizer = new AdamW(model.parameters(), { lr: 1e-3 })
  return () => {
    optimizer.zeroGrad()
    const output = model.forward(x)
    const loss = crossEntropy(output.rank === 3 ? output.flatten(0, 1) : output, labels.flatten())
    loss.backward()
    optimizer.step()
    return loss.item()
  }
}

// A product for the result, one for the gradient of the weights and, but for the first layer, one for that of the input.
const perceptron: Work = {
  name: 'step of a perceptron 784-512-256-10, batch 128',
  flops: 2 * 128 * (2 * 784 * 512 + 3 * (512 * 256 + 256 * 10)),
  prepare: () =>
    training(
      new Sequential(new Linear(784, 512), new ReLU(), new Linear(512, 256), new ReLU(), new Linear(256, 10)),
      randn([128, 784]),
      randint(0, 10, [128]),
    ),
}

const convolutions: Work = {
  name: 'step of a network of two convolutions, batch 64',
  flops: 2 * 64 * (2 * 28 ** 2 * 32 * 9 + 3 * (14 ** 2 * 64 * 32 * 9 + 7 ** 2 * 64 * 10)),
  prepare: () =>
    training(
      new Sequential(
        ...[new Conv2d(1, 32, 3, { padding: 1 }), new ReLU(), new MaxPool2d(2)],
        ...[new Conv2d(32, 64, 3, { padding: 1 }), new ReLU(), new MaxPool2d(2)],
        ...[new Flatten(), new Linear(7 * 7 * 64, 10)],
      ),
      randn([64, 1, 28, 28]),
      randint(0, 10, [64]),
    ),
}

const [texts, context, width, layers, vocabulary] = [12, 64, 128, 4, 65]
const gpt: Work = {
  name: 'step of a GPT of 0.8 M parameters, 12 texts of 64',
  // 12 · width² weights a layer; scores and sums of values over the positions that see each other.
  flops: 6 * texts * context * (layers * (12 * width ** 2 + width * (context + 1)) + width * vocabulary),
  prepare() {
    const tokens = randint(0, vocabulary, [texts, context])
    return training(new Gpt({ vocabulary, context, layers, size: width }), tokens, tokens)
  },
}

/** Says how fast this machine is: at most, in products, and in whole training steps. */
export async function printBench({ seconds, json = false }: BenchOptions): Promise<void> {
  const set = device().name === 'native' ? chooseInstructionSet() : undefined
  if (!set) {
    throw new UsageError(
      `only machine code is worth measuring, and here computes ${describeDevice()}; see gradus doctor`,
    )
  }
  const threads = threadPool().threads
  const screen = screenOn(json ? process.stderr : process.stdout)
  const peak = measurePeak(set, threads)
  const processor = cpuFeatures().brand
  screen.line(`  ${processor}, ${describeDevice()}`)
  screen.line(`  At most ${count(Math.round(peak))} GFLOP/s: float32 multiply-adds that touch no memory`)
  screen.line()
  const works = [matmul(256), matmul(1024), perceptron, convolutions, gpt]
  const columns: Column[] = [
    { title: 'ms', width: 9 },
    { title: 'GFLOP/s', width: 10 },
    { title: 'of peak', width: 10 },
  ]
  const first = Math.max(...works.map(({ name }) => name.length))
  screen.line(screen.colors.bold(`  ${' '.repeat(first)}${heading(columns)}`))
  const timings: Timing[] = []
  for (const work of works) {
    const timing = await timed(work, seconds)
    timings.push(timing)
    const cells = [timing.ms.toPrecision(3), timing.gflops.toFixed(0), percent(timing.gflops / peak, 0)]
    screen.line(`  ${work.name.padEnd(first)}${row(cells, columns)}`)
  }
  if (json) process.stdout.write(`${JSON.stringify({ processor, set, threads, peakGflops: peak, timings })}\n`)
}

async function timed({ name, flops, prepare }: Work, seconds: number): Promise<Timing> {
  manualSeed(0)
  const run = prepare()
  // The first runs compile, and find out whether to run beside the program.
  for (let i = 0; i < 3; i++) await run()
  const times: number[] = []
  const end = performance.now() + 1000 * seconds
  while (times.length < 3 || performance.now() < end) {
    const start = performance.now()
    await run()
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const ms = times[times.length >> 1]!
  return { name, ms, gflops: flops / ms / 1e6 }
}
