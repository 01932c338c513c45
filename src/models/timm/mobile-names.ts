import { reword, type Words } from './family.ts'

/** What timm calls the parts of networks for small devices, which have names of torchvision here. */

/** Parts of blocks: the first has no expansion, and squeezing may come before the last convolution. */
const parts: Words = [
  [/\.block\.\d\.fc1\./, '.se.conv_reduce.'],
  [/\.block\.\d\.fc2\./, '.se.conv_expand.'],
  [/^blocks\.0\.0\.block\.0\.0\./, 'blocks.0.0.conv_dw.'],
  [/^blocks\.0\.0\.block\.[12]\.0\./, 'blocks.0.0.conv_pw.'],
  [/^blocks\.0\.0\.block\.[12]\.1\./, 'blocks.0.0.bn2.'],
  [/\.block\.0\.0\./, '.conv_pw.'],
  [/\.block\.0\.1\./, '.bn1.'],
  [/\.block\.1\.0\./, '.conv_dw.'],
  [/\.block\.1\.1\./, '.bn2.'],
  [/\.block\.[23]\.0\./, '.conv_pwl.'],
  [/\.block\.[23]\.1\./, '.bn3.'],
]

const stem: Words = [
  [/^features\.0\.0\./, 'conv_stem.'],
  [/^features\.0\.1\./, 'bn1.'],
]

/** The last convolution, before the mean over the pixels. */
const head = (layer: number): Words => [
  [new RegExp(`^features\\.${layer}\\.0\\.`), 'conv_head.'],
  [new RegExp(`^features\\.${layer}\\.1\\.`), 'bn2.'],
]

/** Blocks of MobileNetV2 end in a convolution and a normalisation by themselves: as a pair, as in the others. */
const pairs: Words = [
  [/^features\.1\.conv\.1\./, 'features.1.block.1.0.'],
  [/^features\.1\.conv\.2\./, 'features.1.block.1.1.'],
  [/\.conv\.2\./, '.block.2.0.'],
  [/\.conv\.3\./, '.block.2.1.'],
  [/\.conv\./, '.block.'],
]

export function mobilenetV2Name(own: string): string {
  const name = reword(own, [...stem, ...head(18), ...pairs, [/^classifier\.1\./, 'classifier.']])
  return reword(inStages(name, [1, 2, 3, 4, 3, 3, 1]), parts)
}

/** `counts`: blocks of each stage. */
export function mobilenetV3Name(own: string, counts: readonly number[]): string {
  const last = counts.reduce((sum, count) => sum + count, 1)
  const name = reword(own, [
    ...stem,
    [new RegExp(`^features\\.${last}\\.0\\.`), `blocks.${counts.length}.0.conv.`],
    [new RegExp(`^features\\.${last}\\.1\\.`), `blocks.${counts.length}.0.bn1.`],
    [/^classifier\.0\./, 'conv_head.'],
    [/^classifier\.3\./, 'classifier.'],
  ])
  return reword(inStages(name, counts), parts)
}

export function efficientnetName(own: string): string {
  const name = reword(own, [...stem, ...head(8), [/^classifier\.1\./, 'classifier.']])
  return reword(
    name.replace(/^features\.(\d)\./, (_, stage) => `blocks.${stage - 1}.`),
    parts,
  )
}

/** `features.<number>.` of a block as `blocks.<stage>.<number in it>.`. */
function inStages(name: string, counts: readonly number[]): string {
  return name.replace(/^features\.(\d+)\./, (_, number) => {
    let stage = 0
    let block = number - 1
    while (block >= counts[stage]!) block -= counts[stage++]!
    return `blocks.${stage}.${block}.`
  })
}
