import { test } from 'vitest'
import { registerTarget, setDevice } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'
import { expectToHold } from './holds.ts'

const target = nativeTarget()

/** By machine code and for one seed: thousands of steps of four networks. */
test.skipIf('reason' in target)('recall holds', async () => {
  if (target instanceof NativeTarget) registerTarget(target)
  setDevice('native')
  process.env['GRADUS_SEEDS'] = '0'
  await expectToHold('recall', 8, 1)
})
