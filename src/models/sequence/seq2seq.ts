import { withGrad } from '../../graph/node.ts'
import { generate, type LanguageModel } from '../../nn/generation/generate.ts'
import { KeyValueCache } from '../../nn/key-value-cache.ts'
import { Embedding } from '../../nn/layers/embedding.ts'
import { Linear } from '../../nn/layers/linear.ts'
import { SinusoidalPositions } from '../../nn/layers/positions.ts'
import { Module } from '../../nn/module.ts'
import { Transformer } from '../../nn/transformer/transformer.ts'
import { full, tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'

export interface Seq2SeqOptions {
  /** Number of source tokens, those of {@link specialTokens} included. */
  readonly sourceVocabulary: number
  /** Number of target tokens, those of {@link specialTokens} included. */
  readonly targetVocabulary: number
  /** Longest source and longest target with its end, in tokens. Default 32. */
  readonly maxLength?: number
  /** Layers of the encoder, and of the decoder. Default 2. */
  readonly layers?: number
  /** Default 4. */
  readonly heads?: number
  /** Size of each position's row. Default 64. */
  readonly size?: number
  /** Default 0.1. */
  readonly dropout?: number
}

/** What both vocabularies of a {@link Seq2Seq} begin with, and what the model knows by number. */
export const specialTokens: readonly string[] = ['<pad>', '<begin>', '<end>', '<unknown>']
const [pad, begin, end] = [0, 1, 2]

/**
 * A Transformer that turns one sequence into another (Vaswani et al. 2017): source [N, S], ended by zeros where it is shorter, and
 * target so far [N, T], which starts with token 1, → logits of the token after each [N, T, targetVocabulary]. Token 2 ends a target.
 */
export class Seq2Seq extends Module {
  readonly maxLength: number
  source: Embedding
  target: Embedding
  positions: SinusoidalPositions
  transformer: Transformer
  head: Linear

  constructor({
    sourceVocabulary,
    targetVocabulary,
    maxLength = 32,
    layers = 2,
    heads = 4,
    size = 64,
    dropout = 0.1,
  }: Seq2SeqOptions) {
    super()
    this.maxLength = maxLength
    this.source = new Embedding(sourceVocabulary, size, { paddingIdx: pad })
    this.target = new Embedding(targetVocabulary, size, { paddingIdx: pad })
    this.positions = new SinusoidalPositions(size, { maxLength: maxLength + 1 })
    this.transformer = new Transformer({
      ...{ dModel: size, nhead: heads, numEncoderLayers: layers, numDecoderLayers: layers, dimFeedforward: 4 * size },
      ...{ dropout, batchFirst: true, normFirst: true, activation: 'gelu' },
    })
    this.head = new Linear(size, targetVocabulary)
  }

  forward(source: Tensor, target: Tensor): Tensor {
    return this.decode(this.encode(source), source, target)
  }

  /** Source [N, S] → what the decoder looks at [N, S, size]. */
  encode(source: Tensor): Tensor {
    const x = this.positions.forward(this.source.forward(source))
    return this.transformer.encoder.forward(x, { srcKeyPaddingMask: source.eq(pad) })
  }

  /** The encoded source, the source, and the target so far [N, T], or its tokens after those in the cache → logits. */
  decode(memory: Tensor, source: Tensor, target: Tensor, cache?: KeyValueCache): Tensor {
    const positions = cache?.positions(target.shape[1] ?? 0)
    const x = this.positions.forward(this.target.forward(target), { positions })
    const masks = { tgtIsCausal: true, memoryKeyPaddingMask: source.eq(pad), cache }
    return this.head.forward(this.transformer.decoder.forward(x, memory, masks))
  }

  /** The likeliest target of each source [N, S], token by token, all side by side; without beginning and end. Call `eval()` first. */
  async translate(source: Tensor): Promise<number[][]> {
    const n = source.shape[0] ?? 0
    const targets = Array.from({ length: n }, (): number[] => [])
    const isOpen = targets.map(() => true)
    const memory = withGrad(false, () => this.encode(source))
    const cache = new KeyValueCache()
    let last = full([n, 1], begin, { dtype: 'int32' })
    for (let length = 0; length < this.maxLength && isOpen.includes(true); length++) {
      const best = withGrad(false, () => this.decode(memory, source, last, cache).argMax(-1))
      const chosen = Int32Array.from(await best.data())
      cache.advance(1)
      for (const [i, token] of chosen.entries()) {
        if (token === end) isOpen[i] = false
        if (isOpen[i]) targets[i]?.push(token)
      }
      last = tensor(chosen, { shape: [n, 1] })
    }
    return targets
  }

  /** The likeliest target of one source [1, S] among those that a search with beams finds. Call `eval()` first. */
  async search(source: Tensor, numBeams = 4): Promise<number[]> {
    const memory = withGrad(false, () => this.encode(source))
    const writer: LanguageModel = {
      forward: (tokens, { cache } = {}) => {
        const n = tokens.shape[0] ?? 1
        return this.decode(memory.expand(n, -1, -1), source.expand(n, -1), tokens, cache)
      },
    }
    const tokens = await generate(writer, [begin], { maxNewTokens: this.maxLength, eosToken: end, numBeams })
    return tokens.filter((token) => token !== end)
  }
}
