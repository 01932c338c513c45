import type { Picture } from './picture.ts'

/** How a value between pixels is found. */
export type Interpolation = 'nearest' | 'bilinear'

/** What lies outside a picture: one value, or one a channel. */
export type Fill = number | readonly number[]

/** From the middle of a pixel of the result to a point of the source; both count from the upper left corner, in pixels. */
export type PointMap = (x: number, y: number) => readonly [x: number, y: number]

export function fillOf(fill: Fill, channel: number): number {
  return typeof fill === 'number' ? fill : (fill[channel] ?? 0)
}

/**
 * A picture seen through a map of its points, as `torch.nn.functional.grid_sample` without aligned corners sees it: pixels are
 * squares whose values lie in their middles; outside is `fill`.
 */
export function warp(
  { values, channels, height, width }: Picture,
  map: PointMap,
  interpolation: Interpolation,
  fill: Fill,
  [outHeight, outWidth]: readonly [number, number] = [height, width],
): Picture {
  const plane = height * width
  const outPlane = outHeight * outWidth
  const out = new Float32Array(channels * outPlane)
  const fills = Array.from({ length: channels }, (_, c) => fillOf(fill, c))
  for (let oy = 0; oy < outHeight; oy++) {
    for (let ox = 0; ox < outWidth; ox++) {
      const [px, py] = map(ox + 0.5, oy + 0.5)
      const at = oy * outWidth + ox
      const [x, y] = [px - 0.5, py - 0.5]
      if (interpolation === 'nearest') {
        const [ix, iy] = [roundHalfEven(x), roundHalfEven(y)]
        const inside = ix >= 0 && ix < width && iy >= 0 && iy < height
        for (let c = 0; c < channels; c++) {
          out[c * outPlane + at] = inside ? values[c * plane + iy * width + ix]! : fills[c]!
        }
        continue
      }
      const [left, top] = [Math.floor(x), Math.floor(y)]
      const [right, low] = [x - left, y - top]
      const hasLeft = left >= 0 && left < width
      const hasRight = left + 1 >= 0 && left + 1 < width
      const hasTop = top >= 0 && top < height
      const hasLow = top + 1 >= 0 && top + 1 < height
      // How much of the point's four neighbours lies inside.
      const inX = (hasLeft ? 1 - right : 0) + (hasRight ? right : 0)
      const inY = (hasTop ? 1 - low : 0) + (hasLow ? low : 0)
      const inside = inX * inY
      for (let c = 0; c < channels; c++) {
        const corner = c * plane + top * width + left
        const a = hasTop && hasLeft ? values[corner]! : 0
        const b = hasTop && hasRight ? values[corner + 1]! : 0
        const d = hasLow && hasLeft ? values[corner + width]! : 0
        const e = hasLow && hasRight ? values[corner + width + 1]! : 0
        const value = (a * (1 - right) + b * right) * (1 - low) + (d * (1 - right) + e * right) * low
        // torchvision blends the border twice where it is filled: the picture fades to black, and that to the filling.
        out[c * outPlane + at] = fill === 0 ? value : value * inside + (1 - inside) * fills[c]!
      }
    }
  }
  return { values: out, channels, height: outHeight, width: outWidth }
}

export function roundHalfEven(x: number): number {
  const rounded = Math.round(x)
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}
