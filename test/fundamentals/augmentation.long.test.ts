import { test } from 'vitest'

/** For one seed: twelve epochs of 9,000 digits. */
test('augmentation holds', async () => {
  process.env['GRADUS_SEEDS'] = '0'
  // The seeds are read when the scripts' common part is loaded.
  const { expectToHold } = await import('./holds.ts')
  await expectToHold('augmentation', 1, 1)
})
