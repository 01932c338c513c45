/** Each transform against torchvision (goldens of `test/data/transforms.py`), and the random ones against what they draw. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DTypeError, ShapeError, ValueError } from '../../core/errors.ts'
import { tensor } from '../../tensor/creation.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { DataLoader } from '../data-loader.ts'
import { mapSamples } from '../operators.ts'
import { Random } from '../random.ts'
import { TensorDataset } from '../tensor-dataset.ts'
import * as colour from './colour.ts'
import * as t from './index.ts'
import { onPictures, type Picture, type Transform } from './picture.ts'
import { changes } from './rand-augment.ts'

type Golden = { readonly shape: number[]; readonly float32: string }
const goldens: Readonly<Record<string, Golden>> = JSON.parse(
  readFileSync(new URL('../../../test/data/transforms.json', import.meta.url), 'utf8'),
)

function golden(name: string): Tensor {
  const { shape, float32 } = goldens[name]!
  const bytes = Uint8Array.from(Buffer.from(float32, 'base64'))
  return tensor(new Float32Array(bytes.buffer), { shape })
}

const image = golden('image')
const random = new Random(0)
const corners: t.Corners = [
  [0, 0],
  [13, 0],
  [13, 10],
  [0, 10],
]
const moved: t.Corners = [
  [2, 1],
  [12, 2],
  [11, 9],
  [1, 8],
]
const bilinear = { interpolation: 'bilinear' } as const
const of = (change: (picture: Picture) => Picture): Transform => onPictures('test', change)

/** The largest difference of two tensors of one shape. */
function distance(a: Tensor, b: Tensor): number {
  expect(a.shape).toEqual(b.shape)
  const other = b.dataSync()
  return Math.max(...a.dataSync().map((value, i) => Math.abs(value - other[i]!)))
}

const cases: Readonly<Record<string, Transform>> = {
  'affine turn': t.affine({ angle: 30 }, bilinear),
  'affine turn nearest': t.affine({ angle: 33 }),
  'affine all': t.affine(
    { angle: -17, translate: [2, -1], scale: 1.3, shear: [11, -6] },
    { ...bilinear, fill: [0.2, 0.4, 0.6] },
  ),
  'affine center': t.affine({ shear: [20, 0], center: [0, 0] }, bilinear),
  rotate: t.randomRotation([25, 25], { ...bilinear, fill: 0.5 }),
  perspective: t.perspective(corners, moved),
  'perspective nearest fill': t.perspective(corners, moved, { interpolation: 'nearest', fill: 0.3 }),
  'resize down': t.resize([5, 9]),
  'resize up': t.resize([17, 20]),
  'resize plain': t.resize([6, 20], { antialias: false }),
  'resize nearest': t.resize([7, 20], { interpolation: 'nearest' }),
  'resize shorter': t.resize(8),
  'center crop': t.centerCrop([5, 6]),
  'center crop larger': t.centerCrop([14, 6]),
  'pad constant': t.pad([1, 2, 3, 4], { fill: 0.7 }),
  'pad edge': t.pad([2, 1], { mode: 'edge' }),
  'pad reflect': t.pad([3, 4, 2, 1], { mode: 'reflect' }),
  'pad symmetric': t.pad(4, { mode: 'symmetric' }),
  'horizontal flip': t.randomHorizontalFlip({ p: 1 }),
  'vertical flip': t.randomVerticalFlip({ p: 1 }),
  brightness: t.colorJitter({ brightness: [1.6, 1.6] }),
  contrast: t.colorJitter({ contrast: [0.4, 0.4] }),
  saturation: t.colorJitter({ saturation: [1.8, 1.8] }),
  hue: t.colorJitter({ hue: [0.3, 0.3] }),
  'hue back': t.colorJitter({ hue: [-0.45, -0.45] }),
  grayscale: t.grayscale(),
  normalize: t.normalize(t.imagenetMean, t.imagenetDeviation),
  blur: t.gaussianBlur(5, { sigma: 1.3 }),
  sharpness: of((picture) => colour.adjustSharpness(picture, 1.9)),
  smoothness: of((picture) => colour.adjustSharpness(picture, 0.1)),
  posterize: of((picture) => colour.posterizePicture(picture, 3)),
  solarize: of((picture) => colour.solarizePicture(picture, 0.4)),
  autocontrast: of(colour.autocontrastPicture),
  equalize: (x, r) => of(colour.equalizePicture)(x.repeat(1, 2, 2), r),
}

