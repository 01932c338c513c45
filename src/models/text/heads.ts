import { ValueError } from '../../core/errors.ts'
import { scaledDotProductAttention } from '../../nn/functional/attention.ts'
import type { KeyValueCache } from '../../nn/key-value-cache.ts'
import type { LayerCache } from '../../nn/transformer/layer.ts'
import { arange, ones } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** What a text model takes beside its tokens. */
export interface TextInputs {
  /** [N, L]: 1 for tokens, 0 for padding. Default: all are tokens. */
  readonly attentionMask?: Tensor | undefined
  /** [N, L]: which of two texts a token belongs to. Default: the first. */
  readonly tokenTypeIds?: Tensor | undefined
}

/** What a text model that writes takes beside its tokens. */
export interface DecoderInputs extends TextInputs {
  /** Keys and values of the tokens before these, where those of these are added: see `nn.generate`. It takes no attentionMask. */
  readonly cache?: KeyValueCache | undefined
}

/** A mask for padding, where there is no cache: that one knows no padding. */
export function decoderMask(owner: string, { attentionMask, cache }: DecoderInputs): Tensor | undefined {
  if (cache && attentionMask) throw new ValueError(owner, 'a cache takes no attentionMask; pass texts of one length')
  return tokenMask(attentionMask)
}

/** What can be put on top of a text model. */
export type Head =
  | 'none'
  | 'maskedLM'
  | 'causalLM'
  | 'sequenceClassification'
  | 'tokenClassification'
  | 'questionAnswering'

/** Beginnings and ends of the answer in a text [N, L]. */
export interface Span {
  readonly startLogits: Tensor
  readonly endLogits: Tensor
}

/** Logits [N, L, 2] as the two of a span. */
export function spanOf(logits: Tensor): Span {
  return { startLogits: logits.select(2, 0), endLogits: logits.select(2, 1) }
}

/** [N, L] as what attention takes: bool [N, 1, 1, L], true for tokens. */
export function tokenMask(mask: Tensor | undefined): Tensor | undefined {
  if (!mask) return undefined
  const [samples, length] = mask.shape as [number, number]
  return mask.to('bool').reshape(samples, 1, 1, length)
}

/**
 * Of rows [N, L, E] that of each text's last token that is no padding [N, E]: none that the mask leaves out, and not `paddingToken`. Where
 * decoders read a text's class, since it alone has seen all others.
 */
export function lastRows(rows: Tensor, tokens: Tensor, mask: Tensor | undefined, paddingToken: number): Tensor {
  const unlike = tokens.ne(paddingToken)
  const real = mask ? unlike.logicalAnd(mask.to('bool')) : unlike
  const places = arange(tokens.shape[1]!, { dtype: 'int32' }).mul(real.to('int32'))
  const isLast = arange(tokens.shape[1]!, { dtype: 'int32' }).eq(places.amax(1, { keepdim: true }))
  return rows.maskedFill(isLast.logicalNot().unsqueeze(2), 0).sum(1)
}

/** x [N, L, heads · E] → [N, heads, L, E]. */
export function splitHeads(x: Tensor, heads: number): Tensor {
  const [samples, length, width] = x.shape as [number, number, number]
  return x.reshape(samples, length, heads, width / heads).permute(0, 2, 1, 3)
}

export interface AttendOptions {
  readonly heads: number
  /** Heads of keys and values. Default `heads`. */
  readonly keyHeads?: number
  readonly mask?: Tensor | undefined
  readonly causal?: boolean
  readonly dropout?: number
  /** Where keys and values of earlier rows are; causal, without a mask. */
  readonly memory?: LayerCache | undefined
}

/** Attention over rows: query [N, L, heads · E], key and value [N, L, keyHeads · E] → [N, L, heads · E]. */
export function attend(
  [query, key, value]: readonly [Tensor, Tensor, Tensor],
  { heads, keyHeads = heads, ...options }: AttendOptions,
): Tensor {
  const parts = [splitHeads(query, heads), splitHeads(key, keyHeads), splitHeads(value, keyHeads)] as const
  return joinHeads(attendHeads(parts, { heads, keyHeads, ...options }))
}

/** {@link attend} for q [N, heads, L, E]; k and v [N, keyHeads, L, E]. A causal mask and one for padding are joined. */
export function attendHeads(
  [q, k, v]: readonly [Tensor, Tensor, Tensor],
  { heads, keyHeads = heads, mask, causal = false, dropout = 0, memory }: AttendOptions,
): Tensor {
  const options = { dropoutP: dropout, enableGqa: heads !== keyHeads }
  if (memory) {
    const all = memory.store.update(memory.layer, k, v)
    return scaledDotProductAttention(q, all.keys, all.values, { ...options, attnMask: all.mask })
  }
  if (!causal || !mask) return scaledDotProductAttention(q, k, v, { ...options, attnMask: mask, isCausal: causal })
  return scaledDotProductAttention(q, k, v, { ...options, attnMask: mask.logicalAnd(causalMask(q.shape[2]!)) })
}

/** bool [L, L]: query i sees keys 0 ... i. */
function causalMask(length: number): Tensor {
  return ones([length, length]).tril().to('bool')
}

/** [N, heads, L, E] → [N, L, heads · E]. */
export function joinHeads(x: Tensor): Tensor {
  return x.permute(0, 2, 1, 3).flatten(2)
}
