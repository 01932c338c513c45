/**
 * A network that others trained on ImageNet learns to tell ants from bees by some 240 photographs: first a new head alone, on features that
 * are computed once for several views of each picture, then all of it. `npm run ts examples/finetune-images.ts [seed] [epochs] [model]
 * [pictures]`: `model` is a folder with a layers model of TensorFlow.js that takes 224 × 224 pixels from 0 to 1, `pictures` one with `train`
 * and `val`, in which each class has a folder. Defaults: `darknet-tiny` and `hymenoptera` in the folder that GRADUS_DATA names.
 */
import { concat, F, manualSeed, nn, optim, type Tensor } from 'gradus'
import { cacheSamples, concatDatasets, DataLoader, imageFolder, mapSamples, transforms } from 'gradus/data'
import { type LayersModel, loadLayersModel } from 'gradus/io'
import { cachedFeatures, freezeBatchNorm } from 'gradus/models'
import { accuracy, type Evaluable, evaluate, fit } from 'gradus/train'
import { dataFile } from './data-files.ts'
import { needed, percent, say } from './report.ts'

const [seed, epochs] = [Number(process.argv[2] ?? 0), Number(process.argv[3] ?? 3)]
const folder = process.argv[4] ?? dataFile('darknet-tiny')
const pictures = process.argv[5] ?? dataFile('hymenoptera')
const [size, batchSize, views] = [224, 32, 8]
/** The last layers before ImageNet's classes, and how many channels they have together. */
const [layers, width] = [['leaky_re_lu_14', 'leaky_re_lu_15'], 512 + 128]
/** Of the head alone; of the network and of the head when all is trained. */
const [probe, lr, headLr] = [{ lr: 0.1, momentum: 0.9, weightDecay: 1 }, 3e-5, 1e-4]

needed(`${folder}/model.json`, 'the network; name the folder of a layers model of TensorFlow.js')
for (const part of ['train', 'val'])
  needed(`${pictures}/${part}`, 'pictures; name a folder with train and val, in which each class has a folder')

/** The network up to its last features, and a head on their means that learns the same whatever their scale. */
class Classifier extends nn.Module {
  body: LayersModel
  head: nn.Sequential

  constructor(body: LayersModel, classes: number) {
    super()
    this.body = body
    this.head = new nn.Sequential(new nn.BatchNorm1d(width, { affine: false }), new nn.Linear(width, classes))
  }

  /** Images [N, 3, 224, 224] → [N, 640]. */
  features(images: Tensor): Tensor {
    return concat(
      layers.map((name) => this.body.forwardTo(name, images).mean([2, 3])),
      1,
    )
  }

  forward(images: Tensor): Tensor {
    return this.head.forward(this.features(images))
  }
}

manualSeed(seed)
const train = await imageFolder(`${pictures}/train`, { shorterSide: 256 })
const test = await imageFolder(`${pictures}/val`, { shorterSide: 256 })
const { centerCrop, compose, randomHorizontalFlip, randomResizedCrop, toFloat } = transforms
const middle = compose(centerCrop(size), toFloat())
const anyPart = compose(randomResizedCrop(size, { scale: [0.4, 1] }), randomHorizontalFlip(), toFloat())

/** Batches of pictures as `view` shows them; what is random about it is new each epoch. */
function batchesOf(
  files: typeof train,
  view: transforms.Transform,
  shuffle = false,
): DataLoader<readonly [Tensor, number]> {
  const seen = mapSamples(files, ([image, label], random) => [view(image, random), label] as const)
  return new DataLoader(seen, { batchSize, shuffle, seed })
}

const decoded = { ...train, ...cacheSamples(train) }
const model = new Classifier(await loadLayersModel(`${folder}/model.json`), train.classes.length)
freezeBatchNorm(model.body)
say(`${train.length} pictures to learn from, ${test.length} to test on: ${train.classes.join(', ')}`)

const features = (batches: ReturnType<typeof batchesOf>): ReturnType<typeof cachedFeatures> =>
  cachedFeatures(batches, (images) => model.features(images))
const right = async (model: nn.Layer, data: Evaluable): Promise<string> =>
  percent((await evaluate(model, data, { metrics: { accuracy } }))['accuracy'])

const seen = [await features(batchesOf(decoded, middle))]
const parts = batchesOf(decoded, anyPart)
while (seen.length < views) {
  seen.push(await features(parts))
  say(`features of view ${seen.length} of ${views}`)
}
const unseen = await features(batchesOf(test, middle))
const optimizer = new optim.SGD(model.head.parameters(), probe)
await fit(model.head, {
  train: concatDatasets(...seen),
  optimizer,
  schedule: new optim.CosineAnnealingLR(optimizer, 20),
  loss: F.crossEntropy,
  epochs: 20,
  batchSize: 64,
  seed,
})
say(`a new head on frozen features: ${await right(model.head, unseen)} of the test right`)

freezeBatchNorm(model)
await fit(model, {
  train: batchesOf(decoded, anyPart, true),
  optimizer: new optim.AdamW([
    { params: model.body.parameters(), lr },
    { params: model.head.parameters(), lr: headLr },
  ]),
  loss: F.crossEntropy,
  metrics: { accuracy },
  epochs,
  onEpoch: ({ epoch, train }) =>
    say(`epoch ${epoch}: loss ${train['loss']?.toFixed(3)}, ${percent(train['accuracy'])} right`),
})
say(`fine-tuned: ${await right(model, batchesOf(test, middle))} of the test right`)
