import { ValueError } from '../../core/errors.ts'
import type { Random } from '../random.ts'
import { onPictures, type Picture, type Transform } from './picture.ts'
import { type Fill, type Interpolation, type PointMap, warp } from './warp.ts'

export interface WarpOptions {
  /** Default 'nearest', as in torchvision. */
  readonly interpolation?: Interpolation
  /** What lies outside the picture. Default 0. */
  readonly fill?: Fill
}

/** A turn, shear, scaling and shift, in this order. */
export interface AffineParameters {
  /** Degrees, clockwise. */
  readonly angle?: number
  /** Pixels to the right and down. */
  readonly translate?: readonly [x: number, y: number]
  readonly scale?: number
  /** Degrees along x and y. */
  readonly shear?: readonly [x: number, y: number]
  /** The fixed point, from the upper left corner. Default: the middle. */
  readonly center?: readonly [x: number, y: number]
}

/** Turns, shears, scales and shifts a picture by given amounts, as `torchvision.transforms.v2.functional.affine`. */
export function affine(parameters: AffineParameters, options: WarpOptions = {}): Transform {
  return onPictures('affine', (picture) => warpAffine(picture, parameters, options))
}

export function warpAffine(picture: Picture, parameters: AffineParameters, options: WarpOptions): Picture {
  const { interpolation = 'nearest', fill = 0 } = options
  return warp(picture, inverseAffine(picture, parameters), interpolation, fill)
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180

type Sides = Pick<Picture, 'height' | 'width'>

/**
 * Where the points of the result come from. With R the turn, S the shear, s the scale, c the fixed point and t the shift, a point
 * p of the source goes to T(p) = s·R·S·(p − c) + c + t; this is its inverse.
 */
export function inverseAffine({ height, width }: Sides, parameters: AffineParameters): PointMap {
  const { angle = 0, translate: [tx, ty] = [0, 0], scale = 1, shear = [0, 0] } = parameters
  const [cx, cy] = parameters.center ?? [width / 2, height / 2]
  if (!(scale > 0)) throw new ValueError('affine', `scale must be above 0, received ${scale}`)
  const [turn, sx, sy] = [radians(angle), radians(shear[0]), radians(shear[1])]
  const a = Math.cos(turn - sy) / Math.cos(sy)
  const b = (-Math.cos(turn - sy) * Math.tan(sx)) / Math.cos(sy) - Math.sin(turn)
  const c = Math.sin(turn - sy) / Math.cos(sy)
  const d = (-Math.sin(turn - sy) * Math.tan(sx)) / Math.cos(sy) + Math.cos(turn)
  return (x, y) => {
    const [dx, dy] = [x - cx - tx, y - cy - ty]
    return [(d * dx - b * dy) / scale + cx, (a * dy - c * dx) / scale + cy]
  }
}

/** From −`degrees` to `degrees`, or between two angles. */
export type Range = number | readonly [number, number]

export function draw(range: Range, random: Random): number {
  return typeof range === 'number' ? random.uniform(-range, range) : random.uniform(...range)
}

/** Turns by a random angle in degrees, as `RandomRotation`; the size stays. */
export function randomRotation(degrees: Range, options: WarpOptions = {}): Transform {
  return onPictures('randomRotation', (picture, random) =>
    // torchvision counts the angles of rotations against the clock, those of `affine` with it.
    warpAffine(picture, { angle: -draw(degrees, random) }, options),
  )
}

export interface RandomAffineOptions extends WarpOptions {
  /** Range of angles, clockwise. Default 0: no turn. */
  readonly degrees?: Range
  /** Largest shift as a share of width and height. Default [0, 0]. */
  readonly translate?: readonly [x: number, y: number]
  /** Range of the scale. Default [1, 1]. */
  readonly scale?: readonly [number, number]
  /** Range of shear angles along x, and along y. Default 0. */
  readonly shear?: Range | readonly [x: readonly [number, number], y: readonly [number, number]]
}

/** A random turn, shift, scaling and shear, as `RandomAffine`. Shifts are whole pixels. */
export function randomAffine(options: RandomAffineOptions = {}): Transform {
  return onPictures('randomAffine', (picture, random) =>
    warpAffine(picture, drawAffine(picture, options, random), options),
  )
}

export function drawAffine({ height, width }: Sides, options: RandomAffineOptions, random: Random): AffineParameters {
  const { degrees = 0, translate = [0, 0], scale = [1, 1], shear = 0 } = options
  const [shearX, shearY] = Array.isArray(shear) && typeof shear[0] !== 'number' ? shear : [shear, 0]
  const shift = (share: number, size: number): number => Math.round(random.uniform(-share, share) * size)
  return {
    angle: draw(degrees, random),
    translate: [shift(translate[0], width), shift(translate[1], height)],
    scale: random.uniform(...scale),
    shear: [draw(shearX as Range, random), draw(shearY as Range, random)],
  }
}

/** A random shift by up to these shares of width and height. */
export function randomTranslation(x: number, y: number = x, options: WarpOptions = {}): Transform {
  return randomAffine({ ...options, translate: [x, y] })
}
