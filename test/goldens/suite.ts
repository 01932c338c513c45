import { describe, expect, test } from 'vitest'
import { setDevice } from '../../src/runtime/device.ts'
import { caseFiles, isGradientChecked, nameOf, readCases } from './cases.ts'
import { expectTensor } from './compare.ts'
import { checkGradients, checkSecondDerivatives } from './differences.ts'
import type { GoldenCase } from './format.ts'
import { runCase, weighted } from './run.ts'

/**
 * Tests of part `part` of `parts` of all cases on a device, one test for what is called by one name. Each part is a test file,
 * so that they run side by side. Derivatives are compared with float64 differences by the interpreter alone.
 */
export function goldenTests(device: 'reference' | 'native', part: number, parts: number): void {
  setDevice(device)
  const differences = device === 'reference'
  for (const [file, cases] of share(part, parts)) {
    describe(file, () => {
      for (const [name, group] of groupByName(cases)) {
        test(name, async () => {
          for (const golden of group) await check(golden, differences)
        })
      }
    })
  }
}

/** Files of cases, longest first, each given to the part that has least so far. */
function share(part: number, parts: number): [string, GoldenCase[]][] {
  const files = caseFiles().map((file): [string, GoldenCase[]] => [file, readCases(file)])
  files.sort(([, a], [, b]) => b.length - a.length)
  const loads = new Array<number>(parts).fill(0)
  return files.filter(([, cases]) => {
    const least = loads.indexOf(Math.min(...loads))
    loads[least]! += cases.length
    return least === part - 1
  })
}

function groupByName(cases: readonly GoldenCase[]): Map<string, GoldenCase[]> {
  const groups = new Map<string, GoldenCase[]>()
  for (const golden of cases) groups.set(nameOf(golden), [...(groups.get(nameOf(golden)) ?? []), golden])
  return groups
}

/** Which case it was: the call without its tensors. */
function describeCase(golden: GoldenCase): string {
  const shapes = golden.inputs.map(({ shape, dtype }) => `${dtype}[${shape}]`).join(' ')
  return `${nameOf(golden)} ${JSON.stringify('module' in golden ? golden.ctor : golden.args)} of ${shapes}`
}

async function check(golden: GoldenCase, differences: boolean): Promise<void> {
  const what = describeCase(golden)
  const { inputs, module, outputs } = await runCase(golden)
  expect(outputs.length, `${what}: number of outputs`).toBe(golden.outputs.length)
  const total = golden.grads ? weighted(outputs) : undefined
  if (golden.grads) expect(total, `${what}: gradients flow`).toBeDefined()
  total?.backward()
  for (const [i, output] of outputs.entries()) expectTensor(output, golden.outputs[i]!, 1e-5, `${what}: output ${i}`)
  for (const [i, grad] of (golden.grads ?? []).entries()) {
    if (grad) expectTensor(inputs[i]!.grad ?? inputs[i]!.mul(0), grad, 1e-4, `${what}: gradient of input ${i}`)
  }
  if ('module' in golden) {
    const parameters = new Map(module!.namedParameters())
    for (const [name, grad] of Object.entries(golden.paramGrads ?? {})) {
      const actual = parameters.get(name)?.grad
      expect(actual, `${what}: gradient of ${name}`).toBeDefined()
      expectTensor(actual!, grad, 1e-4, `${what}: gradient of ${name}`)
    }
    const buffers = new Map(module!.namedBuffers())
    for (const [name, after] of Object.entries(golden.after)) {
      expectTensor(buffers.get(name)!, after, 1e-5, `${what}: ${name} afterwards`)
    }
  }
  if (differences && isGradientChecked(golden)) {
    await checkGradients(golden, what)
    if (golden.smooth) await checkSecondDerivatives(golden, what)
  }
}
