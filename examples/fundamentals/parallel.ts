/**
 * A Transformer reads all positions at once: the phases of its plan (what has to wait for what came before) do not grow with their
 * number. A recurrent network takes one step after the other.
 *
 * The scores of one head and one sequence are few enough to be kept at both lengths, so that the plans are alike. Those of four heads
 * and eight sequences are kept at T = 32; at T = 512 scores, softmax and weighted sum are one kernel, which saves phases.
 */
import { manualSeed, nn, randn, type Tensor } from 'gradus'
import type { Node } from '../../src/graph/node.ts'
import { type ScanAttrs, scanOp } from '../../src/graph/ops/scan.ts'
import { postorder } from '../../src/graph/walk.ts'
import { canonicalize } from '../../src/schedule/canonical.ts'
import { fuse } from '../../src/schedule/fusion.ts'
import { makeKernels } from '../../src/schedule/kernels.ts'
import { lower } from '../../src/schedule/lowering/lower.ts'
import { phasesOf } from '../../src/schedule/phases.ts'
import { atMost, exactly, show } from './show.ts'

const [short, long, size] = [32, 512, 32]

/** Phases of the plan that computes `results`, made as every plan is. */
function phases(results: readonly Tensor[]): number {
  const program = lower(canonicalize(results.map(({ node }) => node)))
  return phasesOf(fuse(makeKernels(program).kernels, new Set(program.targets), () => true)).length
}

/** What a Transformer layer makes of `batch` sequences. */
function outputs(length: number, heads: number, batch: number): Tensor[] {
  const layer = new nn.TransformerEncoderLayer(size, heads, { dimFeedforward: 2 * size, dropout: 0 })
  return [layer.forward(randn([length, batch, size]))]
}

/** The gradients of all its weights. */
function gradients(length: number, heads: number, batch: number): Tensor[] {
  const layer = new nn.TransformerEncoderLayer(size, heads, { dimFeedforward: 2 * size, dropout: 0 })
  layer
    .forward(randn([length, batch, size]))
    .square()
    .mean()
    .backward()
  return layer.parameters().flatMap(({ grad }) => grad ?? [])
}

/** How many steps of scans `y` waits for, one after the other. */
function serialSteps(y: Tensor): number {
  const scans = postorder([y.node], ({ inputs }) => inputs).filter(
    (node): node is Node<ScanAttrs> => node.op === scanOp,
  )
  return scans.reduce((sum, { attrs }) => sum + attrs.length, 0)
}

manualSeed(0)
show(
  import.meta.url,
  [
    'a Transformer layer, one head: phases of its plan at T = 512 over those at T = 32',
    '单头 Transformer 层：T = 512 与 T = 32 时执行计划的阶段数之比',
  ],
  [phases(outputs(long, 1, 1)) / phases(outputs(short, 1, 1))],
  exactly(1),
)
show(
  import.meta.url,
  ['the same with four heads and eight sequences', '同上，四个头、八个序列'],
  [phases(outputs(long, 4, 8)) / phases(outputs(short, 4, 8))],
  atMost(1),
)
show(
  import.meta.url,
  ['the same for the gradients of its weights', '同上，计算权重的梯度'],
  [phases(gradients(long, 4, 8)) / phases(gradients(short, 4, 8))],
  atMost(1),
)
const recurrent = new nn.RNN(size, size)
const last = (length: number): Tensor => recurrent.forward(randn([length, 1, size]))[1]
show(
  import.meta.url,
  [
    'a recurrent network: steps that wait for each other at T = 512 over those at T = 32',
    '循环网络：T = 512 与 T = 32 时须依次等待的步数之比',
  ],
  [serialSteps(last(long)) / serialSteps(last(short))],
  exactly(16),
)
