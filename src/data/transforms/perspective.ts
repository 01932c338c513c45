import type { WarpOptions } from './affine.ts'
import { onPictures, type Picture, type Transform } from './picture.ts'
import { type PointMap, warp } from './warp.ts'

/** Upper left, upper right, lower right, lower left; x and y in pixels. */
export type Corners = readonly [Point, Point, Point, Point]
type Point = readonly [x: number, y: number]

/** Moves four points of the picture to four others, as `torchvision.transforms.v2.functional.perspective`. Default: bilinear. */
export function perspective(from: Corners, to: Corners, options: WarpOptions = {}): Transform {
  return onPictures('perspective', (picture) => warpPerspective(picture, from, to, options))
}

export interface RandomPerspectiveOptions extends WarpOptions {
  /** How far corners may move, as a share of half the picture. Default 0.5. */
  readonly distortion?: number
  /** How often. Default 0.5. */
  readonly p?: number
}

/** Moves each corner inwards at random, as `RandomPerspective`. */
export function randomPerspective(options: RandomPerspectiveOptions = {}): Transform {
  const { distortion = 0.5, p = 0.5 } = options
  return onPictures('randomPerspective', (picture, random) => {
    if (!random.chance(p)) return picture
    const { width, height } = picture
    const [right, low] = [width - 1, height - 1]
    const x = (): number => random.integer(Math.floor(distortion * Math.floor(width / 2)) + 1)
    const y = (): number => random.integer(Math.floor(distortion * Math.floor(height / 2)) + 1)
    const to: Corners = [
      [x(), y()],
      [right - x(), y()],
      [right - x(), low - y()],
      [x(), low - y()],
    ]
    const from: Corners = [
      [0, 0],
      [right, 0],
      [right, low],
      [0, low],
    ]
    return warpPerspective(picture, from, to, options)
  })
}

function warpPerspective(picture: Picture, from: Corners, to: Corners, options: WarpOptions): Picture {
  const { interpolation = 'bilinear', fill = 0 } = options
  return warp(picture, projection(to, from), interpolation, fill)
}

/** The projection x′ = (a·x + b·y + c) / (g·x + h·y + 1), y′ = (d·x + e·y + f) / (g·x + h·y + 1) of four points to four others. */
function projection(from: Corners, to: Corners): PointMap {
  const rows = from.flatMap(([x, y], i) => {
    const [u, v] = to[i]!
    return [
      [x, y, 1, 0, 0, 0, -u * x, -u * y, u],
      [0, 0, 0, x, y, 1, -v * x, -v * y, v],
    ]
  })
  const [a, b, c, d, e, f, g, h] = solve(rows) as [...[number, number, number, number, number, number, number, number]]
  return (x, y) => {
    const w = g * x + h * y + 1
    return [(a * x + b * y + c) / w, (d * x + e * y + f) / w]
  }
}

/** Solves linear equations given as rows [coefficients ..., right side]: Gauss's elimination with pivots. */
function solve(rows: number[][]): number[] {
  const n = rows.length
  for (let column = 0; column < n; column++) {
    let best = column
    for (let i = column + 1; i < n; i++) if (Math.abs(rows[i]![column]!) > Math.abs(rows[best]![column]!)) best = i
    const pivot = rows[best]!
    rows[best] = rows[column]!
    rows[column] = pivot
    for (let i = 0; i < n; i++) {
      if (i === column) continue
      const factor = rows[i]![column]! / pivot[column]!
      for (let j = column; j <= n; j++) rows[i]![j]! -= factor * pivot[j]!
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!)
}
