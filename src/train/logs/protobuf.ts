/** What it takes to write protocol buffers (https://protobuf.dev/programming-guides/encoding): fields of a message, one after the other. */

const text = new TextEncoder()

export type Bytes = readonly Uint8Array[]

/** A whole message. */
export function message(...fields: readonly Bytes[]): Uint8Array {
  const parts = fields.flat()
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    out.set(part, at)
    at += part.length
  }
  return out
}

/** A whole number ≥ 0; also an enumeration, or a truth value as 0 and 1. */
export function whole(field: number, value: number): Bytes {
  return [varint(field * 8), varint(value)]
}

export function double(field: number, value: number): Bytes {
  return [varint(field * 8 + 1), doubles([value])]
}

export function float(field: number, value: number): Bytes {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setFloat32(0, value, true)
  return [varint(field * 8 + 5), out]
}

/** Bytes, a text, or a message within. */
export function bytes(field: number, value: Uint8Array | string): Bytes {
  const content = typeof value === 'string' ? text.encode(value) : value
  return [varint(field * 8 + 2), varint(content.length), content]
}

/** Several doubles packed together. */
export function packedDoubles(field: number, values: readonly number[]): Bytes {
  return bytes(field, doubles(values))
}

function doubles(values: readonly number[]): Uint8Array {
  const out = new Uint8Array(8 * values.length)
  const view = new DataView(out.buffer)
  for (const [i, value] of values.entries()) view.setFloat64(8 * i, value, true)
  return out
}

function varint(value: number): Uint8Array {
  const out: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) + 128)
  out.push(rest)
  return Uint8Array.from(out)
}
