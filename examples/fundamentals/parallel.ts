/**
 * A Transformer reads all positions at once: its plan has as many phases (what has to wait for what came before) for 512 positions
 * as for 32. A recurrent network takes one step after the other.
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
import { exactly, show } from './show.ts'

/** Phases of the plan that computes `y`, made as every plan is. */
function phases(y: Tensor): number {
  const program = lower(canonicalize([y.node]))
  return phasesOf(fuse(makeKernels(program).kernels, new Set(program.targets), () => true)).length
}

/** How many steps of scans `y` waits for, one after the other. */
function serialSteps(y: Tensor): number {
  const scans = postorder([y.node], ({ inputs }) => inputs).filter(
    (node): node is Node<ScanAttrs> => node.op === scanOp,
  )
  return scans.reduce((sum, { attrs }) => sum + attrs.length, 0)
}

manualSeed(0)
const [short, long] = [randn([32, 1, 32]), randn([512, 1, 32])]
const encoder = new nn.TransformerEncoderLayer(32, 1, { dimFeedforward: 64, dropout: 0 })
const recurrent = new nn.RNN(32, 32)

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
    'a recurrent network: steps that wait for each other at T = 512 over those at T = 32',
    '循环网络：T = 512 与 T = 32 时须依次等待的步数之比',
  ],
  [serialSteps(recurrent.forward(long)[1]) / serialSteps(recurrent.forward(short)[1])],
  exactly(16),
)
