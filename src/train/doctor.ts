import { isFloating } from '../core/dtype.ts'
import { interpret } from '../graph/interpret.ts'
import { type Node, withGrad } from '../graph/node.ts'
import type { Layer, Module } from '../nn/module.ts'
import type { Tensor } from '../tensor/tensor.ts'
import type { Callback, EpochRecord, StepProgress, TrainingView } from './fit-options.ts'
import type { Metric } from './metrics.ts'

/** What can be wrong with a training. */
export type Disease =
  | 'vanishing gradients'
  | 'exploding gradients'
  | 'dead units'
  | 'saturated units'
  | 'not a number'
  | 'learning rate too high'
  | 'learning rate too low'
  | 'overfitting'
  | 'class imbalance'
  | 'labels off by one'

/** What was found, in plain words. */
export interface Finding {
  readonly disease: Disease
  /** Path of the layer, where there is one. */
  readonly layer?: string
  /** The figure that gave it away. */
  readonly figure: number
  /** Steps done when it was found. */
  readonly step: number
  /** One sentence with the layer, the figure, and what helps. */
  readonly message: string
}

export interface DoctorOptions {
  /** Called once for each disease and layer. */
  readonly onFinding: (finding: Finding) => void
}

/** Bounds between health and disease; each has a test on both sides. */
const bounds = {
  /** Gradient per weight of a layer against the largest of all layers. */
  vanishing: 1e-4,
  /** Joint norm of the gradients against the weights' own. */
  exploding: 100,
  /** Share of units that gave nothing for a whole batch. */
  dead: 0.6,
  /** Share of outputs at the ends of their range. */
  saturated: 0.6,
  /** How many times more frequent the most frequent class is. */
  imbalance: 8,
  /** Validation loss against the best one so far, while the training loss falls. */
  overfit: 1.15,
} as const

/** Readings before dynamics are judged. */
const patience = 8

/** Kinds of layers whose outputs can be dead or saturated, and what an output at the end of its range is. */
const rectifiers = new Set(['ReLU', 'ReLU6'])
const squashers: Readonly<Record<string, (y: number) => boolean>> = {
  Sigmoid: (y) => y < 0.02 || y > 0.98,
  Tanh: (y) => Math.abs(y) > 0.97,
}

/**
 * Watches a training and says in plain words what is wrong with it: give it to `fit` as a callback, and wrap the loss so that it
 * sees the labels.
 *
 *     const doctor = new TrainingDoctor({ onFinding: ({ message }) => console.warn(message) })
 *     await fit(model, { train, optimizer, loss: doctor.watch(F.crossEntropy), callbacks: [doctor], epochs: 5 })
 */
export class TrainingDoctor implements Callback {
  /** Everything found so far. */
  readonly findings: Finding[] = []
  private readonly onFinding: (finding: Finding) => void
  private model: Layer | undefined
  private step = 0
  private readonly losses: number[] = []
  private readonly labels = new Map<number, number>()
  private classes = 0
  private readonly outputs = new Map<string, Tensor>()
  private lastStep: Recorded | undefined
  private bestValidation = Number.POSITIVE_INFINITY
  private trainAtBest = Number.POSITIVE_INFINITY
  private readonly removers: { remove(): void }[] = []

  constructor({ onFinding }: DoctorOptions) {
    this.onFinding = onFinding
  }

  /** The same loss, seen by the doctor. */
  watch(loss: Metric): Metric {
    return (output, target) => {
      const value = loss(output, target)
      if (value.requiresGrad) {
        this.see(output, target)
        this.lastStep = recorded(value.node)
      }
      return value
    }
  }

  onTrainBegin({ model }: TrainingView): void {
    this.model = model
    for (const [path, module] of model.namedModules()) {
      const name = module.constructor.name
      if (!rectifiers.has(name) && !(name in squashers)) continue
      this.removers.push(
        (module as Layer).registerForwardHook((_, __, output) => {
          if (module.training) this.outputs.set(path, output.detach())
          return undefined
        }),
      )
    }
  }

  async onStep({ totalSteps, recent, lr }: StepProgress): Promise<void> {
    this.step = totalSteps
    const loss = recent['loss'] ?? Number.NaN
    this.losses.push(loss)
    if (!Number.isFinite(loss)) this.diagnoseNaN(loss)
    await withGrad(false, async () => {
      await this.diagnoseGradients()
      await this.diagnoseUnits()
    })
    this.diagnoseRate(lr)
  }

