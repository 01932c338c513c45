import { FileError, ValueError } from '../core/errors.ts'
import { writeFileAtomic } from '../io/atomic-file.ts'
import { makeFolder } from '../io/folder.ts'
import { modelFiles, readJson } from '../io/hub/model-files.ts'
import type { HubOptions } from '../io/hub/settings.ts'
import { saveSafetensors } from '../io/safetensors.ts'
import { Settings } from '../io/settings.ts'
import { loadTensors } from '../io/weights.ts'
import { dropout } from '../nn/functional/dropout.ts'
import { kaimingUniform, zeros as setZeros } from '../nn/init.ts'
import { Linear } from '../nn/layers/linear.ts'
import { Module } from '../nn/module.ts'
import type { HookHandle } from '../nn/hooks.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { Conv1D } from './text/conv1d.ts'

/**
 * Low-rank adaptation (Hu et al., "LoRA: low-rank adaptation of large language models", 2021): the weights stay as they are, beside
 * each chosen linear layer two narrow ones learn what to add, y = W · x + (α / r) · B · A · x.
 */

export interface LoraOptions {
  /** Width r between the two narrow layers. Default 8. */
  readonly rank?: number
  /** α: what is learned counts α / r. Default 8. */
  readonly alpha?: number
  /** Probability of dropping an input of A in training. Default 0. */
  readonly dropout?: number
  /** The linear layers: their paths, the ends of their paths (`query`), or a pattern that their paths fit. Default all. */
  readonly target?: readonly string[] | RegExp
}

/** Where PEFT writes what it stores. */
const peftRoot = 'base_model.model.'
const weightsFile = 'adapter_model.safetensors'
const configFile = 'adapter_config.json'

/** Layers with a matrix of weights: that of the second kind is [inputs, outputs]. */
type Adaptable = Linear | Conv1D

const isAdaptable = (entry: [string, Module]): entry is [string, Adaptable] =>
  entry[1] instanceof Linear || entry[1] instanceof Conv1D

/** The two narrow layers beside a linear one. */
class Adapter extends Module {
  lora_A: Linear
  lora_B: Linear

  constructor(layer: Adaptable, rank: number) {
    super()
    this.lora_A = new Linear(layer.inFeatures, rank, { bias: false })
    this.lora_B = new Linear(rank, layer.outFeatures, { bias: false })
    kaimingUniform(this.lora_A.weight, { a: Math.sqrt(5) })
    setZeros(this.lora_B.weight)
  }

  forward(x: Tensor): Tensor {
    return this.lora_B.forward(this.lora_A.forward(x))
  }
}

interface Adapted {
  readonly path: string
  readonly layer: Adaptable
  readonly adapter: Adapter
  readonly hook: HookHandle
}

/** The adapters of a model. At first they change nothing. */
export class Lora {
  readonly rank: number
  readonly alpha: number
  readonly #target: readonly string[] | RegExp
  #adapted: Adapted[]

