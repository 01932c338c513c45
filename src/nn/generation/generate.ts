import { ShapeError, ValueError } from '../../core/errors.ts'
import type { Values } from '../../core/dtype.ts'
import { formatShape } from '../../core/shape.ts'
import { withGrad } from '../../graph/node.ts'
import { compile } from '../../tensor/compile.ts'
import { tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { KeyValueCache } from '../key-value-cache.ts'
import { argMax, type ChoiceOptions, checkChoice, draw, logProbabilities, penalized } from './choose.ts'

/**
 * What writes text: int32 tokens [N, T] → logits [N, T, V] of the token after each. Given a cache, the tokens are those after
 * the ones it has seen, and their keys and values go into it; a model that takes none may leave it aside with `cache: false`.
 * With a cache, `forward` is not gone through for every token ({@link compile}): it may depend on nothing but tensors, shapes and
 * what the cache says.
 */
export interface LanguageModel {
  forward(tokens: Tensor, options?: { readonly cache?: KeyValueCache | undefined }): Tensor
}

export interface GenerateOptions extends ChoiceOptions {
  /** How many tokens to add at most. Default 50. */
  readonly maxNewTokens?: number
  /** A token (or several) after which to stop; it is part of the result. */
  readonly eosToken?: number | readonly number[]
  /**
   * How many hypotheses are followed at once (beam search); the one with the highest mean log-probability is returned. Default 1.
   */
  readonly numBeams?: number
  /** A hypothesis counts Σ log p / length^lengthPenalty. Default 1. */
  readonly lengthPenalty?: number
  /** Keep keys and values of earlier positions instead of computing them again for every token. Default true. */
  readonly cache?: boolean
  /** Sees each new token as it comes; false ends the text. With beams: all tokens, at the end. */
  readonly onToken?: (token: number) => unknown
  /** Ends the text when it is aborted. */
  readonly signal?: AbortSignal
}

/**
 * Continues `prompt` token by token and returns the new tokens. Greedy unless `doSample` or `numBeams` say otherwise. The model is
 * used as it stands: call `eval()` first. Nothing is recorded for gradients.
 *
 * ```ts
 * const tokens = await nn.generate(model, encode('Call me'), { maxNewTokens: 200, doSample: true, topK: 20 })
 * ```
 */
export async function generate(
  model: LanguageModel,
  prompt: readonly number[],
  options: GenerateOptions = {},
): Promise<number[]> {
  const { maxNewTokens = 50, numBeams = 1 } = options
  checkChoice(options)
  if (prompt.length === 0) throw new ValueError('generate', 'expects a prompt of at least one token')
  for (const [name, value, least] of [
    ['maxNewTokens', maxNewTokens, 0],
    ['numBeams', numBeams, 1],
  ] as const) {
    if (Number.isInteger(value) && value >= least) continue
    throw new ValueError('generate', `${name} must be a whole number ≥ ${least}, received ${value}`)
  }
  if (numBeams > 1 && options.doSample)
    throw new ValueError('generate', 'beams are not drawn at random: leave doSample false')
  return numBeams > 1 ? searchBeams(model, prompt, options) : continueOne(model, prompt, options)
}

function endsAt({ eosToken }: GenerateOptions): (token: number) => boolean {
  const ends = new Set(typeof eosToken === 'number' ? [eosToken] : (eosToken ?? []))
  return (token) => ends.has(token)
}

/** The model with what it has seen so far. */
class Reader {
  readonly #model: LanguageModel
  readonly #cache: KeyValueCache | undefined
  #rows: number[][] = []
  /** Logits of the last position, recorded once for tokens of one shape. */
  readonly #repeat: (input: Tensor, positions: Tensor, at: (positions: Tensor) => void) => Tensor
  #at: ((positions: Tensor) => void) | undefined
  #epoch = -1

  /** `cache`: undefined for none. */
  constructor(model: LanguageModel, cache: KeyValueCache | undefined) {
    this.#model = model
    this.#cache = cache
    this.#repeat = compile((input, positions, at) => {
      at(positions)
      return this.#last(input)
    })
  }

  /** Logits [V] of what follows each row once `tokens` have been added to the rows, which are all of one length. */
  async read(tokens: readonly (readonly number[])[]): Promise<Float64Array[]> {
    const count = tokens[0]!.length
    if (!this.#cache) this.#rows = tokens.map((added, n) => [...(this.#rows[n] ?? []), ...added])
    const given = this.#cache ? tokens : this.#rows
    const input = tensor(Int32Array.from(given.flat()), { shape: [given.length, given[0]!.length] })
    const values: Values = await withGrad(false, () => this.#next(input, count)).data()
    this.#cache?.advance(count)
    const size = values.length / given.length
    return given.map((_, n) => new Float64Array(values.subarray(n * size, (n + 1) * size)))
  }

  #next(input: Tensor, count: number): Tensor {
    const step = this.#cache?.repeatable(count)
    if (!step) return this.#last(input)
    // One function for one epoch: with another, the step is captured anew.
    if (step.epoch !== this.#epoch) [this.#at, this.#epoch] = [step.at, step.epoch]
    return this.#repeat(input, step.positions, this.#at!)
  }

  #last(input: Tensor): Tensor {
    const logits = this.#model.forward(input, { cache: this.#cache })
    const [rows] = input.shape
    if (logits.rank !== 3 || logits.shape[0] !== rows) {
      throw new ShapeError('generate', `expects logits [N, T, V] of the model, received ${formatShape(logits.shape)}`)
    }
    return logits.narrow(1, logits.shape[1]! - 1, 1)
  }

  /** Row n becomes what row index[n] was. */
  reorder(index: readonly number[]): void {
    if (!this.#cache) this.#rows = index.map((n) => this.#rows[n]!)
    this.#cache?.reorder(tensor(Int32Array.from(index)))
  }
}

/** Longest text that there is room for from the beginning: a single query costs what is in the cache, not what has room there. */
const plannedLength = 512

/** Powers of two, so that few plans serve all lengths. */
function roomFor(length: number): number {
  let room = 32
  while (room < length && room < plannedLength) room *= 2
  return room
}

async function continueOne(
  model: LanguageModel,
  prompt: readonly number[],
  options: GenerateOptions,
): Promise<number[]> {
  const { maxNewTokens = 50, doSample = false, repetitionPenalty = 1, cache = true, onToken, signal } = options
  const room = roomFor(prompt.length + maxNewTokens)
  const reader = new Reader(model, cache ? new KeyValueCache({ capacity: room }) : undefined)
  const isEnd = endsAt(options)
  const added: number[] = []
  let next = prompt
  while (added.length < maxNewTokens && !signal?.aborted) {
    const [raw] = await reader.read([next])
    const logits = penalized(raw!, [prompt, added], repetitionPenalty)
    const token = doSample ? draw(logits, options) : argMax(logits)
    added.push(token)
    if ((await onToken?.(token)) === false || isEnd(token)) break
    next = [token]
  }
  return added
}

interface Hypothesis {
  readonly tokens: readonly number[]
  /** Σ log p */
  readonly score: number
}

/** Beam search: the `numBeams` likeliest hypotheses at every length, finished ones set aside. */
async function searchBeams(
  model: LanguageModel,
  prompt: readonly number[],
  options: GenerateOptions,
): Promise<number[]> {
  const {
    maxNewTokens = 50,
    numBeams = 1,
    lengthPenalty = 1,
    repetitionPenalty = 1,
    cache = true,
    onToken,
    signal,
  } = options
  const reader = new Reader(model, cache ? new KeyValueCache() : undefined)
  const isEnd = endsAt(options)
  const worth = ({ tokens, score }: Hypothesis): number => score / tokens.length ** lengthPenalty
  const finished: Hypothesis[] = []
  let beams: Hypothesis[] = [{ tokens: [], score: 0 }]
  let next: (readonly number[])[] = [prompt]
  for (let length = 0; length < maxNewTokens && !signal?.aborted; length++) {
    const logits = await reader.read(next)
    const continued = beams.flatMap((beam, from) => {
      const scores = logProbabilities(penalized(logits[from]!, [prompt, beam.tokens], repetitionPenalty))
      return best(scores, 2 * numBeams).map((token) => ({
        from,
        hypothesis: { tokens: [...beam.tokens, token], score: beam.score + scores[token]! },
        ends: isEnd(token),
      }))
    })
    continued.sort((a, b) => b.hypothesis.score - a.hypothesis.score)
    finished.push(...continued.slice(0, numBeams).flatMap(({ hypothesis, ends }) => (ends ? [hypothesis] : [])))
    const open = continued.filter(({ ends }) => !ends).slice(0, numBeams)
    finished.sort((a, b) => worth(b) - worth(a)).splice(numBeams)
    if (open.length === 0) break
    beams = open.map(({ hypothesis }) => hypothesis)
    // Scores only fall, so that with a penalty of at most 1 no longer hypothesis can be worth more than this.
    const hope = Math.max(
      ...beams.map(({ score }) => score / (lengthPenalty > 0 ? maxNewTokens : length + 1) ** lengthPenalty),
    )
    if (finished.length === numBeams && worth(finished.at(-1)!) >= hope) break
    reader.reorder(open.map(({ from }) => from))
    next = beams.map(({ tokens }) => [tokens.at(-1)!])
  }
  const all = [...finished, ...beams.filter(({ tokens }) => tokens.length === maxNewTokens)]
  const [winner] = (all.length > 0 ? all : beams).sort((a, b) => worth(b) - worth(a))
  const tokens = [...(winner?.tokens ?? [])]
  for (const token of tokens) await onToken?.(token)
  return tokens
}

/** The indices of the `count` largest values, largest first. */
function best(values: Float64Array, count: number): number[] {
  return Array.from(values, (_, i) => i)
    .sort((a, b) => values[b]! - values[a]! || a - b)
    .slice(0, count)
}
