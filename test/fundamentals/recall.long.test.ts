import { test } from 'vitest'

/** For one seed: thousands of sequences, four networks. */
test('recall holds', async () => {
  process.env['GRADUS_SEEDS'] = '0'
  // The seeds are read when the scripts' common part is loaded.
  const { expectToHold } = await import('./holds.ts')
  await expectToHold('recall', 8, 1)
})
