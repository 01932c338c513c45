import { expect, test } from 'vitest'
import { registerTarget, setDevice } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'
import { goldenTests } from '../goldens/suite.ts'

/* Every golden case once more, computed by machine code. */

const target = nativeTarget()
if (target instanceof NativeTarget) {
  registerTarget(target)
  setDevice('native')
  goldenTests(1, 1, { differences: false })
} else test.skip(`machine code: ${target.reason}`, () => expect.fail())
