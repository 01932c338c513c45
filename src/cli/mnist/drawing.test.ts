import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FileError } from '../../core/errors.ts'
import { centreByMass, inkOf, readDrawing } from './drawing.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-drawing-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A picture of 300 × 400 pixels with a "7" in its upper left corner. */
async function seven(name: string, ink: string, paper: string): Promise<string> {
  const page = paper === 'none' ? '' : `<rect width="300" height="400" fill="${paper}"/>`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="300" height="400">${page}
    <path d="M20 30 H120 L60 190" fill="none" stroke="${ink}" stroke-width="14"/></svg>`
  const path = join(folder, name)
  await sharp(Buffer.from(svg)).toFile(path)
  return path
}

/** Mean position of the ink and the box around what is clearly ink. */
function measure(pixels: Float32Array): { x: number; y: number; width: number; height: number } {
  let [mass, x, y, left, right, top, bottom] = [0, 0, 0, 28, 0, 28, 0]
  for (const [i, value] of pixels.entries()) {
    mass += value
    x += value * (i % 28)
    y += value * Math.floor(i / 28)
    if (value < 0.3) continue
    left = Math.min(left, i % 28)
    right = Math.max(right, i % 28)
    top = Math.min(top, Math.floor(i / 28))
    bottom = Math.max(bottom, Math.floor(i / 28))
  }
  return { x: x / mass, y: y / mass, width: right - left + 1, height: bottom - top + 1 }
}

describe('readDrawing', () => {
  test('scales to 20 pixels and centres by mass', async () => {
    const pixels = await readDrawing(await seven('plain.png', 'black', 'white'))
    const { x, y, width, height } = measure(pixels)
    expect(pixels).toHaveLength(784)
    expect(Math.max(...pixels)).toBe(1)
    expect(Math.min(...pixels)).toBe(0)
    expect(Math.abs(x - 14)).toBeLessThanOrEqual(0.5)
    expect(Math.abs(y - 14)).toBeLessThanOrEqual(0.5)
    expect(height).toBe(20)
    expect(width).toBeGreaterThanOrEqual(12)
    expect(width).toBeLessThanOrEqual(14)
  })

  test('is the same for dark on light, light on dark, transparent paper and JPEG', async () => {
    const plain = await readDrawing(await seven('a.png', 'black', 'white'))
    for (const [name, ink, paper, tolerance] of [
      ['b.png', 'white', 'black', 0.02],
      ['c.png', 'black', 'none', 0.02],
      ['d.png', 'white', 'none', 0.02],
      ['e.png', '#444', '#bbb', 0.02],
      ['f.jpg', '#234', '#eed', 0.2],
    ] as const) {
      const other = await readDrawing(await seven(name, ink, paper))
      expect(Math.max(...plain.map((value, i) => Math.abs(value - (other[i] ?? 0))))).toBeLessThanOrEqual(tolerance)
    }
  })

  test('refuses an empty page, other files and absent ones', async () => {
    const empty = join(folder, 'empty.png')
    await sharp({ create: { width: 9, height: 9, channels: 3, background: '#ccc' } }).toFile(empty)
    await expect(readDrawing(empty)).rejects.toThrow('the picture is empty')
    await writeFile(join(folder, 'text'), 'no picture')
    await expect(readDrawing(join(folder, 'text'))).rejects.toThrow(FileError)
    await expect(readDrawing(join(folder, 'absent.png'))).rejects.toThrow(/absent\.png: Input file is missing/)
  })
})

describe('inkOf', () => {
  test('measures the distance from the paper at the border', () => {
    const page = { data: Uint8Array.of(200, 200, 200, 200, 100, 200, 200, 200, 220), width: 3, height: 3 }
    expect(inkOf(page)).toEqual(Uint8Array.of(0, 0, 0, 0, 255, 0, 0, 0, 0))
    expect(inkOf({ data: new Uint8Array(9).fill(7), width: 3, height: 3 })).toBeUndefined()
  })
})

describe('centreByMass', () => {
  test('moves the mean of the ink to the middle and keeps everything inside', () => {
    const pixels = centreByMass({ data: Uint8Array.of(0, 0, 128), width: 3, height: 1 })
    expect([...pixels.entries()].filter(([, value]) => value > 0)).toEqual([[14 * 28 + 14, 1]])
    const heavyEnd = new Uint8Array(20).fill(1)
    heavyEnd[19] = 255
    const moved = centreByMass({ data: heavyEnd, width: 20, height: 1 })
    expect(moved.filter((value) => value > 0)).toHaveLength(20)
  })
})
