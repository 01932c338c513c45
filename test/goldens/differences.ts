import { expect } from 'vitest'
import type { GoldenCase } from './format.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { runCase, weighted } from './run.ts'

/** At most so many elements of each tensor are moved: enough to meet every kind of position. */
const probes = 12

/** The scalar of a case in float64, together with what it can be differentiated by. */
async function scalarOf(golden: GoldenCase): Promise<{ total: Tensor; variables: Tensor[] }> {
  const { inputs, module, outputs } = await runCase(golden, 'float64')
  const variables = inputs.filter((x) => x.requiresGrad)
  if (module) variables.push(...[...module.namedParameters()].map(([, p]) => p))
  return { total: weighted(outputs)!, variables }
}

/** Re-runs a case with one element of one variable moved by `delta`. */
async function moved(
  golden: GoldenCase,
  which: number,
  at: number,
  delta: number,
): Promise<{ total: Tensor; variables: Tensor[] }> {
  const inputs = golden.inputs.map((input) => ({ ...input, data: [...input.data] }))
  const differentiable = inputs.filter((input) => input.grad)
  if (which < differentiable.length) {
    const data = differentiable[which]!.data as (number | string)[]
    data[at] = Number(data[at]) + delta
    return scalarOf({ ...golden, inputs } as GoldenCase)
  }
  if (!('module' in golden)) throw new RangeError('no such variable')
  const names = Object.keys(golden.paramGrads ?? {})
  const name = names[which - differentiable.length]!
  const entry = golden.state[name]!
  const data = [...entry.data]
  data[at] = Number(data[at]) + delta
  return scalarOf({ ...golden, state: { ...golden.state, [name]: { ...entry, data } } })
}

function positions(size: number): number[] {
  if (size <= probes) return Array.from({ length: size }, (_, i) => i)
  return Array.from({ length: probes }, (_, i) => Math.floor((i * (size - 1)) / (probes - 1)))
}

function expectDerivative(analytic: number, numeric: number, what: string): void {
  const allowed = 1e-6 + 1e-5 * Math.max(Math.abs(analytic), Math.abs(numeric))
  if (!(Math.abs(analytic - numeric) <= allowed)) {
    expect.fail(`${what}: derivative ${analytic}, by central differences ${numeric} (allowed ${allowed})`)
  }
}

/** Central differences in float64 against back-propagation, for every variable of the case. */
export async function checkGradients(golden: GoldenCase, what: string): Promise<void> {
  const { total, variables } = await scalarOf(golden)
  total.backward()
  const h = 1e-5
  for (const [v, variable] of variables.entries()) {
    const grad = variable.grad?.dataSync()
    for (const at of positions(variable.size)) {
      const above = (await moved(golden, v, at, h)).total.itemSync()
      const below = (await moved(golden, v, at, -h)).total.itemSync()
      expectDerivative(grad?.[at] ?? 0, (above - below) / (2 * h), `${what}: variable ${v}, element ${at}`)
    }
  }
}

/** A function of the case's gradient, Σ 0.7 g + 0.15 g² over all variables, recorded so that it can be differentiated. */
function directional(total: Tensor, variables: readonly Tensor[]): Tensor {
  total.backward(undefined, { createGraph: true })
  let sum: Tensor | undefined
  for (const variable of variables) {
    const { grad } = variable
    if (!grad) continue
    variable.grad = undefined
    const part = grad.mul(0.7).add(grad.mul(grad).mul(0.15)).sum()
    sum = sum ? sum.add(part) : part
  }
  return sum!
}

/** Central differences of a function of the gradient against back-propagation through the gradient. */
export async function checkSecondDerivatives(golden: GoldenCase, what: string): Promise<void> {
  const { total, variables } = await scalarOf(golden)
  const along = directional(total, variables)
  if (along.requiresGrad) along.backward()
  const h = 1e-5
  for (const [v, variable] of variables.entries()) {
    const grad = variable.grad?.dataSync()
    for (const at of positions(variable.size).slice(0, 6)) {
      const above = await moved(golden, v, at, h)
      const below = await moved(golden, v, at, -h)
      const numeric =
        (directional(above.total, above.variables).itemSync() - directional(below.total, below.variables).itemSync()) /
        (2 * h)
      expectDerivative(grad?.[at] ?? 0, numeric, `${what}: second derivative, variable ${v}, element ${at}`)
    }
  }
}
