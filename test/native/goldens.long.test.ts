import { describe } from 'vitest'
import { nativeTarget } from '../../src/runtime/native/target.ts'
import { goldenTests } from '../goldens/suite.ts'

/* Every golden case once more, computed by machine code. */

describe.skipIf('reason' in nativeTarget())('machine code', () => {
  if (!('reason' in nativeTarget())) goldenTests('native', 1, 1)
})
