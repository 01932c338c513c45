import type { DType } from '../../src/core/dtype.ts'
import * as gradus from '../../src/index.ts'
import { Tensor } from '../../src/tensor/tensor.ts'
import {
  type FunctionCase,
  type GoldenCase,
  type GoldenInput,
  type GoldenTensor,
  type ModuleCase,
  toNumber,
} from './format.ts'

/** A golden tensor as a leaf. Floats become `wide` where given. */
export function leaf(golden: GoldenTensor, wide?: DType): Tensor {
  const dtype = wide && golden.dtype.startsWith('float') ? wide : (golden.dtype as DType)
  return gradus.tensor(Float64Array.from(golden.data, toNumber), { shape: golden.shape, dtype })
}

/** Leaves of a case's inputs, collecting gradients where the case says so. */
export function leaves(inputs: readonly GoldenInput[], wide?: DType): Tensor[] {
  return inputs.map((input) => (input.grad ? leaf(input, wide).requireGrad() : leaf(input, wide)))
}

/** The leaf as the call sees it. */
export function viewed(input: GoldenInput, x: Tensor): Tensor {
  return input.permute ? x.permute(input.permute) : x
}

function substitute(value: unknown, inputs: readonly Tensor[]): unknown {
  if (Array.isArray(value)) return value.map((part) => substitute(part, inputs))
  if (typeof value !== 'object' || value === null) return value
  if ('$' in value) return inputs[value.$ as number]
  if ('new' in value) {
    const [name, args] = value.new as [string, unknown[]]
    const Class = lookUp(name) as new (...args: unknown[]) => unknown
    return new Class(...args.map((arg) => substitute(arg, inputs)))
  }
  if ('call' in value) {
    const [name, args] = value.call as [string, unknown[]]
    return (lookUp(name) as (...args: unknown[]) => unknown)(...args.map((arg) => substitute(arg, inputs)))
  }
  if ('#' in value) return value['#'] === 'omitted' ? undefined : toNumber(value['#'] as string)
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, substitute(part, inputs)]))
}

/** Tensors of a result, in order: a tensor, a number, an array or an object of them. */
export function flatten(result: unknown): Tensor[] {
  if (result instanceof Tensor) return [result]
  if (typeof result === 'number') return [gradus.tensor(result)]
  if (typeof result === 'boolean') return [gradus.tensor(result)]
  if (result === undefined) return []
  if (result instanceof gradus.nn.utils.rnn.PackedSequence) return [result.data]
  if (Array.isArray(result)) return result.flatMap(flatten)
  if (typeof result === 'object' && result !== null) return Object.values(result).flatMap(flatten)
  throw new TypeError(`not a result: ${String(result)}`)
}

/** `nn.functional.relu` or `F.relu` in the public exports. */
export function lookUp(path: string): unknown {
  return path
    .split('.')
    .reduce((where: unknown, name) => (where as Record<string, unknown> | undefined)?.[name], gradus)
}

/** The public function, method or class that a case calls. */
export function resolveCall(golden: GoldenCase): (...args: unknown[]) => unknown {
  const name = 'module' in golden ? golden.module : golden.fn
  const found = name.startsWith('Tensor.')
    ? (Tensor.prototype as unknown as Record<string, unknown>)[name.slice(7)]
    : lookUp(name.replace(/^gradus\./, ''))
  if (typeof found !== 'function') throw new TypeError(`no public ${name}`)
  return found as (...args: unknown[]) => unknown
}

export async function callFunction(golden: FunctionCase, inputs: readonly Tensor[]): Promise<Tensor[]> {
  const given = golden.args.map((arg) => substitute(arg, inputs))
  const call = resolveCall(golden)
  if (!golden.fn.startsWith('Tensor.')) return flatten(await call(...given))
  const [self, ...rest] = given
  return flatten(await call.apply(self, rest))
}

interface AnyModule {
  forward(...inputs: Tensor[]): unknown
  train(): unknown
  eval(): unknown
  to(dtype: DType): unknown
  namedParameters(): Iterable<[string, Tensor]>
  namedBuffers(): Iterable<[string, Tensor]>
  loadStateDict(state: Record<string, Tensor>): unknown
}

export function buildModule(golden: ModuleCase, wide?: DType): AnyModule {
  const Class = resolveCall(golden) as unknown as new (...args: unknown[]) => AnyModule
  const given = leaves(golden.given ?? [])
  const module = new Class(...golden.ctor.map((arg) => substitute(arg, given)))
  if (wide) module.to(wide)
  const state = Object.entries(golden.state).map(([name, value]) => [name, leaf(value, wide)])
  module.loadStateDict(Object.fromEntries(state))
  if (golden.train) module.train()
  else module.eval()
  return module
}

/** Runs a case and returns its outputs together with the named tensors that collect gradients. */
export async function runCase(
  golden: GoldenCase,
  wide?: DType,
): Promise<{ inputs: Tensor[]; module?: AnyModule; outputs: Tensor[] }> {
  const inputs = leaves(golden.inputs, wide)
  const given = inputs.map((x, i) => viewed(golden.inputs[i]!, x))
  if (!('module' in golden)) return { inputs, outputs: await callFunction(golden, given) }
  const module = buildModule(golden, wide)
  const args = (golden.forward?.map((arg) => substitute(arg, given)) ?? given) as Tensor[]
  if (golden.evalAfter) {
    await gradus.realize(...flatten(module.forward(...args)))
    module.eval()
  }
  return { inputs, module, outputs: flatten(module.forward(...args)) }
}

/** Σ out · cos(1, 2, 3 ...) over differentiable outputs, the scalar whose gradients golden.py took. */
export function weighted(outputs: readonly Tensor[]): Tensor | undefined {
  let total: Tensor | undefined
  for (const out of outputs) {
    if (!out.requiresGrad) continue
    const weights = Float64Array.from({ length: out.size }, (_, i) => Math.cos(i + 1))
    const part = out.mul(gradus.tensor(weights, { shape: out.shape, dtype: out.dtype })).sum()
    total = total ? total.add(part) : part
  }
  return total
}
