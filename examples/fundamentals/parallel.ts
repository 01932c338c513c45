/**
 * A Transformer reads all positions at once: its plan has the same number of phases (what has to wait for what came before)
 * whether 32 or 512 positions are read. A recurrent network takes its steps one after the other. Nothing here is random.
 */
import { manualSeed, nn, randn, type Tensor } from 'gradus'
import { fuse } from '../../src/schedule/fusion.ts'
import { canonicalize } from '../../src/schedule/canonical.ts'
import { lower } from '../../src/schedule/lowering/lower.ts'
import { makeKernels } from '../../src/schedule/kernels.ts'
import { phasesOf } from '../../src/schedule/phases.ts'
import { exactly, show } from './show.ts'

/** Phases of the plan that computes `y`. */
function phases(y: Tensor): number {
  const program = lower(canonicalize([y.node]))
  const results = new Set(program.targets)
  return phasesOf(fuse(makeKernels(program).kernels, results, () => true)).length
}

/** The longest chain of products that wait for each other. */
function serialProducts(y: Tensor): number {
  const depth = new Map<object, number>()
  for (const node of canonicalize([y.node]).order) {
    const before = Math.max(0, ...node.inputs.map((input) => depth.get(input) ?? 0))
    depth.set(node, before + (node.op.name === 'contract' ? 1 : 0))
  }
  return Math.max(...depth.values())
}

manualSeed(0)
const encoder = new nn.TransformerEncoderLayer(32, 4, { dimFeedforward: 64, dropout: 0 })
const recurrent = new nn.RNN(32, 32)
const [short, long] = [randn([32, 1, 32]), randn([512, 1, 32])]

show(
  import.meta.url,
  [
    'a Transformer layer: phases of its plan at T = 512 over those at T = 32',
    'Transformer 层：T = 512 与 T = 32 时执行计划的阶段数之比',
  ],
  [phases(encoder.forward(long)) / phases(encoder.forward(short))],
  exactly(1),
)
show(
  import.meta.url,
  [
    'a recurrent network: products that wait for each other at T = 512 over T = 32',
    '循环网络：T = 512 与 T = 32 时须依次等待的乘积数之比',
  ],
  [(serialProducts(recurrent.forward(long)[1]) - 1) / (serialProducts(recurrent.forward(short)[1]) - 1)],
  exactly(16),
)
