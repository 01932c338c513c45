import { ValueError } from '../../core/errors.ts'
import { isRecord } from '../../core/record.ts'
import { type Member, Module } from '../../nn/module.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { AllowanceOptions } from '../allowance.ts'
import { type KerasLayer, kerasLayer, knownKinds } from './keras-layers.ts'
import { damaged, loadTfjs } from './model-json.ts'
import { Settings } from '../settings.ts'

/** One use of a layer: what it is applied to. */
interface Step {
  /** Name of the layer, and which of its uses this is. */
  readonly key: string
  readonly layer: string
  readonly inputs: readonly string[]
}

/**
 * A model of Keras: its layers by name, applied in the order of its graph. Images are [N, C, H, W], as everywhere in Gradus, and
 * not [N, H, W, C]; the elements of rows and the values are the same.
 */
export class LayersModel extends Module {
  readonly #layers: ReadonlyMap<string, KerasLayer>
  readonly #steps: readonly Step[]
  readonly #inputs: readonly string[]
  readonly #outputs: readonly string[]
  /** Of one image [C, H, W], where the file says it. */
  readonly imageShape: readonly [channels: number, height: number, width: number] | undefined

  constructor(
    layers: ReadonlyMap<string, KerasLayer>,
    steps: readonly Step[],
    inputs: readonly string[],
    outputs: readonly string[],
    imageShape?: LayersModel['imageShape'],
  ) {
    super()
    this.imageShape = imageShape
    this.#layers = layers
    this.#steps = steps
    this.#inputs = inputs
    this.#outputs = outputs
  }

