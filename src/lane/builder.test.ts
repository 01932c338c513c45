import { expect, test } from 'vitest'
import { LaneBuilder, type LoopOptions } from './builder.ts'
import type { Loop } from './program.ts'

/** The loop that is made. */
function made(options: LoopOptions, chunks = 1): Loop {
  const b = new LaneBuilder({ name: 'test', lanes: 8, chunks })
  b.loop({ ...options, begin: chunks === 1 ? 0 : b.chunk }, () => {})
  return b.finish().body[0] as Loop
}

test('a limit that no round reaches is left out', () => {
  expect(made({ count: 10, limit: 10 }).limit).toBeNull()
  expect(made({ count: 11, limit: 10 }).limit).toBe(10)
  expect(made({ count: 4, step: 3, limit: 10 }).limit).toBeNull()
  expect(made({ count: 4, step: 3, limit: 9 }).limit).toBe(9)
  // The last of three chunks begins at 2.
  expect(made({ count: 5, limit: 7 }, 3).limit).toBeNull()
  expect(made({ count: 6, limit: 7 }, 3).limit).toBe(7)
})
