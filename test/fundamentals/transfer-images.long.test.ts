import { test } from 'vitest'
import { dataFile, firstAbsent } from '../../examples/data-files.ts'

const absent = firstAbsent(dataFile('cifar10/resnet20-12fca82f.th'))

/** For one seed: fifteen epochs of a ResNet-20, twice. */
test.skipIf(absent)(`transfer-images holds${absent ? ` (needs ${absent})` : ''}`, async () => {
  process.env['GRADUS_SEEDS'] = '0'
  // The seeds are read when the scripts' common part is loaded.
  const { expectToHold } = await import('./holds.ts')
  await expectToHold('transfer-images', 4, 1)
})
