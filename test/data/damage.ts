/** Pictures in many formats, and what can befall their files: seeded, so that a failure can be looked at again. */
import type { Sharp } from 'sharp'
import type { Random } from '../../src/data/random.ts'

/** A picture's file in one format, whole. */
export interface Whole {
  readonly format: string
  readonly ending: string
  readonly bytes: Uint8Array
}

/** A file to be read, and what is known about it. */
export interface Damaged {
  readonly kind: string
  readonly ending: string
  readonly bytes: Uint8Array
  /** Odd but whole: it must be read. Nothing of it left: it must be refused. Else either. */
  readonly fate: 'read' | 'refused' | 'either'
}

/** One picture in every format that cameras, editors and web pages leave behind. */
export async function formatsOf(picture: Sharp): Promise<Whole[]> {
  const plain = picture.clone().flatten({ background: 'white' }).toColourspace('srgb')
  const whole = async (format: string, ending: string, encoded: Sharp): Promise<Whole> => ({
    format,
    ending,
    // A copy: the slices of a Buffer share its bytes.
    bytes: Uint8Array.from(await encoded.toBuffer()),
  })
  return Promise.all([
    whole('JPEG', 'jpg', plain.clone().jpeg()),
    whole('progressive JPEG', 'JPEG', plain.clone().jpeg({ progressive: true })),
    whole('CMYK JPEG', 'jpg', plain.clone().toColourspace('cmyk').jpeg()),
    whole('grey JPEG', 'jpg', plain.clone().greyscale().jpeg()),
    whole('turned JPEG', 'jpg', plain.clone().rotate(90).jpeg().withMetadata({ orientation: 8 })),
    whole('PNG', 'png', plain.clone().png()),
    whole('PNG named .jpg', 'jpg', plain.clone().png()),
    whole('16-bit PNG', 'png', plain.clone().toColourspace('rgb16').png()),
    whole('interlaced PNG with a palette', 'png', plain.clone().png({ palette: true, progressive: true })),
    whole('PNG with transparency', 'png', plain.clone().ensureAlpha(0.5).png()),
    whole('WebP', 'webp', plain.clone().webp({ effort: 0 })),
    whole('AVIF', 'avif', plain.clone().avif({ effort: 0 })),
    whole('GIF', 'gif', plain.clone().gif({ effort: 1 })),
    whole('TIFF', 'tiff', plain.clone().tiff({ compression: 'lzw' })),
  ])
}

type Damage = (bytes: Uint8Array, random: Random) => Uint8Array

/** From `low` to `high`, as shares of the length. */
const place = (bytes: Uint8Array, random: Random, low: number, high: number): number =>
  Math.floor(bytes.length * random.uniform(low, high))

const joined = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts))

const noise = (length: number, random: Random): Uint8Array => Uint8Array.from({ length }, () => random.integer(256))

const changed = (bytes: Uint8Array, random: Random, count: number, end: number): Uint8Array => {
  const out = bytes.slice()
  for (let i = 0; i < count; i++) out[random.integer(Math.min(end, out.length))] = random.integer(256)
  return out
}

const damages: Readonly<Record<string, Damage>> = {
  truncated: (bytes, random) => bytes.subarray(0, place(bytes, random, 0.02, 0.98)),
  'single bytes changed': (bytes, random) => changed(bytes, random, 1 + random.integer(20), bytes.length),
  'header changed': (bytes, random) => changed(bytes, random, 1 + random.integer(4), 64),
  'a block of zeros': (bytes, random) => {
    const from = place(bytes, random, 0, 0.9)
    return bytes.slice().fill(0, from, from + place(bytes, random, 0.02, 0.3))
  },
  'a block missing': (bytes, random) => {
    const from = place(bytes, random, 0, 0.8)
    return joined(bytes.subarray(0, from), bytes.subarray(from + place(bytes, random, 0.01, 0.2)))
  },
  'a block twice': (bytes, random) => {
    const from = place(bytes, random, 0, 0.9)
    return joined(bytes.subarray(0, from + place(bytes, random, 0.01, 0.1)), bytes.subarray(from))
  },
  'noise in place of the end': (bytes, random) => {
    const from = place(bytes, random, 0.1, 0.9)
    return joined(bytes.subarray(0, from), noise(Math.min(bytes.length - from, 5000), random))
  },
}

/** Files that never were pictures. */
const others: Readonly<Record<string, (random: Random) => Uint8Array>> = {
  'zero bytes': () => new Uint8Array(0),
  'a text file': (random) => Buffer.from('This is no picture.\n'.repeat(1 + random.integer(50))),
  'a web page': () => Buffer.from('<!doctype html><html><body><h1>404 Not Found</h1></body></html>'),
  'noise alone': (random) => noise(1 + random.integer(4000), random),
  'NUL characters': (random) => new Uint8Array(1 + random.integer(4000)),
  'an unfinished SVG': (random) => Buffer.from(`<svg width="9${'0'.repeat(random.integer(9))}" height="90"><rect x="`),
  'the first bytes of a JPEG': () => Uint8Array.of(0xff, 0xd8, 0xff, 0xe0),
}

/** File number `i`: every kind comes up in turn, its source and its damage are drawn. */
export function damagedFile(i: number, sources: readonly (readonly Whole[])[], random: Random): Damaged {
  const source = sources[random.integer(sources.length)]!
  const [wholes, broken, none] = [source.length, Object.entries(damages), Object.entries(others)]
  const turn = i % (wholes + 3 * broken.length + none.length)
  if (turn < wholes) {
    const { format, ending, bytes } = source[turn]!
    return { kind: format, ending, bytes, fate: 'read' }
  }
  if (turn < wholes + none.length) {
    const [kind, make] = none[turn - wholes]!
    return { kind, ending: 'jpg', bytes: make(random), fate: 'refused' }
  }
  const [kind, damage] = broken[turn % broken.length]!
  const { ending, bytes } = source[random.integer(wholes)]!
  return { kind, ending, bytes: damage(bytes, random), fate: 'either' }
}
