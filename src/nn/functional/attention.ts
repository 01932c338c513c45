import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { broadcastShapes, formatShape, sameShape, type Shape, sizeOf } from '../../core/shape.ts'
import type { Node } from '../../graph/node.ts'
import { attention } from '../../graph/ops/attention.ts'
import { scalar } from '../../graph/ops/leaves.ts'
import { computingType } from '../../graph/ops/precision.ts'
import { broadcastTo, reshape } from '../../graph/ops/views.ts'
import { wrap } from '../../tensor/base.ts'
import { drawKey, type SamplingOptions } from '../../tensor/random.ts'
import type { Tensor } from '../../tensor/tensor.ts'

const op = 'scaledDotProductAttention'

export interface AttentionOptions extends SamplingOptions {
  /** bool: which keys a query may see; floating: added to the scores. Broadcasts to [.., L, S]. */
  readonly attnMask?: Tensor | null | undefined
  /** Probability of dropping an attention weight. Default 0. */
  readonly dropoutP?: number
  /** Query i sees keys 0 ... i only. Default false. */
  readonly isCausal?: boolean
  /** Factor of the scores. Default 1 / √E. */
  readonly scale?: number
  /** Let several query heads share one key and value head (Ainslie et al. 2023). Default false. */
  readonly enableGqa?: boolean
}

/**
 * softmax(q · kᵀ · scale + mask) · v (Vaswani et al., "Attention is all you need", 2017): query [.., L, E], key [.., S, E],
 * value [.., S, Ev] → [.., L, Ev]. A query that may see no key gives zeros.
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { attnMask, dropoutP = 0, isCausal = false, scale, enableGqa = false, generator }: AttentionOptions = {},
): Tensor {
  checkInputs(query, key, value)
  if (isCausal && attnMask) throw new ValueError(op, 'expects either attnMask or isCausal, not both')
  if (!(dropoutP >= 0 && dropoutP <= 1))
    throw new ValueError(op, `dropoutP must be between 0 and 1, received ${dropoutP}`)
  const [batch, heads, keyHeads] = headsOf(query, key, value, enableGqa)
  const lead = [...batch, heads]
  const y = attention(
    {
      q: asHeads(query, lead),
      k: asHeads(key, [...batch, keyHeads]),
      v: asHeads(value, [...batch, keyHeads]),
      scale: scalar(scale ?? 1 / Math.sqrt(query.shape.at(-1)!), computingType(query.dtype)),
      mask: attnMask ? maskOf(attnMask, lead, [query.shape.at(-2)!, key.shape.at(-2)!]) : undefined,
      dropout: dropoutP > 0 ? { key: drawKey(generator), p: scalar(dropoutP, 'float32') } : undefined,
    },
    isCausal,
  )
  const rank = Math.max(query.rank, key.rank, value.rank)
  return wrap(reshape(y, [...lead, ...y.shape.slice(2)].slice(-rank)))
}

/** Leading sizes without the heads, query heads, and heads of keys and values. Without leading sizes there is one head. */
function headsOf(query: Tensor, key: Tensor, value: Tensor, enableGqa: boolean): [Shape, number, number] {
  const own = [query, key, value].map((x) => x.shape.slice(0, -2))
  const keyLead = broadcastShapes(op, own[1]!, own[2]!)
  const heads = own[0]!.at(-1) ?? 1
  const keyHeads = keyLead.at(-1) ?? 1
  if (enableGqa && heads % keyHeads !== 0) {
    throw new ShapeError(
      op,
      `${heads} query heads are no multiple of the ${keyHeads} heads of ${formatShape(key.shape)}`,
    )
  }
  const shared = enableGqa || keyHeads === 1
  const lead = broadcastShapes(op, own[0]!, shared && keyLead.length > 0 ? keyLead.with(-1, 1) : keyLead)
  return [lead.slice(0, -1), lead.at(-1) ?? 1, shared ? keyHeads : (lead.at(-1) ?? 1)]
}

/** x [.., L, E] as [B, heads, L, E], repeated to the leading sizes `lead`. */
function asHeads(x: Tensor, lead: Shape): Node {
  const own = x.shape.slice(-2)
  return reshape(broadcastTo(x.node, [...lead, ...own]), [sizeOf(lead.slice(0, -1)), lead.at(-1)!, ...own])
}

/** A mask as [B, H, L, S], where sizes that broadcast stay 1. */
function maskOf(mask: Tensor, lead: Shape, own: Shape): Node {
  const shape = broadcastShapes(op, mask.shape, [...lead, ...own])
  if (!sameShape(shape, [...lead, ...own])) {
    throw new ShapeError(
      op,
      `attnMask ${formatShape(mask.shape)} does not broadcast to ${formatShape([...lead, ...own])}`,
    )
  }
  const padded = [...new Array<number>(shape.length - mask.rank).fill(1), ...mask.shape]
  const batch = padded.slice(0, -3)
  const repeats = batch.some((n) => n !== 1) && batch.some((n, d) => n !== lead[d])
  const whole = repeats ? [...lead.slice(0, -1), ...padded.slice(-3)] : padded
  return reshape(broadcastTo(mask.node, whole), [sizeOf(whole.slice(0, -3)), ...whole.slice(-3)])
}

function checkInputs(query: Tensor, key: Tensor, value: Tensor): void {
  const fits =
    query.rank >= 2 &&
    key.rank >= 2 &&
    value.rank >= 2 &&
    query.shape.at(-1) === key.shape.at(-1) &&
    key.shape.at(-2) === value.shape.at(-2)
  if (!fits) {
    throw new ShapeError(
      op,
      `expects query [.., L, E], key [.., S, E] and value [.., S, Ev], received ${formatShape(query.shape)}, ${formatShape(key.shape)} and ${formatShape(value.shape)}`,
    )
  }
  if (query.dtype !== key.dtype || query.dtype !== value.dtype) {
    throw new DTypeError(
      op,
      `query, key and value must share one dtype, received ${query.dtype}, ${key.dtype} and ${value.dtype}`,
    )
  }
}
