/**
 * Gradus against its peers, on the built package: `npm run bench -- --help`.
 *
 * How results are taken is told in docs/performance.md.
 */
import { existsSync, readFileSync } from 'node:fs'
import { writeFileAtomic } from 'gradus/io'
import { Command, InvalidArgumentError } from 'commander'
import { chooseInstructionSet, cpuFeatures } from '../src/runtime/native/cpu.ts'
import { loadFfi } from '../src/runtime/native/ffi.ts'
import { measurePeak } from '../src/runtime/native/peak.ts'
import { measure } from './measure.ts'
import { hasTorch, peerNames, peersNamed } from './peers.ts'
import { formatMarkdown, formatTable, withTable } from './report.ts'
import { type Result, summarize } from './results.ts'
import type { Workload } from './work/work.ts'
import { groups } from './workloads.ts'

interface Options {
  only?: string[]
  layers?: true
  products?: true
  threads: number
  rounds: number
  seconds: number
  peers?: string[]
  python: string
  json?: string
  markdown?: string
}

const list = (text: string): string[] => text.split(',').filter((part) => part !== '')

function positive(text: string): number {
  if (!(Number(text) > 0)) throw new InvalidArgumentError('expected a number above 0')
  return Number(text)
}

const options = new Command('npm run bench --')
  .description('Times Gradus and its peers in turns, on the same weights and data.')
  .option('--only <names>', 'these workloads, by name, with commas between them', list)
  .option('--layers', 'the convolutions of ResNet-18 alone: forward, data gradient, weight gradient')
  .option('--products', 'matrix products of many shapes')
  .option('--threads <n>', 'threads of every side', positive, 2)
  .option('--rounds <n>', 'rounds, in each of which every side runs once', positive, 10)
  .option('--seconds <s>', "duration of one side's part of a round", positive, 0.4)
  .option('--peers <names>', `of ${peerNames.join(', ')}; default pytorch where python has torch; '' for none`, list)
  .option('--python <path>', 'interpreter with torch', process.env['GRADUS_PYTHON'] ?? 'python3')
  .option('--json <file>', 'writes the results there')
  .option('--markdown <file>', 'writes the table there, in place of the former one where there is one')
  .parse()
  .opts<Options>()

const workloads = chooseWorkloads(options)
const peers = peersNamed(options.peers ?? (hasTorch(options.python) ? ['pytorch'] : []), options)
const ffi = loadFfi()
const set = 'reason' in ffi ? null : chooseInstructionSet()
const peak = set === null ? undefined : measurePeak(set, options.threads)
const machine = set === null ? 'no machine code here' : `${cpuFeatures().brand}, ${set}`
const facts = [
  machine,
  `${options.threads} threads`,
  `measured peak ${peak?.toFixed(0) ?? '–'} GFLOP/s (float32 multiply-adds in registers)`,
]
console.log(facts.join(', '))

const versions = new Set<string>()
const meet = (version: string): void => void versions.add(version)
const results: Result[] = []
for (const [i, workload] of workloads.entries()) {
  const progress = (text: string): void => say(`[${i + 1}/${workloads.length}] ${workload.name}: ${text}`)
  results.push(summarize(await measure(workload, { ...options, peers, progress, meet }), peak))
}
say('')
console.log(formatTable(results))
if (options.json) await writeFileAtomic(options.json, `${JSON.stringify(results, null, 2)}\n`)
if (options.markdown) {
  const text = `${[...facts, ...versions].join(', ')}.\n\n${formatMarkdown(results)}`
  const before = existsSync(options.markdown) ? readFileSync(options.markdown, 'utf8') : ''
  await writeFileAtomic(options.markdown, withTable(before, text))
}

function chooseWorkloads({ only, layers, products }: Options): Workload[] {
  const all: readonly Workload[] = Object.values(groups).flat()
  if (only) {
    return only.map((name) => {
      const found = all.find((workload) => workload.name === name)
      if (!found) throw new Error(`--only: no workload '${name}'; there are ${all.map(({ name }) => name).join(', ')}`)
      return found
    })
  }
  const chosen = [...(layers ? groups.layers : []), ...(products ? groups.products : [])]
  return chosen.length > 0 ? chosen : [...groups.steps]
}

/** One line that changes where somebody watches; nothing elsewhere. */
function say(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001b[2K${text}`)
  else if (text !== '') process.stderr.write('.')
}
