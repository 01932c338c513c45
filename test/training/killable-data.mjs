/** Squares at random places, turned and mixed at random: drawn in worker threads. */
import { mapSamples } from './dist/data/operators.js'
import * as t from './dist/data/transforms/index.js'
import { tensor } from './dist/tensor/creation.js'

const augment = t.compose(t.randomAffine({ degrees: 20, translate: [0.1, 0.1] }), t.gaussianNoise({ deviation: 0.05 }))

export function dataset({ length, labels }) {
  const squares = { length, get: (i) => [i % 3, i] }
  return mapSamples(squares, ([label, i], random) => {
    const pixels = Float32Array.from({ length: 64 }, (_, p) =>
      p % 8 < 2 + 2 * label && Math.floor(p / 8) > i % 4 ? 1 : 0,
    )
    const image = tensor(pixels, { shape: [1, 8, 8] })
    return [labels === 'plain' ? image : augment(image, random), label]
  })
}

const mix = t.mixed(t.mixUp({ classes: 3, alpha: 0.4 }))

export const collate = mix
