/** Runs every script of this folder (`npm run fundamentals`) and writes what they showed to docs/fundamentals.md. */
import { writeFileSync } from 'node:fs'
import { figuresText, type Result, results } from './show.ts'

const scripts = [
  ...['neuron', 'xor', 'linear-regression', 'maximum-margin', 'vanishing-gradient', 'dying-relu', 'softmax'],
  ...['oscillation', 'moving-target', 'sparsity', 'dropout', 'batch-norm', 'convolution'],
  ...['rotation', 'annealing', 'augmentation', 'recall', 'order', 'parallel', 'transfer-images', 'transfer-sentences'],
]
for (const script of scripts) await import(`./${script}.ts`)

const tested = results.filter(({ absent }) => absent === undefined)
const failed = tested.filter(({ holds }) => !holds)
const skipped = results.length - tested.length
console.log(
  `\n${tested.length - failed.length} of ${tested.length} claims hold${skipped > 0 ? `, ${skipped} skipped` : ''}`,
)
if (failed.length > 0) process.exitCode = 1

function table(header: readonly string[], lines: readonly (readonly string[])[]): string {
  const rule = header.map(() => '---')
  return [header, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const line = (claim: string, result: Result, verdict: string): string[] => {
  const link = `[${result.script}](../examples/fundamentals/${result.script})`
  return [claim.replaceAll('|', '\\|'), figuresText(result), result.bar.text, verdict, link]
}
const english = results.map((r) => line(r.english, r, r.absent ? 'skipped' : r.holds ? 'holds' : 'fails'))
const chinese = results.map((r) => line(r.chinese, r, r.absent ? '跳过' : r.holds ? '成立' : '不成立'))

writeFileSync(
  new URL('../../docs/fundamentals.md', import.meta.url),
  `# Fundamentals · 基础

Written by \`npm run fundamentals\`. 由 \`npm run fundamentals\` 生成。

## What the textbooks say, measured

Each claim has a short script that runs from top to bottom. Figures are those of seeds 0, 1 and 2; a single figure means that
nothing in the script is random, or that it is a mean. Claims about published weights are skipped where those are absent (GRADUS_DATA).

${table(['claim', 'figures', 'bar', 'verdict', 'script'], english)}

## 课本上的结论，逐条实测

每条结论对应一个自上而下运行的短脚本。数值依次为随机种子 0、1、2 的结果；只有一个数值表示脚本中没有随机性，或该数值为平均值。需要已发布权重的结论，在缺少这些文件（GRADUS_DATA）时跳过。

${table(['结论', '数值', '标准', '判定', '脚本'], chinese)}
`,
)
