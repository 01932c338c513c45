/** jax-js on WebAssembly as a side of the benchmarks (see ../side.ts). It runs on as many threads as it chooses itself. */
import { readFileSync } from 'node:fs'
import { grad, init, jit, nn, numpy as np, scipySpecial, tree, valueAndGrad } from '@jax-js/jax'
import { loadSafetensors } from '../../dist/io/index.js'
import { answerRequests } from '../build/bench/answer.js'
import { sample } from '../build/bench/work/work.js'

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8'))

// Whatever takes an array disposes of it: `.ref` keeps it for later.

/** Kinds of work by name, as in ../work. */
const kinds = {
  matmul({ order }, { a, b }) {
    const multiply = jit((a, b) =>
      np.matmul(order === 'tn' ? np.transpose(a) : a, order === 'nt' ? np.transpose(b) : b),
    )
    let product
    return {
      async run() {
        product?.dispose()
        product = multiply(a.ref, b.ref)
        await product.blockUntilReady()
      },
      evidence: async () => sample(await product.ref.data()),
    }
  },

  rows({ op }, { x }) {
    const forward = operations[op]
    const gradient = jit(grad((x) => forward(x).sum()))
    let dx
    return {
      async run() {
        dx?.dispose()
        dx = gradient(x.ref)
        await dx.blockUntilReady()
      },
      evidence: async () => [...sample(await forward(x.ref).data()), ...sample(await dx.ref.data())],
    }
  },

  train({ model, classes, optimizer: { name, lr } }, { x, y, ...state }) {
    if (model.name !== 'mlp') throw new Error(`no model '${model.name}' is written for it`)
    if (name !== 'Adam') throw new Error(`no optimizer '${name}' is written for it`)
    const layers = model.sizes.slice(1).map((_, i) => ({
      weight: state[`model.${2 * i}.weight`],
      bias: state[`model.${2 * i}.bias`],
    }))
    const target = nn.oneHot(y, classes)
    const zeros = () => tree.map((p) => np.zeros(p.shape), layers)
    let [weights, m, v] = [layers, zeros(), zeros()]
    const step = jit((weights, m, v, corrections, x, target) => {
      const [loss, gradients] = valueAndGrad((weights) => crossEntropy(mlp(weights, x), target))(tree.ref(weights))
      return [loss, ...adam(weights, gradients, m, v, corrections, lr)]
    })
    let [count, last] = [0, Number.NaN]
    return {
      async run() {
        count++
        const corrections = np.array([1 - 0.9 ** count, 1 - 0.999 ** count])
        let loss
        ;[loss, weights, m, v] = step(weights, m, v, corrections, x.ref, target.ref)
        ;[last] = await loss.data()
      },
      evidence: async () => [last],
    }
  },
}

const operations = {
  softmax: (x) => np.square(nn.softmax(x, -1)),
  layernorm: (x) => np.square(nn.standardize(x, -1, { epsilon: 1e-5 })),
  gelu_chain(x) {
    const u = x.ref.mul(1.5).add(0.5)
    return u.ref
      .mul(0.5)
      .mul(scipySpecial.erf(u.mul(Math.SQRT1_2)).add(1))
      .mul(x)
  },
}

function mlp(layers, x) {
  return layers.reduce((h, { weight, bias }, i) => np.matmul(i > 0 ? nn.relu(h) : h, np.transpose(weight)).add(bias), x)
}

function crossEntropy(logits, target) {
  return nn.logSoftmax(logits, -1).mul(target).sum(-1).mean().neg()
}

/** New weights and moments; `corrections` are 1 − β₁ᵗ and 1 − β₂ᵗ. */
function adam(weights, gradients, m, v, corrections, lr) {
  const [first, second] = [corrections.ref.slice(0), corrections.slice(1)]
  const [m1, m2] = twice(tree.map((m, g) => m.mul(0.9).add(g.mul(0.1)), m, tree.ref(gradients)))
  const [v1, v2] = twice(tree.map((v, g) => v.mul(0.999).add(np.square(g).mul(0.001)), v, gradients))
  const next = tree.map(
    (p, m, v) =>
      p.sub(
        m
          .div(first.ref)
          .mul(lr)
          .div(np.sqrt(v.div(second.ref)).add(1e-8)),
      ),
    weights,
    m1,
    v1,
  )
  first.dispose()
  second.dispose()
  return [next, m2, v2]
}

const twice = (arrays) => [tree.ref(arrays), arrays]

async function prepare({ work, inputs }) {
  if (!kinds[work.kind]) throw new Error(`no ${work.kind} is written for it`)
  await init('wasm')
  const { tensors } = await loadSafetensors(inputs)
  const own = {}
  for (const [name, tensor] of tensors) {
    own[name] = np.array(await tensor.data()).reshape([...tensor.shape])
  }
  return kinds[work.kind](work, own)
}

await answerRequests({ version: `jax-js ${manifest.dependencies['@jax-js/jax']}`, prepare })
