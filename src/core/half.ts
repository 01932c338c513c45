/** Conversions of IEEE binary16 and bfloat16 bit patterns, rounding to nearest even. */

const f32 = new Float32Array(1)
const u32 = new Uint32Array(f32.buffer)

/** binary16 bits to a number. */
export function float16ToFloat32(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** A number to binary16 bits; values beyond ±65504 (after rounding) become infinite. */
export function float32ToFloat16(value: number): number {
  f32[0] = value
  const x = u32[0]!
  const sign = (x >>> 16) & 0x8000
  const magnitude = x & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(f32[0]!) * 2 ** 24)
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1)
  return sign | ((rounded - 0x38000000) >>> 13)
}

/** bfloat16 bits to a number. */
export function bfloat16ToFloat32(bits: number): number {
  u32[0] = bits << 16
  return f32[0]!
}

/** A number to bfloat16 bits. */
export function float32ToBfloat16(value: number): number {
  f32[0] = value
  const x = u32[0]!
  if ((x & 0x7fffffff) > 0x7f800000) return (x >>> 16) | 0x40
  return ((x + 0x7fff + ((x >>> 16) & 1)) >>> 16) & 0xffff
}

/** Rounds to the nearest integer, halves to the even one (IEEE default, `torch.round`). */
export function roundHalfEven(x: number): number {
  const rounded = Math.round(x)
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
