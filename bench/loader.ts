/**
 * Whether worker threads keep both cores busy: an epoch of a convolutional network on 224 × 224 JPEGs, 32 a batch, 2 workers, against
 * what its parts cost alone (`npm run ts bench/loader.ts [folder of folders of pictures]`). The bar: the epoch takes at most
 * 1.2 × (CPU seconds of loading + CPU seconds of training on tensors in memory) ÷ 2.
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import sharp from 'sharp'
import { DataLoader } from '../src/data/data-loader.ts'
import { imageFolder } from '../src/data/image-folder.ts'
import { moduleDataset } from '../src/data/module-dataset.ts'
import { ReLU } from '../src/nn/activations/rectifiers.ts'
import { Sequential } from '../src/nn/containers.ts'
import { crossEntropy } from '../src/nn/functional/losses/classification.ts'
import { AdaptiveAvgPool2d } from '../src/nn/layers/adaptive-pool.ts'
import { BatchNorm2d } from '../src/nn/layers/batch-norm.ts'
import { Conv2d } from '../src/nn/layers/conv.ts'
import { Flatten } from '../src/nn/layers/flatten.ts'
import { Linear } from '../src/nn/layers/linear.ts'
import { AdamW } from '../src/optim/adam.ts'
import { manualSeed } from '../src/tensor/random.ts'
import type { Tensor } from '../src/tensor/tensor.ts'

const [size, batchSize, workers, cores, bar] = [224, 32, 2, 2, 1.2]
/** Epochs measured; the fastest counts. */
const rounds = 2
/** How often each picture is in the folder: an epoch should take seconds. */
const copies = 2

type Pairs = AsyncIterable<readonly [Tensor, Tensor]>

/** The pictures cut to 224 × 224 and written as JPEG, several times under different names. */
async function writePictures(source: string, folder: string): Promise<void> {
  const { classes, labels, paths } = await imageFolder(source)
  for (const name of classes) await mkdir(join(folder, name))
  for (const [i, path] of paths.entries()) {
    const picture = sharp(path).resize(size, size, { fit: 'cover' }).jpeg({ quality: 90 })
    const bytes = await picture.toBuffer()
    for (let copy = 0; copy < copies; copy++) {
      const name = `${basename(path).replace(/\.\w+$/, '')}-${copy}.jpg`
      await sharp(bytes).toFile(join(folder, classes[labels[i]!]!, name))
    }
  }
}

/** Five convolutions that halve the picture each, as in recipe `image-classifier`. */
function network(): Sequential {
  manualSeed(0)
  const widths = [16, 32, 64, 96, 128]
  const blocks = widths.flatMap((width, i) => [
    new Conv2d(widths[i - 1] ?? 3, width, 3, { stride: 2, padding: 1, bias: false }),
    new BatchNorm2d(width),
    new ReLU(),
  ])
  return new Sequential(...blocks, new AdaptiveAvgPool2d(1), new Flatten(), new Linear(128, 2))
}

/** An epoch of training; the loss is read once, at the end. */
function training(): (batches: Pairs | Iterable<readonly [Tensor, Tensor]>) => Promise<void> {
  const model = network()
  const optimizer = new AdamW(model.parameters(), { lr: 1e-3 })
  return async (batches) => {
    let last: Tensor | undefined
    for await (const [x, y] of batches) {
      optimizer.zeroGrad()
      last = crossEntropy(model.forward(x), y)
      last.backward()
      optimizer.step()
    }
    await last?.item()
  }
}

interface Cost {
  /** On the clock. */
  readonly seconds: number
  /** Of all threads of this process. */
  readonly cpu: number
}

async function costOf(run: () => Promise<unknown>): Promise<Cost> {
  const [started, before] = [performance.now(), process.cpuUsage()]
  await run()
  const { user, system } = process.cpuUsage(before)
  return { seconds: (performance.now() - started) / 1000, cpu: (user + system) / 1e6 }
}

/** The best of some rounds, after one that does not count: compilers and caches are warm. */
async function best(run: () => Promise<unknown>): Promise<Cost> {
  await run()
  const costs: Cost[] = []
  for (let round = 0; round < rounds; round++) costs.push(await costOf(run))
  return costs.reduce((a, b) => (b.seconds < a.seconds ? b : a))
}

async function measure(folder: string, augmented: boolean): Promise<boolean> {
  const images = await moduleDataset<typeof import('./loader-data.ts')>(new URL('./loader-data.ts', import.meta.url), {
    folder,
    augmented,
  })
  const options = { batchSize, shuffle: true, dropLast: true }
  const here = new DataLoader(images, options)
  const cached: (readonly [Tensor, Tensor])[] = []
  const loading = await best(async () => {
    cached.length = 0
    for await (const batch of here) cached.push(batch)
  })
  const train = training()
  const alone = await best(() => train(cached))
  cached.length = 0
  const threaded = new DataLoader(images, { ...options, workers, persistentWorkers: true })
  const epoch = await best(() => train(threaded))
  await threaded.close()

  const bound = (loading.cpu + alone.cpu) / cores
  const ratio = epoch.seconds / bound
  const line = (name: string, { seconds, cpu }: Cost): void =>
    console.log(`  ${name.padEnd(38)} ${seconds.toFixed(2).padStart(6)} s ${cpu.toFixed(2).padStart(6)} s CPU`)
  console.log(`${augmented ? 'decoded and augmented' : 'decoded'}: ${here.length} batches of ${batchSize}`)
  line('loading alone, in one thread', loading)
  line('training alone, on tensors in memory', alone)
  line(`the epoch, ${workers} workers`, epoch)
  console.log(`  ${ratio.toFixed(2)} × half the CPU seconds of both (bar ${bar}): ${ratio <= bar ? 'held' : 'MISSED'}`)
  return ratio <= bar
}

const source = process.argv[2] ?? join(process.env['GRADUS_DATA'] ?? '../shared/data', 'hymenoptera', 'train')
const folder = await mkdtemp(join(tmpdir(), 'gradus-loader-'))
try {
  await writePictures(source, folder)
  const held = [await measure(folder, false), await measure(folder, true)]
  process.exitCode = held.every(Boolean) ? 0 : 1
} finally {
  await rm(folder, { recursive: true })
}
