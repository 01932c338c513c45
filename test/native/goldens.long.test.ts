import { describe } from 'vitest'
import { registerTarget, setDevice } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'
import { goldenTests } from '../goldens/suite.ts'

/* Every golden case once more, computed by machine code. */

const target = nativeTarget()

describe.skipIf('reason' in target)('machine code', () => {
  if (!(target instanceof NativeTarget)) return
  registerTarget(target)
  setDevice('native')
  goldenTests(1, 1, { differences: false })
})
