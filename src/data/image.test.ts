import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { tensor } from '../tensor/creation.ts'
import { decodeImage, encodeImage, interpolations } from './image.ts'

const pillow: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(new URL('../../test/data/scaled.json', import.meta.url), 'utf8'),
)

/** The picture of test/data/scaled.py: [3, 31, 44]. */
function picture(): Uint8Array {
  const at = [
    (x: number, y: number) => x * 7 + y * 3,
    (x: number, y: number) => Math.floor((x * x) / 9) + y * 5,
    (x: number, y: number) => Math.floor(((x - 20) ** 2 + (y - 15) ** 2) / 3),
  ]
  return Uint8Array.from({ length: 3 * 31 * 44 }, (_, i) => {
    const pixel = i % (31 * 44)
    return at[Math.floor(i / (31 * 44))]!(pixel % 44, Math.floor(pixel / 44)) % 256
  })
}

describe.each(interpolations)('pictures are scaled as Pillow does: %s', (interpolation) => {
  test('nearest to what it makes by that name, and half a step of 255 off on average', async () => {
    const png = await encodeImage(tensor(picture(), { shape: [3, 31, 44], dtype: 'uint8' }))
    const pixels = Array.from(await (await decodeImage(png, { size: [17, 22], interpolation })).data())
    const distances = Object.entries(pillow).map(([name, text]) => {
      const expected = Buffer.from(text, 'base64')
      return [name, pixels.reduce((sum, value, i) => sum + Math.abs(value - expected[i]!), 0) / pixels.length] as const
    })
    distances.sort(([, a], [, b]) => a - b)
    expect(distances[0]![0]).toBe(interpolation)
    expect(distances[0]![1]).toBeLessThan(0.5)
  })
})
