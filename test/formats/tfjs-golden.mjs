/**
 * Writes data/darknet-tiny.npy, what TensorFlow.js computes for 20 images of `hymenoptera/val`, and data/tfjs-*, small models with
 * their outputs. Not part of the tests; it needs @tensorflow/tfjs and sharp, installed elsewhere:
 *
 *     node test/formats/tfjs-golden.mjs NODE_MODULES DATA
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const [modules, data] = process.argv.slice(2)
const require = createRequire(join(modules, 'x.js'))
const tf = require('@tensorflow/tfjs')
const sharp = createRequire(import.meta.url)('sharp')
const out = join(dirname(fileURLToPath(import.meta.url)), 'data')

/** Whole numbers from 0 to 255 that both sides can make. */
const bytes = (count) => Uint8Array.from({ length: count }, (_, i) => (i * 7919 + ((i * i) % 251)) % 256)

function npy(shape, values) {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`
  const length = Math.ceil((10 + text.length + 1) / 64) * 64
  const header = Buffer.alloc(length, 0x20)
  header.write('\x93NUMPY\x01\x00', 0, 'latin1')
  header.writeUInt16LE(length - 10, 8)
  header.write(text, 10, 'latin1')
  header[length - 1] = 10
  return Buffer.concat([header, Buffer.from(Float32Array.from(values).buffer)])
}

/** Reads a model and its files as a browser would. */
const stored = (folder) => ({
  load: async () => {
    const { modelTopology, weightsManifest } = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'))
    const weightSpecs = weightsManifest.flatMap(({ weights }) => weights)
    const files = weightsManifest.flatMap(({ paths }) => paths).map((path) => readFileSync(join(folder, path)))
    return { modelTopology, weightSpecs, weightData: new Uint8Array(Buffer.concat(files)).buffer }
  },
})

const images = join(data, 'hymenoptera', 'val')
const paths = ['ants', 'bees'].flatMap((kind) =>
  readdirSync(join(images, kind))
    .sort()
    .slice(0, 10)
    .map((name) => join(images, kind, name)),
)
const darknet = await tf.loadLayersModel(stored(join(data, 'darknet-tiny')))
const logits = []
for (const path of paths) {
  const { data: all, info } = await sharp(path)
    .rotate()
    .removeAlpha()
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true })
  const [top, left] = [(info.height - 224) >> 1, (info.width - 224) >> 1]
  const rows = Array.from({ length: 224 }, (_, i) =>
    all.subarray(3 * ((top + i) * info.width + left)).subarray(0, 3 * 224),
  )
  const pixels = Buffer.concat(rows)
  const y = darknet.predict(
    tf.tensor(
      Float32Array.from(pixels, (value) => value / 255),
      [1, 224, 224, 3],
    ),
  )
  logits.push(...y.dataSync())
}
writeFileSync(join(out, 'darknet-tiny.npy'), npy([paths.length, 1000], logits))

// Layers that darknet has not: saved by TensorFlow.js itself, with random weights and statistics.
const { layers } = tf
const image = tf.input({ shape: [9, 8, 3] })
let x = layers
  .zeroPadding2d({
    padding: [
      [1, 0],
      [0, 2],
    ],
  })
  .apply(image)
x = layers
  .conv2d({ filters: 6, kernelSize: 3, strides: 2, padding: 'same', activation: 'relu', useBias: true })
  .apply(x)
const left = layers
  .depthwiseConv2d({ kernelSize: 3, padding: 'same', depthMultiplier: 2, activation: 'sigmoid' })
  .apply(x)
const right = layers.conv2d({ filters: 12, kernelSize: [1, 2], padding: 'valid', dilationRate: 1 }).apply(
  layers
    .zeroPadding2d({
      padding: [
        [0, 0],
        [0, 1],
      ],
    })
    .apply(x),
)
x = layers.add().apply([left, right])
x = layers.concatenate().apply([x, layers.batchNormalization().apply(left), layers.multiply().apply([left, right])])
x = layers.averagePooling2d({ poolSize: 3, strides: 2, padding: 'same' }).apply(x)
const shared = layers.dense({ units: 36, activation: 'tanh' })
x = layers.average().apply([shared.apply(x), shared.apply(layers.activation({ activation: 'elu' }).apply(x))])
x = layers.upSampling2d({ size: [2, 1] }).apply(x)
x = layers
  .reshape({ targetShape: [4, 3, 54] })
  .apply(layers.maxPooling2d({ poolSize: 2, strides: 1, padding: 'same' }).apply(x))
x = layers
  .dense({ units: 5, activation: 'softmax' })
  .apply(layers.dropout({ rate: 0.5 }).apply(layers.flatten().apply(x)))
const branched = tf.model({ inputs: image, outputs: x })
const small = tf.sequential({
  layers: [
    layers.embedding({ inputDim: 7, outputDim: 4, inputLength: 3 }),
    layers.flatten(),
    layers.dense({ units: 6, activation: 'swish' }),
    layers.batchNormalization(),
    layers.reLU({ maxValue: 6 }),
    layers.leakyReLU({ alpha: 0.2 }),
    layers.dense({ units: 2, useBias: false }),
  ],
})
for (const [name, model, input] of [
  [
    'branched',
    branched,
    tf.tensor(
      Float32Array.from(bytes(2 * 9 * 8 * 3), (value) => value / 255),
      [2, 9, 8, 3],
    ),
  ],
  [
    'small',
    small,
    tf.tensor(
      [
        [0, 3, 6],
        [1, 1, 5],
      ],
      [2, 3],
      'int32',
    ),
  ],
]) {
  let seed = 0
  model.setWeights(
    model.getWeights().map((w) =>
      tf.tensor(
        Float32Array.from(bytes(w.size), (value) => ((value + seed++) % 256) / 256 + (w.rank === 1 ? 0.5 : -0.5)),
        w.shape,
      ),
    ),
  )
  const folder = join(out, `tfjs-${name}`)
  mkdirSync(folder, { recursive: true })
  await model.save(
    tf.io.withSaveHandler(async ({ modelTopology, weightSpecs, weightData }) => {
      const weights = Buffer.from(weightData)
      const half = weights.length >> 1
      writeFileSync(join(folder, 'group1-shard1of2.bin'), weights.subarray(0, half))
      writeFileSync(join(folder, 'group1-shard2of2.bin'), weights.subarray(half))
      const weightsManifest = [{ paths: ['group1-shard1of2.bin', 'group1-shard2of2.bin'], weights: weightSpecs }]
      writeFileSync(
        join(folder, 'model.json'),
        JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest }),
      )
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } }
    }),
  )
  const y = model.predict(input)
  writeFileSync(join(folder, 'output.npy'), npy(y.shape, y.dataSync()))
}
