import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planMemory } from './memory.ts'

const life = fc.record({ bytes: fc.integer({ min: 1, max: 500 }), first: fc.nat(10), length: fc.nat(5) })

test('pieces that live at the same time never overlap, and the arena is no larger than all of them', () => {
  fc.assert(
    fc.property(fc.array(life, { maxLength: 20 }), (pieces) => {
      const lifetimes = pieces.map(({ bytes, first, length }, owner) => ({ owner, bytes, first, last: first + length }))
      const { offsets, bytes } = planMemory(lifetimes)
      for (const a of lifetimes) {
        const start = offsets.get(a.owner)!
        expect(start % 64).toBe(0)
        expect(start + a.bytes).toBeLessThanOrEqual(bytes)
        for (const b of lifetimes) {
          if (a.owner >= b.owner || a.first > b.last || b.first > a.last) continue
          const other = offsets.get(b.owner)!
          expect(start + a.bytes <= other || other + b.bytes <= start).toBe(true)
        }
      }
      expect(bytes).toBeLessThanOrEqual(lifetimes.reduce((sum, piece) => sum + Math.ceil(piece.bytes / 64) * 64, 0))
    }),
  )
})

test('memory of what is no longer read is used again', () => {
  const chain = Array.from({ length: 8 }, (_, i) => ({ owner: i, bytes: 64, first: i, last: i + 1 }))
  expect(planMemory(chain).bytes).toBe(128)
})