test.each(Object.keys(goldens).filter((name) => name !== 'image'))('as torchvision: %s', (name) => {
  expect(distance(cases[name]!(image, random), golden(name))).toBeLessThan(3e-6)
})

describe('random transforms', () => {
  const draws = <T>(draw: (random: Random) => T, count = 200): T[] =>
    Array.from({ length: count }, (_, index) => draw(new Random(3, { index })))
  /** Pixel (y, x) of channel 0 holds 100·y + x: every result tells where it comes from. */
  const places = tensor(
    Float32Array.from({ length: 70 }, (_, i) => 100 * Math.floor(i / 10) + (i % 10)),
    { shape: [1, 7, 10] },
  )
  const at = (x: Tensor, y: number, column: number): number => x.dataSync()[y * x.shape[2]! + column]!

  test('randomCrop takes every window, and pads before', () => {
    const corner = draws((r) => at(t.randomCrop([3, 4])(places, r), 0, 0))
    expect(new Set(corner).size).toBe(5 * 7)
    expect(Math.max(...corner)).toBe(406)
    for (const x of draws((r) => t.randomCrop([3, 4])(places, r), 20)) expect(at(x, 2, 3) - at(x, 0, 0)).toBe(203)
    expect(Math.min(...draws((r) => at(t.randomCrop(7, { padding: 3, fill: -1 })(places, r), 0, 0)))).toBe(-1)
    expect(() => t.randomCrop(8)(places, random)).toThrow('cannot take 8 × 8 from 7 × 10 pixels')
  })

  test('randomResizedCrop stays within area and proportions', () => {
    // Plain bilinear sampling of a plane gives back the part's size.
    const crop = t.randomResizedCrop([2, 2], { antialias: false, interpolation: 'nearest' })
    const parts = draws((r) => {
      const part = crop(places, r)
      return [(at(part, 1, 0) - at(part, 0, 0)) / 100, at(part, 0, 1) - at(part, 0, 0)] as const
    })
    expect(new Set(parts.map(String)).size).toBeGreaterThan(5)
    for (const [h, w] of parts) expect([h <= 3, w <= 5]).toEqual([true, true])
    const middle = t.randomResizedCrop([7, 7], { scale: [5, 5] })(places, random)
    expect(at(middle, 0, 0)).toBeGreaterThanOrEqual(0)
  })

  test('randomAffine draws whole shifts, in range', () => {
    const shift = t.randomAffine({ translate: [0.2, 0] })
    const seen = new Set(draws((r) => at(shift(places, r), 3, 5) - 300))
    expect([...seen].sort()).toEqual([3, 4, 5, 6, 7])
    const turned = t.randomAffine({
      degrees: 180,
      scale: [0.5, 2],
      shear: [
        [-5, 5],
        [-5, 5],
      ],
    })
    expect(new Set(draws((r) => String(turned(image, r).dataSync()), 20)).size).toBe(20)
    expect(distance(t.randomTranslation(0)(image, random), image)).toBe(0)
    expect(() => t.affine({ scale: 0 })(image, random)).toThrow(ValueError)
  })

  test('flips, grey, perspective and erasing come as often as asked', () => {
    const often = (transform: Transform): number =>
      draws((r) => distance(transform(image, r), image) > 0, 400).filter(Boolean).length / 400
    const third = [
      t.randomHorizontalFlip({ p: 0.3 }),
      t.grayscale({ p: 0.3 }),
      t.randomPerspective({ p: 0.3, distortion: 0.9 }),
      t.randomErasing({ p: 0.3 }),
      t.randomApply(t.gaussianNoise(), { p: 0.3 }),
    ]
    for (const transform of third) expect(Math.abs(often(transform) - 0.3)).toBeLessThan(0.08)
  })

  test('randomErasing and cutout empty a rectangle', () => {
    for (const erase of [t.randomErasing({ p: 1, value: -1 }), t.cutout(4, { value: -1 })]) {
      for (const x of draws((r) => erase(places, r), 30)) {
        const gone = [...x.dataSync().entries()]
          .filter(([, value]) => value === -1)
          .map(([i]) => [Math.floor(i / 10), i % 10])
        const [rows, columns] = [0, 1].map((d) => new Set(gone.map((place) => place[d])))
        expect(gone.length).toBe(rows!.size * columns!.size)
      }
    }
    expect(draws((r) => t.randomErasing({ p: 1, value: 'random' })(places, r), 3)).toHaveLength(3)
  })

  test('gaussianNoise has its deviation', () => {
    const grey = tensor(new Float32Array(5000).fill(0.5), { shape: [1, 50, 100] })
    const noisy = t.gaussianNoise({ deviation: 0.05 })(grey, random).dataSync()
    const variance = Array.from(noisy).reduce((sum, value) => sum + (value - 0.5) ** 2, 0) / noisy.length
    expect(Math.sqrt(variance)).toBeCloseTo(0.05, 2)
  })

  test('colorJitter and randAugment draw in range, in any order', () => {
    const jittered = t.colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 })
    for (const transform of [jittered, t.randAugment({ magnitude: 20, count: 3 })]) {
      const results = draws((r) => transform(image, r).dataSync(), 40)
      expect(new Set(results.map(String)).size).toBeGreaterThan(35)
      for (const values of results) expect(values.every((value) => value >= 0 && value <= 1)).toBe(true)
    }
    expect(distance(t.colorJitter({})(image, random), image)).toBe(0)
    expect(() => t.colorJitter({ hue: [0, 0.6] })).toThrow(ValueError)
    expect(changes).toHaveLength(14)
    for (const { name, apply } of changes) {
      const picture = { values: image.dataSync() as Float32Array, channels: 3, height: 11, width: 14 }
      expect([name, distance(of((p) => apply(p, 0.5, {}))(image, random), image) > 0]).toEqual([
        name,
        name !== 'identity' && name !== 'equalize',
      ])
      expect(picture.values).toEqual(image.dataSync())
    }
  })

  test('uint8 becomes floats; other inputs are refused', () => {
    const bytes = tensor(Uint8Array.of(0, 51, 255), { shape: [1, 1, 3] })
    expect(t.toFloat()(bytes, random).toArraySync()).toEqual([[[0, Math.fround(0.2), 1]]])
    expect(() => t.toFloat()(tensor([1]), random)).toThrow(ShapeError)
    expect(() => t.toFloat()(tensor([[[1]]], { dtype: 'int32' }), random)).toThrow(DTypeError)
    expect(() => t.normalize([0], [1])(image, random)).toThrow('expects 3 means and deviations')
    expect(() => t.gaussianBlur(4)).toThrow('must be odd, received 4')
    expect(() => t.pad(20, { mode: 'reflect' })(image, random)).toThrow(ValueError)
    expect(() => t.resize(0)).toThrow('received 0')
  })
})

