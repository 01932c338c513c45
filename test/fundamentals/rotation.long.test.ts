import { test } from 'vitest'

/** For one seed: forty epochs, twice. */
test('rotation holds', async () => {
  process.env['GRADUS_SEEDS'] = '0'
  // The seeds are read when the scripts' common part is loaded.
  const { expectToHold } = await import('./holds.ts')
  await expectToHold('rotation', 2, 1)
})
