import { arithmetic } from './arithmetic.ts'
import { images } from './images.ts'
import { normalization } from './normalization.ts'
import type { Operations } from './operation.ts'
import { recurrent } from './recurrent.ts'
import { shaping } from './shaping.ts'

/** All operations that go from tensors to tensors. */
export const operations: Operations = { ...arithmetic, ...images, ...normalization, ...recurrent, ...shaping }