  constructor(model: Module, { rank = 8, alpha = 8, dropout: p = 0, target = /$/ }: LoraOptions = {}) {
    if (!(Number.isInteger(rank) && rank > 0))
      throw new ValueError('Lora', `rank must be a whole number ≥ 1, received ${rank}`)
    this.rank = rank
    this.alpha = alpha
    this.#target = target
    const layers = model.namedModules().filter(isAdaptable)
    const chosen = layers.filter(([path]) => isTarget(path, target))
    if (chosen.length === 0) {
      const some = layers.slice(0, 6).map(([path]) => path)
      throw new ValueError('Lora', `no linear layer fits ${String(target)}; there are ${some.join(', ') || 'none'}`)
    }
    model.freeze()
    this.#adapted = chosen.map(([path, layer]) => {
      const adapter = new Adapter(layer, rank)
      const hook = layer.registerForwardHook((_, [x], y) => {
        const input = p > 0 && layer.training ? dropout(x, { p }) : x
        return y.add(adapter.forward(input).mul(alpha / rank))
      })
      return { path, layer, adapter, hook }
    })
  }

  /** Paths of the layers that have adapters. */
  get paths(): string[] {
    return this.#adapted.map(({ path }) => path)
  }

  /** The narrow layers, in the order of {@link paths}: a model that owns them saves them with its weights. */
  get adapters(): Module[] {
    return this.#adapted.map(({ adapter }) => adapter)
  }

  /** What is to be trained: the weights of the adapters. */
  parameters(): Linear['weight'][] {
    return this.#adapted.flatMap(({ adapter }) => adapter.parameters())
  }

  /** The weights of the adapters, as PEFT calls them. */
  stateDict(): Record<string, Tensor> {
    const entries = this.#adapted.flatMap(({ path, adapter }) =>
      Object.entries(adapter.stateDict()).map(([name, x]) => [`${peftRoot}${path}.${name}`, x] as const),
    )
    return Object.fromEntries(entries)
  }

  /** Takes over weights as {@link stateDict} gives them; all must be there. */
  loadStateDict(tensors: Readonly<Record<string, Tensor>> | ReadonlyMap<string, Tensor>): void {
    const given = tensors instanceof Map ? tensors : new Map(Object.entries(tensors))
    for (const { path, adapter } of this.#adapted) {
      const own = new Map<string, Tensor>()
      for (const [name, x] of given) {
        const start = `${peftRoot}${path}.lora_`
        if (name.startsWith(start)) own.set(`lora_${name.slice(start.length)}`, x)
      }
      adapter.loadStateDict(own)
    }
  }

  /** Writes the adapters alone to a folder that PEFT reads, too. */
  async save(folder: string): Promise<void> {
    await makeFolder(folder)
    const target = this.#target instanceof RegExp ? this.paths : this.#target
    const config = {
      ...{ peft_type: 'LORA', r: this.rank, lora_alpha: this.alpha, target_modules: target, bias: 'none' },
      fan_in_fan_out: this.#adapted.some(({ layer }) => layer instanceof Conv1D),
    }
    await saveSafetensors(`${folder}/${weightsFile}`, this.stateDict(), { metadata: { format: 'pt' } })
    await writeFileAtomic(`${folder}/${configFile}`, `${JSON.stringify(config, null, 2)}\n`)
  }

  /** Adds what was learned to the weights of the layers and takes the adapters away: inference costs nothing more. */
  merge(): void {
    for (const { layer, adapter, hook } of this.#adapted) {
      const product = adapter.lora_B.weight.detach().matmul(adapter.lora_A.weight.detach())
      const learned = layer instanceof Conv1D ? product.transpose(0, 1) : product
      layer.weight.assign(layer.weight.detach().add(learned.mul(this.alpha / this.rank)))
      hook.remove()
    }
    this.#adapted = []
  }

  /** Takes the adapters away and leaves the model as it was. */
  remove(): void {
    for (const { hook } of this.#adapted) hook.remove()
    this.#adapted = []
  }
}

function isTarget(path: string, target: readonly string[] | RegExp): boolean {
  if (target instanceof RegExp) return path.search(target) >= 0
  return target.some((name) => path === name || path.endsWith(`.${name}`))
}

/**
 * Adapters that PEFT or {@link Lora.save} stored, put onto `model`: a repository of the hub, or a folder. Throws a `FileError` when they are
 * of another kind than plain LoRA.
 */
export async function loadLora(model: Module, source: string, options: HubOptions = {}): Promise<Lora> {
  const files = await modelFiles(source, options)
  const json = await readJson(files, configFile)
  if (!json) throw new FileError('loadLora', `${files.name}: has no ${configFile}`)
  const config = new Settings(json, (problem) => new FileError('loadLora', `${files.name}: ${configFile}: ${problem}`))
  config.only('peft_type', 'LORA')
  config.only('bias', 'none')
  config.only('use_dora', false)
  config.only('use_rslora', false)
  for (const name of ['rank_pattern', 'alpha_pattern', 'exclude_modules', 'layers_to_transform', 'target_parameters']) {
    const value = json[name]
    if (typeof value === 'object' && value !== null && Object.keys(value).length > 0)
      throw config.fail(`${name} is not supported`)
  }
  const { target_modules: target } = json
  if (!Array.isArray(target)) throw config.fail('target_modules is no list of names')
  const path = await files.find(weightsFile)
  if (path === undefined) throw new FileError('loadLora', `${files.name}: has no ${weightsFile}`)
  const lora = new Lora(model, {
    rank: config.number('r'),
    alpha: config.number('lora_alpha', 8),
    dropout: config.number('lora_dropout', 0),
    target: target.map(String),
  })
  const tensors = await loadTensors(path)
  lora.loadStateDict(tensors)
  // Whole layers that were trained beside the adapters, such as a new head.
  const whole = [...tensors].filter(([name]) => !name.includes('.lora_'))
  const { unexpected } = model.loadStateDict(
    new Map(whole.map(([name, x]) => [name.startsWith(peftRoot) ? name.slice(peftRoot.length) : name, x])),
    { strict: false },
  )
  if (unexpected.length > 0) {
    throw new FileError('loadLora', `${files.name}: the model has no place for ${unexpected.slice(0, 5).join(', ')}`)
  }
  return lora
}