describe('mixes of a batch', () => {
  const inputs = tensor(
    Float32Array.from({ length: 3 * 64 }, (_, i) => Math.floor(i / 64)),
    { shape: [3, 1, 8, 8] },
  )
  const labels = tensor(Int32Array.of(0, 1, 2))

  test('mixUp blends inputs and labels by one share', async () => {
    const [x, y] = t.mixUp({ classes: 3 })(inputs, labels, new Random(5))
    const share = ((await y.toArray()) as number[][])[0]![0]!
    expect(share).toBeGreaterThan(0)
    expect(share).toBeLessThan(1)
    const rest = Math.fround(1 - share)
    expect(await y.toArray()).toEqual([
      [share, 0, rest],
      [rest, share, 0],
      [0, rest, share],
    ])
    const means = (await x.mean([1, 2, 3]).toArray()) as number[]
    for (const [i, expected] of [2 * rest, share, share * 2 + rest].entries()) expect(means[i]).toBeCloseTo(expected, 6)
  })

  test('cutMix cuts a rectangle whose area is the share', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const [x, y] = t.cutMix({ classes: 3 })(inputs, labels, new Random(seed))
      const own = ((await y.toArray()) as number[][])[1]![1]!
      const kept = await x.select(0, 1).eq(1).to('float32').mean().item()
      expect(kept).toBeCloseTo(own, 6)
    }
    expect(() => t.cutMix({ classes: 3 })(tensor([[1]]), labels, random)).toThrow(ShapeError)
  })

  test('in a loader the same seed mixes the same way; each epoch another', () => {
    const data = new TensorDataset(inputs, labels)
    const collate = t.mixed(t.randomMix(t.mixUp({ classes: 3 }), t.cutMix({ classes: 3 })))
    const walk = (loader: DataLoader<readonly [Tensor, Tensor]>): unknown[] =>
      [...loader].map(([x, y]) => [x.toArraySync(), y.toArraySync()])
    const make = (): DataLoader<readonly [Tensor, Tensor]> =>
      new DataLoader(data, { batchSize: 2, shuffle: true, collate })
    const [a, b] = [make(), make()]
    const first = walk(a)
    expect(walk(b)).toEqual(first)
    expect(walk(a)).not.toEqual(first)
    expect(() => t.mixUp({ classes: 2 })(inputs, labels, random)).toThrow('label 2 is not one of 2 classes')
  })

  test('smoothLabels', async () => {
    const smooth = (await t.smoothLabels(tensor(Int32Array.of(1)), 4, 0.2).toArray()) as number[][]
    expect(smooth[0]!.map((share) => share.toFixed(6))).toEqual(['0.050000', '0.850000', '0.050000', '0.050000'])
  })
})