  protected override members(): (readonly [string, Member])[] {
    return [...super.members(), ...this.#layers]
  }

  /** Names of the layers, in the order in which they are applied. */
  get layerNames(): string[] {
    return this.#steps.map(({ layer }) => layer)
  }

  forward(...inputs: Tensor[]): Tensor {
    return this.run(inputs, this.#outputs[0]!)
  }

  /** What the layer called `name` gives out, as features for another task. Throws a `ValueError` when there is none. */
  forwardTo(name: string, ...inputs: Tensor[]): Tensor {
    return this.run(inputs, this.keyOf(name))
  }

  /**
   * The part of the model that ends with the layers called `names`: `forward` gives what the first of them gives out, `forwardTo` all. The layers
   * are this model's own. Throws a `ValueError` when there is none of that name.
   */
  upTo(...names: readonly string[]): LayersModel {
    const outputs = names.map((name) => this.keyOf(name))
    const needed = new Set(outputs)
    const steps: Step[] = []
    for (const step of [...this.#steps].reverse()) {
      if (!needed.has(step.key)) continue
      for (const input of step.inputs) needed.add(input)
      steps.unshift(step)
    }
    const used = new Set(steps.map(({ layer }) => layer))
    const layers = new Map([...this.#layers].filter(([name]) => used.has(name)))
    return new LayersModel(layers, steps, this.#inputs, outputs, this.imageShape)
  }

  /** Names of the layers whose outputs the layer called `name` takes; none for the first one. Throws a `ValueError` when there is no such layer. */
  inputsOf(name: string): string[] {
    const key = this.keyOf(name)
    const from = new Set(this.#steps.find((step) => step.key === key)?.inputs)
    return this.#steps.filter((step) => from.has(step.key)).map(({ layer }) => layer)
  }

  private keyOf(name: string): string {
    if (this.#layers.has(name)) return `${name}/0`
    throw new ValueError(
      'LayersModel',
      `no layer is called '${name}'; the last are ${this.layerNames.slice(-5).join(', ')}`,
    )
  }

  private run(inputs: readonly Tensor[], output: string): Tensor {
    if (inputs.length !== this.#inputs.length) {
      throw new ValueError('LayersModel', `takes ${this.#inputs.length} inputs, received ${inputs.length}`)
    }
    const values = new Map<string, Tensor>(this.#inputs.map((name, i) => [name, inputs[i]!]))
    for (const { key, layer, inputs: from } of this.#steps) {
      if (values.has(output)) break
      if (values.has(key)) continue
      values.set(key, this.#layers.get(layer)!.forward(...from.map((name) => values.get(name)!)))
    }
    return values.get(output)!
  }
}

/**
 * Reads a model that TensorFlow.js or its converter stored as layers: `path` is its `model.json`. The result is an ordinary module with
 * Keras's names for its layers: it can be trained, frozen, cut with {@link LayersModel.forwardTo} and saved.
 *
 * Throws a `FileError` when a file is absent or damaged, is a graph, or has a layer of another kind than is known.
 */
export async function loadLayersModel(path: string, options: AllowanceOptions = {}): Promise<LayersModel> {
  const { kind, topology, tensors } = await loadTfjs(path, options)
  if (kind === 'graph') throw damaged(path, 'holds a graph, not layers; use loadGraphModel')
  const model = topology['model_config'] ?? topology
  const config = isRecord(model) ? model['config'] : undefined
  const sequential = isRecord(model) && model['class_name'] === 'Sequential'
  const list = Array.isArray(config) ? config : isRecord(config) ? config['layers'] : undefined
  if (!Array.isArray(list)) throw damaged(path, 'has no layers')

  const layers = new Map<string, KerasLayer>()
  const steps: Step[] = []
  for (const entry of list) {
    const { kind, name, settings } = describe(path, entry)
    const weight = (last: string): Tensor => {
      const found = [...tensors].find(([full]) => full.startsWith(`${name}/`) && full.split('/').at(-1) === last)
      if (found) return found[1]
      throw settings.fail(`has no weight '${last}'`)
    }
    const layer = kerasLayer(kind, settings, weight)
    if (!layer) throw damaged(path, `layer '${name}' is a ${kind}; known are ${knownKinds.join(', ')}`)
    if (layers.has(name)) throw damaged(path, `two layers are called '${name}'`)
    layers.set(name, layer)
    if (sequential) steps.push({ key: `${name}/0`, layer: name, inputs: steps.length > 0 ? [steps.at(-1)!.key] : [] })
    else steps.push(...uses(path, name, (entry as Record<string, unknown>)['inbound_nodes']))
  }
  if (steps.length === 0) throw damaged(path, 'has no layers')
  const shape = imageShape(list[0])
  if (sequential) return sequence(layers, steps, shape)
  const graph = config as Record<string, unknown>
  const inputs = ends(path, graph['input_layers'])
  return new LayersModel(layers, ordered(path, steps, inputs), inputs, ends(path, graph['output_layers']), shape)
}

/** A model that is a list: what its first layer takes is the input. */
function sequence(
  layers: ReadonlyMap<string, KerasLayer>,
  steps: readonly Step[],
  shape: LayersModel['imageShape'],
): LayersModel {
  const [first, ...rest] = steps
  const start = { ...first!, inputs: ['input'] }
  return new LayersModel(layers, [start, ...rest], ['input'], [steps.at(-1)!.key], shape)
}

/** What the first layer says of the images that it takes, which Keras writes as [N, H, W, C]. */
function imageShape(first: unknown): LayersModel['imageShape'] {
  const config = isRecord(first) && isRecord(first['config']) ? first['config'] : {}
  const shape: unknown = config['batch_input_shape'] ?? config['batch_shape']
  const [height, width, channels] = Array.isArray(shape) && shape.length === 4 ? shape.slice(1) : []
  const isThere = [channels, height, width].every((size) => Number.isSafeInteger(size) && size > 0)
  return isThere ? [channels, height, width] : undefined
}

function describe(path: string, entry: unknown): { kind: string; name: string; settings: Settings } {
  const { class_name: kind, config } = isRecord(entry) ? entry : {}
  if (typeof kind !== 'string' || !isRecord(config) || typeof config['name'] !== 'string') {
    throw damaged(path, 'a layer has no class_name, config or name')
  }
  const { name } = config
  return { kind, name, settings: new Settings(config, (problem) => damaged(path, `layer '${name}': ${problem}`)) }
}

/** The uses of a layer; an input has none and is one all the same. */
function uses(path: string, layer: string, inbound: unknown): Step[] {
  if (!Array.isArray(inbound)) throw damaged(path, `layer '${layer}' has no inbound_nodes`)
  if (inbound.length === 0) return [{ key: `${layer}/0`, layer, inputs: [] }]
  return inbound.map((node, i) => ({ key: `${layer}/${i}`, layer, inputs: ends(path, node) }))
}

/** Keys of the steps that [name, use, output] name, a list of such or a single one. */
function ends(path: string, value: unknown): string[] {
  const list = Array.isArray(value) && typeof value[0] === 'string' ? [value] : value
  if (!Array.isArray(list)) throw damaged(path, 'a connection between layers is damaged')
  return list.map((end) => {
    if (!Array.isArray(end) || typeof end[0] !== 'string' || !Number.isSafeInteger(end[1]) || end[2] !== 0) {
      throw damaged(path, `a connection between layers is ${JSON.stringify(end)}, expected [name, number, 0, ...]`)
    }
    return `${end[0]}/${end[1]}`
  })
}

/** Each step behind those whose outputs it takes. */
function ordered(path: string, steps: readonly Step[], given: readonly string[]): Step[] {
  const sorted: Step[] = []
  const known = new Set(given)
  let rest = steps.filter(({ key }) => !known.has(key))
  while (rest.length > 0) {
    const ready = rest.filter(({ inputs }) => inputs.length > 0 && inputs.every((input) => known.has(input)))
    if (ready.length === 0) throw damaged(path, `layer '${rest[0]!.layer}' takes what no layer gives`)
    for (const step of ready) known.add(step.key)
    sorted.push(...ready)
    rest = rest.filter((step) => !ready.includes(step))
  }
  return sorted
}
