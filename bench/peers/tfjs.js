/** TensorFlow.js on WebAssembly as a side of the benchmarks (see ../side.ts). */
import { setThreadsCount } from '@tensorflow/tfjs-backend-wasm'
import * as tf from '@tensorflow/tfjs'
import { loadSafetensors } from '../../dist/io/index.js'
import { answerRequests } from '../build/bench/answer.js'
import { sample } from '../build/bench/work/work.js'

/** Kinds of work by name, as in ../work. @type {Record<string, (work: any, inputs: Record<string, tf.Tensor>) => any>} */
const kinds = {
  matmul({ order }, { a, b }) {
    let product
    return {
      async run() {
        product?.dispose()
        product = tf.matMul(a, b, order === 'tn', order === 'nt')
      },
      evidence: async () => sample(await product.data()),
    }
  },

  rows({ op }, { x }) {
    const forward = operations[op]
    const gradient = tf.grad((x) => forward(x).sum())
    let dx
    return {
      async run() {
        dx?.dispose()
        dx = gradient(x)
      },
      evidence: async () => [...sample(await forward(x).data()), ...sample(await dx.data())],
    }
  },

  train({ model, classes, optimizer: { name, lr } }, { x, y, ...state }) {
    const variables = Object.fromEntries(
      Object.entries(state).map(([path, value]) => [path.replace('model.', ''), tf.variable(value)]),
    )
    if (!models[model.name]) throw new Error(`no model '${model.name}' is written for it`)
    const forward = models[model.name](variables)
    if (name !== 'Adam') throw new Error(`no optimizer '${name}' is written for it`)
    // The default epsilon is 1e-7, PyTorch's 1e-8.
    const optimizer = tf.train.adam(lr, 0.9, 0.999, 1e-8)
    const target = tf.oneHot(y, classes)
    let last
    return {
      async run() {
        const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(target, forward(x)), true)
        ;[last] = await loss.data()
        loss.dispose()
      },
      evidence: async () => [last],
    }
  },
}

const operations = {
  softmax: (x) => tf.softmax(x).square(),
  layernorm(x) {
    const { mean, variance } = tf.moments(x, -1, true)
    return x.sub(mean).mul(variance.add(1e-5).rsqrt()).square()
  },
  gelu_chain(x) {
    const u = x.mul(1.5).add(0.5)
    return u.mul(0.5).mul(u.mul(Math.SQRT1_2).erf().add(1)).mul(x)
  },
}

const linear = (state, path, x) => tf.matMul(x, state[`${path}.weight`], false, true).add(state[`${path}.bias`])

/** An image convolution without padding; layouts as TensorFlow has them: NHWC, and HWIO for the weights. */
function convolve(state, path, x) {
  return tf.conv2d(x, state[`${path}.weight`].transpose([2, 3, 1, 0]), 1, 'valid').add(state[`${path}.bias`])
}

/** From the variables to the forward function; the layers are those of ../work/models.ts. */
const models = {
  mlp(state) {
    const layers = Object.keys(state)
      .filter((path) => path.endsWith('.weight'))
      .map((path) => path.replace('.weight', ''))
    layers.sort((a, b) => Number(a) - Number(b))
    return (x) => layers.reduce((h, path, i) => linear(state, path, i > 0 ? h.relu() : h), x)
  },
  cnn: (state) => (x) => {
    const h = convolve(state, '2', convolve(state, '0', x.transpose([0, 2, 3, 1])).relu()).relu()
    const flat = tf.maxPool(h, 2, 2, 'valid').transpose([0, 3, 1, 2]).reshape([x.shape[0], -1])
    return linear(state, '8', linear(state, '6', flat).relu())
  },
}

// It reports what it finds out about the machine where the answers go.
console.warn = console.info = console.log = console.error

async function prepare({ work, inputs, threads }) {
  if (!kinds[work.kind]) throw new Error(`no ${work.kind} is written for it`)
  setThreadsCount(threads)
  await tf.setBackend('wasm')
  const { tensors } = await loadSafetensors(inputs)
  const own = {}
  for (const [name, tensor] of tensors) {
    own[name] = tf.tensor(await tensor.data(), tensor.shape, tensor.dtype === 'int32' ? 'int32' : 'float32')
  }
  return kinds[work.kind](work, own)
}

await answerRequests({ version: `TensorFlow.js ${tf.version_core}`, prepare })