  onEpoch(record: EpochRecord): void {
    this.diagnoseLabels()
    this.diagnoseOverfitting(record)
  }

  onTrainEnd(): void {
    for (const { remove } of this.removers) remove()
  }

  private find(disease: Disease, figure: number, message: string, layer?: string): void {
    if (this.findings.some((known) => known.disease === disease && known.layer === layer)) return
    const finding: Finding = { disease, figure, step: this.step, message, ...(layer !== undefined && { layer }) }
    this.findings.push(finding)
    this.onFinding(finding)
  }

  private see(output: Tensor, target: Tensor): void {
    if (isFloating(target.dtype) || output.rank !== 2 || target.rank !== 1) return
    this.classes = output.shape[1]!
    for (const label of target.dataSync()) this.labels.set(label, (this.labels.get(label) ?? 0) + 1)
  }

  /** Norm of the gradient of each layer's weight, by the number of its elements; only where a layer has a matrix. */
  private async diagnoseGradients(): Promise<void> {
    const layers: { path: string; scale: number; ratio: number }[] = []
    for (const [name, parameter] of this.model?.namedParameters() ?? []) {
      const { grad } = parameter
      if (!grad || parameter.rank < 2) continue
      const [norm, own] = [await grad.norm().item(), await parameter.norm().item()]
      layers.push({
        path: name.replace(/\.?\w+$/, ''),
        scale: norm / Math.sqrt(parameter.size),
        ratio: norm / Math.max(own, 1e-12),
      })
    }
    const most = Math.max(...layers.map(({ scale }) => scale))
    for (const { path, scale, ratio } of layers) {
      if (ratio > bounds.exploding || (Number.isNaN(ratio) && Number.isFinite(this.losses.at(-1)))) {
        this.find(
          'exploding gradients',
          ratio,
          `the gradients of layer '${path}' explode: ${figure(ratio)} times the size of its weights; clip them (clipNorm: 1) or lower the learning rate`,
          path,
        )
      } else if (layers.length > 2 && scale < bounds.vanishing * most && ratio < 1e-3) {
        this.find(
          'vanishing gradients',
          scale / most,
          `the gradients of layer '${path}' vanish: ${figure(scale / most)} of the largest; use ReLU, normalisation or residual connections`,
          path,
        )
      }
    }
  }

  private async diagnoseUnits(): Promise<void> {
    const modules = new Map(this.model?.namedModules())
    for (const [path, output] of this.outputs) {
      const kind = modules.get(path)?.constructor.name ?? ''
      const values = await output.data()
      if (rectifiers.has(kind)) {
        const share = deadShare(values, output.shape)
        if (share > bounds.dead) {
          this.find(
            'dead units',
            share,
            `${percent(share)} of the units of layer '${path}' are dead: they give 0 for every sample of a batch; lower the learning rate, check the biases, or use LeakyReLU`,
            path,
          )
        }
        continue
      }
      const isSaturated = squashers[kind]!
      const share = Array.from(values).filter(isSaturated).length / Math.max(1, values.length)
      if (share > bounds.saturated) {
        this.find(
          'saturated units',
          share,
          `${percent(share)} of the outputs of layer '${path}' are saturated, where gradients are nearly 0; make weights or inputs smaller, or normalise before it`,
          path,
        )
      }
    }
    this.outputs.clear()
  }

  private diagnoseNaN(loss: number): void {
    const source = this.lastStep && firstOdd(this.lastStep)
    const layer = this.model && oddParameter(this.model)
    const what = source ? `; the first operation that gave one is '${source}'` : ''
    const where = layer === undefined ? '' : `; the weights of '${layer}' are not finite any more`
    this.find(
      'not a number',
      loss,
      `the loss is ${loss}${what}${where}; lower the learning rate, or keep logarithms and divisions away from 0`,
      layer,
    )
  }

  private diagnoseRate(lr: number): void {
    const { losses } = this
    if (losses.length < patience) return
    const first = mean(losses.slice(0, 2))
    const last = losses.slice(-Math.ceil(losses.length / 2))
    const recent = mean(last)
    if (recent > 1.5 * first || !Number.isFinite(recent)) {
      this.find(
        'learning rate too high',
        lr,
        `the loss rises from ${figure(first)} to ${figure(recent)}: a learning rate of ${lr} is too high; try ${figure(lr / 10)}`,
      )
    } else if (losses.length >= 3 * patience) {
      // Halves, so that easy and hard batches even out.
      const before = mean(losses.slice(0, losses.length - last.length))
      const fall = (before - recent) / Math.abs(before)
      if (fall < 0.01)
        this.find(
          'learning rate too low',
          lr,
          `the loss has hardly moved in ${this.step} steps, from ${figure(first)} to ${figure(recent)}: a learning rate of ${lr} may be too low; try ${figure(10 * lr)}`,
        )
    }
  }

