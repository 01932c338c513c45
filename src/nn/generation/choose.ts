import { ValueError } from '../../core/errors.ts'
import { randomBitsFrom } from '../../graph/ops/leaves.ts'
import { drawKey, type Generator } from '../../tensor/random.ts'

/** How the next token is chosen among all. */
export interface ChoiceOptions {
  /** Draw tokens at random instead of taking the likeliest. Default false. */
  readonly doSample?: boolean
  /** Logits are divided by it: below 1 sharper, above 1 flatter. Default 1. */
  readonly temperature?: number
  /** Draw among the k likeliest only (Fan et al. 2018). Default: all. */
  readonly topK?: number
  /** Draw among the fewest likeliest tokens whose probabilities reach p (Holtzman et al. 2020). Default 1: all. */
  readonly topP?: number
  /** Divides the logits of tokens that occurred, multiplies negative ones (Keskar et al. 2019). Default 1: no penalty. */
  readonly repetitionPenalty?: number
  /** Where random numbers come from. Default: the global generator. */
  readonly generator?: Generator
}

export function checkChoice({ temperature = 1, topK, topP = 1, repetitionPenalty = 1 }: ChoiceOptions): void {
  const op = 'generate'
  if (!(temperature > 0))
    throw new ValueError(op, `temperature must be > 0, received ${temperature}; for 0 leave doSample false`)
  if (topK !== undefined && (!Number.isInteger(topK) || topK < 1)) {
    throw new ValueError(op, `topK must be a whole number ≥ 1, received ${topK}`)
  }
  if (!(topP > 0 && topP <= 1)) throw new ValueError(op, `topP must be above 0 and at most 1, received ${topP}`)
  if (!(repetitionPenalty > 0)) throw new ValueError(op, `repetitionPenalty must be > 0, received ${repetitionPenalty}`)
}

/** Logits with those of tokens that occurred in one of the texts made less likely. */
export function penalized(logits: Float64Array, texts: readonly (readonly number[])[], penalty: number): Float64Array {
  if (penalty === 1) return logits
  const out = logits.slice()
  for (const token of new Set(texts.flat())) {
    const logit = out[token]!
    out[token] = logit > 0 ? logit / penalty : logit * penalty
  }
  return out
}

export function argMax(values: Float64Array): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i
  return best
}

/** Tokens that may be drawn, likeliest first, and their probabilities, which add up to 1. */
export function candidates(
  logits: Float64Array,
  { temperature = 1, topK = logits.length, topP = 1 }: ChoiceOptions,
): { tokens: number[]; probabilities: Float64Array } {
  const order = Array.from(logits, (_, i) => i).sort((a, b) => logits[b]! - logits[a]! || a - b)
  const tokens = order.slice(0, topK)
  const highest = logits[tokens[0]!]!
  const weights = Float64Array.from(tokens, (token) => Math.exp((logits[token]! - highest) / temperature))
  const total = weights.reduce((sum, w) => sum + w, 0)
  let kept = 0
  for (let sum = 0; kept < weights.length && (kept === 0 || sum < topP * total); kept++) sum += weights[kept]!
  const few = weights.subarray(0, kept)
  const rest = few.reduce((sum, w) => sum + w, 0)
  return { tokens: tokens.slice(0, kept), probabilities: few.map((w) => w / rest) }
}

/** Draws one of the candidates. */
export function draw(logits: Float64Array, options: ChoiceOptions): number {
  const { tokens, probabilities } = candidates(logits, options)
  const [high, low] = randomBitsFrom(drawKey(options.generator).value as Int32Array, 0, 0, new Int32Array(2))
  const uniform = ((high! >>> 5) * 2 ** 26 + (low! >>> 6)) * 2 ** -53
  let sum = 0
  for (let i = 0; i < tokens.length - 1; i++) {
    sum += probabilities[i]!
    if (uniform < sum) return tokens[i]!
  }
  return tokens.at(-1)!
}

/** ln softmax */
export function logProbabilities(logits: Float64Array): Float64Array {
  let highest = Number.NEGATIVE_INFINITY
  for (const logit of logits) highest = Math.max(highest, logit)
  let sum = 0
  for (const logit of logits) sum += Math.exp(logit - highest)
  const level = highest + Math.log(sum)
  return logits.map((logit) => logit - level)
}
