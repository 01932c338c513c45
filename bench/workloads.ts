/** All workloads by group. The sizes are data: `work/` says how each kind is done with Gradus, `peers/` how others do it. */
import type { ConvolutionWork } from './work/convolution.ts'
import type { GptSizes } from './work/gpt.ts'
import type { MatmulWork } from './work/matmul.ts'
import type { Optimizer, TrainWork } from './work/train.ts'
import type { Workload } from './work/work.ts'

const adam: Optimizer = { name: 'Adam', lr: 1e-3 }
const adamW: Optimizer = { name: 'AdamW', lr: 1e-3 }
const momentum: Optimizer = { name: 'SGD', lr: 0.1, momentum: 0.9 }

function product(m: number, k: number, n: number, order: MatmulWork['order'] = 'nn'): Workload {
  return { name: `product_${m}x${k}x${n}_${order}`, work: { kind: 'matmul', m, k, n, order } }
}

/** A step on texts as long as the context, with the alphabet of Shakespeare's plays. */
function gpt(name: string, sizes: Omit<GptSizes, 'vocabulary'>, texts: number): Workload {
  const classes = 65
  const model = { name: 'gpt', vocabulary: classes, ...sizes } as const
  return { name, work: { kind: 'train', model, batch: [texts, sizes.context], classes, optimizer: adamW } }
}

const classes = 10

function recurrent(name: string, cell: 'LSTM' | 'GRU'): Workload {
  const model = { name: 'recurrent', cell, inputs: 64, hidden: 128, classes } as const
  return { name, work: { kind: 'train', model, batch: [32, 64, 64], classes, optimizer: adam } }
}

const mlpTiny: TrainWork = {
  kind: 'train',
  model: { name: 'mlp', sizes: [2, 16, 16, 2] },
  batch: [32, 2],
  classes: 2,
  optimizer: adam,
}

/** What the bars are set on. */
const steps: readonly Workload[] = [
  ...[64, 256, 512, 1024].map(
    (n): Workload => ({ name: `matmul_${n}`, work: { kind: 'matmul', m: n, k: n, n, order: 'nn' } }),
  ),
  { name: 'mlp_tiny_b32', work: mlpTiny },
  { name: 'mlp_tiny_b32_compiled', work: { ...mlpTiny, compiled: true } },
  {
    name: 'mlp_b128',
    work: {
      kind: 'train',
      model: { name: 'mlp', sizes: [784, 512, 256, 10] },
      batch: [128, 784],
      classes,
      optimizer: adam,
    },
  },
  {
    name: 'cnn_b64',
    work: { kind: 'train', model: { name: 'cnn' }, batch: [64, 1, 28, 28], classes, optimizer: adam },
  },
  {
    name: 'resnet18_cifar_b32',
    work: {
      kind: 'train',
      model: { name: 'resnet18_cifar' },
      batch: [32, 3, 32, 32],
      classes,
      optimizer: momentum,
      // At 0.1 PyTorch with 1 thread and with 2 are 10 % apart after 5 steps.
      compareLr: 1e-3,
    },
  },
  recurrent('lstm_b32_t64', 'LSTM'),
  recurrent('gru_b32_t64', 'GRU'),
  gpt('gpt_0.8m_b12_t64', { width: 128, heads: 4, layers: 4, context: 64 }, 12),
  gpt('gpt_10.6m_b4_t256', { width: 384, heads: 6, layers: 6, context: 256 }, 4),
  ...(['softmax', 'layernorm', 'gelu_chain'] as const).map(
    (op): Workload => ({ name: `${op}_fwd_bwd`, work: { kind: 'rows', op, shape: [4096, 1024] } }),
  ),
  ...[1024, 4096].flatMap((length) =>
    [false, true].map(
      (causal): Workload => ({
        name: `attention_${length}${causal ? '_causal' : ''}`,
        work: { kind: 'attention', batch: 1, heads: 8, length, size: 64, causal },
      }),
    ),
  ),
]

/** The convolutions of ResNet-18 on images of 32 × 32, each size once: channels in and out, size of the input, kernel, stride. */
const layers: readonly Workload[] = (
  [
    [3, 64, 32, 3, 1],
    [64, 64, 32, 3, 1],
    [64, 128, 32, 3, 2],
    [64, 128, 32, 1, 2],
    [128, 128, 16, 3, 1],
    [128, 256, 16, 3, 2],
    [128, 256, 16, 1, 2],
    [256, 256, 8, 3, 1],
    [256, 512, 8, 3, 2],
    [256, 512, 8, 1, 2],
    [512, 512, 4, 3, 1],
  ] as const
).flatMap(([channels, out, size, kernel, stride]) =>
  passesOf(channels).map((pass): Workload => {
    const shape = { batch: 32, in: channels, out, size, kernel, stride, padding: kernel >> 1 }
    return {
      name: `conv${kernel}_${channels}to${out}_${size}px_s${stride}_${pass}`,
      work: { kind: 'convolution', pass, ...shape },
    }
  }),
)

/** No gradient is needed by images. */
function passesOf(channels: number): ConvolutionWork['pass'][] {
  return channels === 3 ? ['forward', 'weight'] : ['forward', 'data', 'weight']
}

/** Squares of all sizes and the products inside networks. */
const products: readonly Workload[] = [
  ...[32, 64, 128, 256, 512, 768, 1024, 2048].map((n) => product(n, n, n)),
  product(512, 512, 512, 'nt'),
  product(512, 512, 512, 'tn'),
  product(1024, 1024, 1024, 'nt'),
  product(128, 784, 512, 'nt'),
  product(512, 128, 784, 'tn'),
  product(128, 256, 10, 'nt'),
  product(768, 384, 1152, 'nt'),
]

export const groups: Readonly<Record<'steps' | 'layers' | 'products', readonly Workload[]>> = {
  steps,
  layers,
  products,
}