describe('texts and series', () => {
  const ids = tensor(Int32Array.from({ length: 1000 }, (_, i) => i))

  test('tokenDropout leaves out or replaces', async () => {
    const shorter = t.tokenDropout({ p: 0.3 })(ids, random)
    expect(Math.abs(shorter.size - 700)).toBeLessThan(60)
    const kept = shorter.dataSync()
    expect(kept.every((id, i) => i === 0 || id > kept[i - 1]!)).toBe(true)
    const marked = t.tokenDropout({ p: 0.3, replacement: -1 })(ids, random)
    expect([marked.size, marked.dtype]).toEqual([1000, 'int32'])
    expect(Math.abs(marked.dataSync().filter((id) => id === -1).length - 300)).toBeLessThan(60)
    expect(
      await t
        .tokenDropout({ p: 1 })(tensor(Int32Array.of(4, 5)), random)
        .toArray(),
    ).toEqual([4])
  })

  test('randomSpan takes a stretch', () => {
    const span = t.randomSpan(5)(ids, random).dataSync()
    expect(Array.from(span, (id) => id - span[0]!)).toEqual([0, 1, 2, 3, 4])
    expect(t.randomSpan(5)(tensor([[1, 2]]), random).shape).toEqual([1, 2])
  })

  test('jitter and scaling change by their deviation; windowWarp keeps ends and order', () => {
    const series = tensor(
      Float32Array.from({ length: 400 }, (_, i) => Math.floor(i / 2)),
      { shape: [200, 2] },
    )
    const noise = t.jitter({ deviation: 0.5 })(series, random).sub(series).dataSync()
    expect(Math.sqrt(Array.from(noise).reduce((sum, x) => sum + x * x, 0) / 400)).toBeCloseTo(0.5, 1)
    const scaled = t.scaling()(series, random).div(series.add(1e-9)).dataSync()
    expect(new Set(Array.from(scaled.slice(2), (x) => x.toFixed(4))).size).toBe(2)
    const warped = t.windowWarp({ window: 0.3 })(series, random)
    const values = warped.dataSync()
    expect([warped.shape, values[0], values[399]]).toEqual([[200, 2], 0, 199])
    expect(values.every((value, i) => i < 2 || value >= values[i - 2]!)).toBe(true)
    expect(distance(warped, series)).toBeGreaterThan(1)
  })
})

test('a loader draws anew each epoch, the same for the same seed', () => {
  const data = new TensorDataset(image.reshape(1, 3, 11, 14), tensor(Int32Array.of(1)))
  const augmented = mapSamples(data, ([x, y], r) => [t.randAugment({ magnitude: 20 })(x, r), y] as const)
  const walk = (seed: number): string[] => {
    const loader = new DataLoader(augmented, { seed })
    return [0, 1].map(() => [...loader].map(([x]) => String(x.dataSync())).join())
  }
  expect(walk(1)).toEqual(walk(1))
  expect(new Set([...walk(1), ...walk(2)]).size).toBe(4)
})
