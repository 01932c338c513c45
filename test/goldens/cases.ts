import { readdirSync, readFileSync } from 'node:fs'
import type { GoldenCase } from './format.ts'

const folder = new URL('data/', import.meta.url)

/** Names of the files of cases, without their ending. */
export function caseFiles(): string[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'))
  return names.map((name) => name.replace('.json', '')).sort()
}

export function readCases(file: string): GoldenCase[] {
  return JSON.parse(readFileSync(new URL(`${file}.json`, folder), 'utf8')) as GoldenCase[]
}

/** What a case calls: `Tensor.sum`, `F.relu`, `nn.Conv2d`. */
export function nameOf(golden: GoldenCase): string {
  return 'module' in golden ? golden.module : golden.fn
}

/** Half precision is too coarse for differences. */
function isHalf({ dtype }: { dtype: string }): boolean {
  return dtype === 'float16' || dtype === 'bfloat16'
}

/** Whether central differences are taken of a case. */
export function isGradientChecked(golden: GoldenCase): boolean {
  return golden.grads !== undefined && golden.gradcheck !== false && !golden.inputs.some(isHalf)
}
