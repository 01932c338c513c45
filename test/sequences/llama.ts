import { readFileSync } from 'node:fs'
import { F, nn, type Tensor, tensor } from '../../src/index.ts'

/* A model of the Llama layout made of the library's modules, and the files of llama2.c that hold its weights and words. */

interface Shape {
  readonly dim: number
  readonly hiddenDim: number
  readonly layers: number
  readonly heads: number
  readonly keyHeads: number
  readonly vocabulary: number
}

interface Step {
  readonly cache?: nn.KeyValueCache | undefined
}

class Block extends nn.Module {
  readonly #number: number
  readonly #shape: Shape
  readonly attentionNorm: nn.RMSNorm
  readonly query: nn.Linear
  readonly key: nn.Linear
  readonly value: nn.Linear
  readonly output: nn.Linear
  readonly rotary: nn.RotaryEmbedding
  readonly feedForwardNorm: nn.RMSNorm
  readonly feedForward: nn.SwiGLU

  constructor(number: number, shape: Shape) {
    super()
    const { dim, heads, keyHeads, hiddenDim } = shape
    const keyDim = (dim / heads) * keyHeads
    this.#number = number
    this.#shape = shape
    this.attentionNorm = new nn.RMSNorm(dim, { eps: 1e-5 })
    this.query = new nn.Linear(dim, dim, { bias: false })
    this.key = new nn.Linear(dim, keyDim, { bias: false })
    this.value = new nn.Linear(dim, keyDim, { bias: false })
    this.output = new nn.Linear(dim, dim, { bias: false })
    this.rotary = new nn.RotaryEmbedding(dim / heads, { interleaved: true })
    this.feedForwardNorm = new nn.RMSNorm(dim, { eps: 1e-5 })
    this.feedForward = new nn.SwiGLU(dim, hiddenDim)
  }

  forward(x: Tensor, { cache }: Step): Tensor {
    const attended = x.add(this.attend(this.attentionNorm.forward(x), cache))
    return attended.add(this.feedForward.forward(this.feedForwardNorm.forward(attended)))
  }

  private attend(x: Tensor, cache: nn.KeyValueCache | undefined): Tensor {
    const { heads, keyHeads, dim } = this.#shape
    const [n, t] = x.shape as [number, number]
    const split = (y: Tensor, count: number): Tensor => y.reshape(n, t, count, dim / heads).transpose(1, 2)
    const positions = cache?.positions(t)
    const q = this.rotary.forward(split(this.query.forward(x), heads), { positions })
    const k = this.rotary.forward(split(this.key.forward(x), keyHeads), { positions })
    const v = split(this.value.forward(x), keyHeads)
    const all = cache?.update(this.#number, k, v)
    const y = all
      ? F.scaledDotProductAttention(q, all.keys, all.values, { attnMask: all.mask, enableGqa: true })
      : F.scaledDotProductAttention(q, k, v, { isCausal: true, enableGqa: true })
    return this.output.forward(y.transpose(1, 2).reshape(n, t, dim))
  }
}

export class Llama extends nn.Module {
  readonly embedding: nn.Embedding
  readonly blocks: Block[]
  readonly norm: nn.RMSNorm
  readonly head: nn.Linear

  constructor(shape: Shape) {
    super()
    this.embedding = new nn.Embedding(shape.vocabulary, shape.dim)
    this.blocks = Array.from({ length: shape.layers }, (_, i) => new Block(i, shape))
    this.norm = new nn.RMSNorm(shape.dim, { eps: 1e-5 })
    this.head = new nn.Linear(shape.dim, shape.vocabulary, { bias: false })
    this.head.weight = this.embedding.weight
  }

  forward(tokens: Tensor, step: Step = {}): Tensor {
    let x = this.embedding.forward(tokens)
    for (const block of this.blocks) x = block.forward(x, step)
    return this.head.forward(this.norm.forward(x))
  }
}

/** Reads a checkpoint of llama2.c: seven sizes, then the weights of each kind for all layers. */
export function readLlama(file: string): Llama {
  const bytes = readFileSync(file)
  const [dim, hiddenDim, layers, heads, keyHeads, vocabulary] = Array.from({ length: 7 }, (_, i) =>
    bytes.readInt32LE(4 * i),
  ) as [...[number, number, number, number, number, number]]
  const model = new Llama({ dim, hiddenDim, layers, heads, keyHeads, vocabulary })
  let at = 28
  const take = (parameter: nn.Parameter | undefined): void => {
    const { size, shape } = parameter!
    const values = Float32Array.from({ length: size }, (_, i) => bytes.readFloatLE(at + 4 * i))
    at += 4 * size
    parameter!.assign(tensor(values, { shape }))
  }
  const { blocks } = model
  take(model.embedding.weight)
  for (const block of blocks) take(block.attentionNorm.weight)
  for (const part of ['query', 'key', 'value', 'output'] as const) for (const block of blocks) take(block[part].weight)
  for (const block of blocks) take(block.feedForwardNorm.weight)
  for (const part of ['gateProj', 'downProj', 'upProj'] as const) {
    for (const block of blocks) take(block.feedForward[part].weight)
  }
  take(model.norm.weight)
  return model
}

/** The pieces of text of a llama2.c tokenizer, by token. */
export function readPieces(file: string): string[] {
  const bytes = readFileSync(file)
  const pieces: string[] = []
  for (let at = 4; at < bytes.length; ) {
    const length = bytes.readInt32LE(at + 4)
    pieces.push(bytes.toString('utf8', at + 8, at + 8 + length))
    at += 8 + length
  }
  return pieces
}

/** The text of tokens that follow the begin of a text. */
export function decode(pieces: readonly string[], tokens: readonly number[]): string {
  const text = tokens.map((token) =>
    pieces[token]!.replace(/^<0x([0-9A-F]{2})>$/, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
  )
  return text.join('').replace(/^ /, '')
}
