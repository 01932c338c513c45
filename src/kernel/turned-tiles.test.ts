import { expect, test } from 'vitest'
import { LaneBuilder } from '../lane/builder.ts'
import { interpret } from '../lane/interpret.ts'
import { turn } from './turned-tiles.ts'

test.each([8, 16])('a tile of %i rows is turned', (lanes) => {
  const b = new LaneBuilder({ name: 'turn', lanes })
  const [x, y] = [b.buffer('x', 'f32', lanes * lanes), b.buffer('y', 'f32', lanes * lanes)]
  const rows = Array.from({ length: lanes }, (_, i) => b.load(x, i * lanes))
  for (const [i, row] of turn(b, rows).entries()) b.store(y, i * lanes, row)
  const numbers = Float32Array.from({ length: lanes * lanes }, (_, i) => i)
  const turned = new Float32Array(lanes * lanes)
  interpret(b.finish(), [numbers, turned])
  expect(turned).toEqual(numbers.map((_, i) => (i % lanes) * lanes + Math.floor(i / lanes)))
})