  private diagnoseLabels(): void {
    const counts = Array.from({ length: this.classes }, (_, c) => this.labels.get(c) ?? 0)
    const total = counts.reduce((sum, count) => sum + count, 0)
    if (this.classes < 2 || total < 20 * this.classes) return
    const present = counts.filter((count) => count > 0)
    if (counts[0] === 0 && present.length === this.classes - 1) {
      this.find(
        'labels off by one',
        0,
        `no sample has label 0, all others to ${this.classes - 1} occur: labels may count from 1; subtract 1, and give the model one output less`,
      )
      return
    }
    const [least, most] = [Math.min(...present), Math.max(...counts)]
    if (most > bounds.imbalance * least) {
      const [rare, frequent] = [counts.indexOf(least), counts.indexOf(most)]
      this.find(
        'class imbalance',
        most / least,
        `class ${frequent} has ${figure(most / least)} times as many samples as class ${rare}; use balancedSampler, or weights in the loss`,
      )
    }
  }

  private diagnoseOverfitting({ train, validation }: EpochRecord): void {
    const [seen, held] = [train['loss'], validation?.['loss']]
    if (seen === undefined || held === undefined) return
    if (held < this.bestValidation) {
      this.bestValidation = held
      this.trainAtBest = seen
    } else if (held > bounds.overfit * this.bestValidation && seen < 0.9 * this.trainAtBest) {
      this.find(
        'overfitting',
        held / this.bestValidation,
        `the model learns its samples by heart: the validation loss rose from ${figure(this.bestValidation)} to ${figure(held)} while the training loss fell to ${figure(seen)}; use more data, augmentation, dropout or weight decay, or stop early`,
      )
    }
  }
}

/** Share of units (channels, or columns) that are 0 for all samples and places. */
function deadShare(values: ArrayLike<number>, shape: readonly number[]): number {
  const units = shape[1] ?? 1
  const inner = shape.slice(2).reduce((all, size) => all * size, 1)
  const alive = new Uint8Array(units)
  for (let i = 0; i < values.length; i++) if (values[i]! > 0) alive[Math.floor(i / inner) % units] = 1
  return 1 - alive.reduce((sum, value) => sum + value, 0) / units
}

/** The operations of a step with their inputs, in the order of recording. Once computed, nodes forget their inputs. */
type Recorded = ReadonlyMap<Node, readonly Node[]>

function recorded(loss: Node): Recorded {
  const nodes = new Map<Node, readonly Node[]>()
  const visit = (node: Node): void => {
    if (nodes.has(node)) return
    nodes.set(node, node.inputs)
    for (const input of node.inputs) visit(input)
  }
  visit(loss)
  return new Map([...nodes].sort(([a], [b]) => a.id - b.id))
}

/** Name of the first operation whose result has a number that is not finite though its inputs are. Exact when every step is read. */
function firstOdd(step: Recorded): string | undefined {
  const nodes = [...step.keys()]
  const before = nodes.map((node) => node.inputs)
  for (const [node, inputs] of step) node.inputs = [...inputs]
  try {
    const values = interpret(nodes)
    const odd = new Set(nodes.filter((_, i) => Array.from(values[i]!).some((value) => !Number.isFinite(value))))
    return nodes.find((node) => odd.has(node) && node.inputs.length > 0 && !node.inputs.some((input) => odd.has(input)))
      ?.op.name
  } finally {
    for (const [i, node] of nodes.entries()) node.inputs = before[i]!
  }
}

/** Path of the first layer whose weights are not finite. */
function oddParameter(model: Module): string | undefined {
  const found = model
    .namedParameters()
    .find(([, parameter]) => Array.from(parameter.dataSync()).some((value) => !Number.isFinite(value)))
  return found?.[0].replace(/\.?\w+$/, '')
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
const figure = (value: number): string =>
  value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e4)
    ? value.toExponential(1)
    : String(Number(value.toPrecision(3)))
const percent = (share: number): string => `${Math.round(100 * share)} %`
