import { arange, F, nn, type Tensor } from 'gradus'

/** Sizes of a {@link Gpt}. */
export interface GptSizes {
  readonly vocabulary: number
  readonly width: number
  readonly heads: number
  readonly layers: number
  /** Longest text, in tokens. */
  readonly context: number
}

/** Causal self-attention and a network of two layers for each position: x [N, T, width] → [N, T, width]. */
export class GptLayer extends nn.Module {
  readonly heads: number
  l1: nn.LayerNorm
  l2: nn.LayerNorm
  qkv: nn.Linear
  p: nn.Linear
  f: nn.Linear
  g: nn.Linear

  constructor({ width, heads }: GptSizes) {
    super()
    this.heads = heads
    this.l1 = new nn.LayerNorm(width)
    this.l2 = new nn.LayerNorm(width)
    this.qkv = new nn.Linear(width, 3 * width)
    this.p = new nn.Linear(width, width)
    this.f = new nn.Linear(width, 4 * width)
    this.g = new nn.Linear(4 * width, width)
  }

  forward(x: Tensor): Tensor {
    const [n, t, width] = x.shape as [number, number, number]
    const [q, k, v] = this.qkv
      .forward(this.l1.forward(x))
      .split(width, 2)
      .map((part) => part.reshape([n, t, this.heads, width / this.heads]).transpose(1, 2)) as [Tensor, Tensor, Tensor]
    const seen = F.scaledDotProductAttention(q, k, v, { isCausal: true })
    const y = x.add(this.p.forward(seen.transpose(1, 2).reshape([n, t, width])))
    return y.add(this.g.forward(F.gelu(this.f.forward(this.l2.forward(y)))))
  }
}

/** A small GPT (Radford et al., "Language models are unsupervised multitask learners", 2019): tokens [N, T] → logits [N · T, vocabulary]. */
export class Gpt extends nn.Module {
  e: nn.Embedding
  pe: nn.Embedding
  b: nn.Sequential
  ln: nn.LayerNorm
  o: nn.Linear

  constructor(sizes: GptSizes) {
    super()
    const { vocabulary, width, layers, context } = sizes
    this.e = new nn.Embedding(vocabulary, width)
    this.pe = new nn.Embedding(context, width)
    this.b = new nn.Sequential(Array.from({ length: layers }, () => new GptLayer(sizes)))
    this.ln = new nn.LayerNorm(width)
    this.o = new nn.Linear(width, vocabulary, { bias: false })
  }

  forward(tokens: Tensor): Tensor {
    const h = this.e.forward(tokens).add(this.pe.forward(arange(tokens.shape[1]!)))
    return this.o.forward(this.ln.forward(this.b.forward(h))).reshape([-1, this.o.outFeatures])
  }
}
