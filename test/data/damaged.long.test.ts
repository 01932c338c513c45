/**
 * Odd and damaged pictures: decoded, or refused with an error that names the file; nothing else happens. `GRADUS_DAMAGED=10000`
 * tries more of them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { FileError } from '../../src/core/errors.ts'
import { DataLoader } from '../../src/data/data-loader.ts'
import { decodeImage } from '../../src/data/image.ts'
import { imageFolder } from '../../src/data/image-folder.ts'
import { Random } from '../../src/data/random.ts'

const count = Number(process.env['GRADUS_DAMAGED'] ?? 400)
const photos = join(process.env['GRADUS_DATA'] ?? '../shared/data', 'hymenoptera', 'train', 'bees')

let folder = ''
const originals: { bytes: Uint8Array; ending: string }[] = []

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-damaged-'))
  // Real photographs where they are at hand, else pictures of noise, in many formats.
  const sources = existsSync(photos)
    ? readdirSync(photos)
        .slice(0, 22)
        .map((name) => readFileSync(join(photos, name)))
    : Array.from({ length: 22 }, (_, i) => {
        const random = new Random(i)
        const data = Uint8Array.from({ length: 3 * 64 * 48 }, () => random.integer(256))
        return { data, raw: { width: 64, height: 48, channels: 3 as const } }
      })
  for (const [i, source] of sources.entries()) {
    const small = ('data' in source ? sharp(source.data, { raw: source.raw }) : sharp(source)).resize(72, 60, {
      fit: 'fill',
    })
    const kinds = [
      () => ({ made: small.jpeg(), ending: 'jpg' }),
      () => ({ made: small.jpeg({ progressive: true, chromaSubsampling: '4:4:4' }), ending: 'jpg' }),
      () => ({ made: small.toColourspace('cmyk').jpeg(), ending: 'jpg' }),
      () => ({ made: small.greyscale().jpeg(), ending: 'jpeg' }),
      () => ({ made: small.toColourspace('rgb16').png(), ending: 'png' }),
      () => ({ made: small.png({ palette: true }), ending: 'png' }),
      () => ({ made: small.ensureAlpha(0.5).png(), ending: 'png' }),
      () => ({ made: small.webp(), ending: 'webp' }),
      () => ({ made: small.gif(), ending: 'gif' }),
      () => ({ made: small.tiff(), ending: 'tiff' }),
    ]
    const { made, ending } = kinds[i % kinds.length]!()
    originals.push({ bytes: await made.toBuffer(), ending })
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

type Damage = (bytes: Uint8Array, random: Random) => Uint8Array

const damages: readonly Damage[] = [
  (bytes) => bytes,
  (bytes, random) => bytes.slice(0, random.integer(bytes.length)),
  () => new Uint8Array(),
  () => new TextEncoder().encode('this is a text, whatever its name says'),
  (bytes) => new Uint8Array(bytes.length),
  (bytes, random) => changed(bytes, random, 1),
  (bytes, random) => changed(bytes, random, 64),
  // The head, where sizes and tables stand.
  (bytes, random) => changed(bytes.slice(0, 64), random, 8, bytes),
  (bytes, random) => Uint8Array.from([...bytes.slice(0, random.integer(bytes.length)), ...bytes]),
  (bytes, random) => {
    const [from, to] = [random.integer(bytes.length), random.integer(bytes.length)]
    return bytes.slice().copyWithin(from, to, to + 200)
  },
]

function changed(bytes: Uint8Array, random: Random, times: number, whole: Uint8Array = bytes): Uint8Array {
  const out = whole.slice()
  for (let i = 0; i < times; i++) out[random.integer(bytes.length)] = random.integer(256)
  return out
}

function damagedFile(index: number): { name: string; bytes: Uint8Array; isWhole: boolean } {
  const random = new Random(5, { index })
  const { bytes, ending } = originals[index % originals.length]!
  const damage = index % damages.length
  return { name: `${index}.${ending}`, bytes: damages[damage]!(bytes, random), isWhole: damage === 0 }
}

test(`${count} odd and damaged pictures are decoded or refused`, async () => {
  let [decoded, refused] = [0, 0]
  for (let i = 0; i < count; i++) {
    const { bytes, isWhole } = damagedFile(i)
    const image = await decodeImage(bytes, { size: [24, 32] }).catch((error: unknown) => error)
    if (image instanceof Error) {
      expect(image).toBeInstanceOf(FileError)
      expect(image.message).toMatch(/^decodeImage: picture: [^\n]+$/)
      expect(isWhole).toBe(false)
      refused++
    } else {
      expect((image as { shape: number[] }).shape).toEqual([3, 24, 32])
      decoded++
    }
  }
  expect([decoded + refused, decoded > count / 10, refused > count / 4]).toEqual([count, true, true])
})

test('a loader leaves them out, with a count and names', async () => {
  await mkdir(join(folder, 'all'))
  const files = Array.from({ length: 60 }, (_, i) => damagedFile(i))
  await Promise.all(files.map(({ name, bytes }) => writeFile(join(folder, 'all', name), bytes)))
  const loader = new DataLoader(await imageFolder(folder, { size: [24, 32] }), { batchSize: 16, onError: 'skip' })
  let loaded = 0
  for await (const [images] of loader) loaded += images.shape[0]!
  expect(loaded + loader.skipped.size).toBe(60)
  for (const { message } of loader.skipped.values()) expect(message).toContain(join(folder, 'all'))
  await expect(
    (async () => {
      for await (const _ of new DataLoader(loader.dataset, { batchSize: 16 }));
    })(),
  ).rejects.toThrow(/sample \d+ \(/)
})
