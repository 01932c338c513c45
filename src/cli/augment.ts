import { writeFileAtomic } from '../io/atomic-file.ts'
import { decodeImage, sheetOf } from '../data/image.ts'
import { Random } from '../data/random.ts'
import { randomAffine, randomRotation } from '../data/transforms/affine.ts'
import { gaussianBlur, gaussianNoise, randomErasing } from '../data/transforms/blur.ts'
import { colorJitter } from '../data/transforms/colour.ts'
import { centerCrop, randomHorizontalFlip, randomResizedCrop } from '../data/transforms/crop.ts'
import { randomPerspective } from '../data/transforms/perspective.ts'
import { toFloat, type Transform } from '../data/transforms/picture.ts'
import { randAugment } from '../data/transforms/rand-augment.ts'
import { resize } from '../data/transforms/resize.ts'
import { screenOn } from './terminal/screen.ts'

export interface AugmentOptions {
  readonly out: string
  readonly size: number
  readonly seed: number
}

const columns = 8
const bilinear = { interpolation: 'bilinear' } as const

const rows: readonly (readonly [name: string, transform: Transform])[] = [
  ['as it is', toFloat()],
  ['randomResizedCrop', randomResizedCrop(64)],
  ['randomHorizontalFlip', randomHorizontalFlip()],
  ['randomRotation 30', randomRotation(30, bilinear)],
  ['randomAffine', randomAffine({ degrees: 15, translate: [0.1, 0.1], scale: [0.8, 1.2], shear: 10, ...bilinear })],
  ['randomPerspective', randomPerspective({ p: 1 })],
  ['colorJitter', colorJitter({ brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1 })],
  ['gaussianBlur', gaussianBlur(9, { sigma: [0.1, 3] })],
  ['gaussianNoise', gaussianNoise()],
  ['randomErasing', randomErasing({ p: 1 })],
  ['randAugment', randAugment({ magnitude: 12, ...bilinear })],
]

/** Writes a PNG with a row for each transform and a column for each draw. */
export async function drawSheet(path: string, { out, size, seed }: AugmentOptions): Promise<void> {
  const source = centerCrop(size)(await decodeImage(path, { shorterSide: size }), new Random(seed))
  const pictures = rows.flatMap(([, transform], row) =>
    Array.from({ length: columns }, (_, column) => {
      const random = new Random(seed, { index: column, epoch: row })
      return resize([size, size])(transform(source, random), random)
    }),
  )
  await writeFileAtomic(out, [await sheetOf(pictures, { columns, size, captions: rows.map(([name]) => name) })])
  screenOn(process.stdout).line(`  ${rows.length} transforms, ${columns} draws of each: ${out}`)
}
