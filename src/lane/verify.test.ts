import { describe, expect, test } from 'vitest'
import { Affine } from './affine.ts'
import { LaneBuilder } from './builder.ts'
import { BoundsError, verifyBounds } from './verify.ts'

const verify = (write: (b: LaneBuilder) => void, chunks = 1): (() => void) => {
  const b = new LaneBuilder({ name: 'kernel', lanes: 16, chunks })
  write(b)
  return () => verifyBounds(b.finish())
}

describe('accesses of whole vectors', () => {
  const copy = (length: number, count: number) =>
    verify((b) => {
      const x = b.buffer('x', 'f32', length)
      b.loop({ count, step: 16 }, (i) => b.store(x, i, b.load(x, i)))
    })

  test('are accepted up to the last element, and refused one beyond', () => {
    expect(copy(64, 4)).not.toThrow()
    expect(copy(63, 4)).toThrow('kernel: load touches elements 0 to 63 of x, which has 63')
    expect(copy(64, 5)).toThrow(BoundsError)
  })

  test('before the first element', () => {
    const shifted = (offset: number) => verify((b) => b.store(b.buffer('x', 'f32', 64), Affine.of(0).minus(offset), 0))
    expect(shifted(0)).not.toThrow()
    expect(shifted(1)).toThrow('touches elements -1 to 14')
  })

  test('strides, negative ones too, and splats', () => {
    const strided = (length: number, base: number, laneStride: number) =>
      verify((b) => {
        b.load(b.buffer('x', 'f32', length), base, { laneStride })
      })
    expect(strided(61, 0, 4)).not.toThrow()
    expect(strided(60, 0, 4)).toThrow('touches elements 0 to 60')
    expect(strided(31, 30, -2)).not.toThrow()
    expect(strided(31, 29, -2)).toThrow('touches elements -1 to 29')
    expect(strided(1, 0, 0)).not.toThrow()
    expect(strided(1, 1, 0)).toThrow(BoundsError)
  })

  test('several variables add up', () => {
    const image = (height: number, width: number, taps: number) =>
      verify((b) => {
        const x = b.buffer('x', 'f32', 20 * 48)
        b.loop({ count: height }, (h) =>
          b.loop({ count: taps }, (t) =>
            b.loop({ count: width / 16, step: 16 }, (w) => {
              b.load(x, Affine.of(h).plus(t).times(48).plus(w))
            }),
          ),
        )
      })
    expect(image(18, 48, 3)).not.toThrow()
    expect(image(19, 48, 3)).toThrow('touches elements 0 to 1007 of x, which has 960')
    expect(image(18, 64, 3)).toThrow(BoundsError)
  })
})

describe('limits and ranges', () => {
  const chunked = (limit: number, count = 2) =>
    verify((b) => {
      const x = b.buffer('x', 'f32', 96)
      b.loop({ begin: Affine.of(b.chunk).times(32), count, step: 16, limit }, (i) => {
        b.load(x, i)
      })
    }, 4)

  test('a limit bounds the loop variable, by whole steps where they divide it', () => {
    expect(chunked(96)).not.toThrow()
    expect(chunked(112)).toThrow('touches elements 0 to 111')
    // 90 is no multiple of 16: the last round may begin at 89.
    expect(chunked(90)).toThrow('touches elements 0 to 104')
  })

  test('a range cuts off what it excludes, on both sides and relative to a variable', () => {
    const padded = (low: number, high: number, length: number) =>
      verify((b) => {
        const x = b.buffer('x', 'f32', length)
        b.loop({ count: 4, step: 16 }, (i) => {
          const at = Affine.of(i).minus(5)
          b.load(x, at, { within: b.range(at, low, high) })
        })
      })
    expect(padded(0, 50, 50)).not.toThrow()
    expect(padded(-1, 50, 50)).toThrow('touches elements -1 to 49')
    expect(padded(0, 51, 50)).toThrow('touches elements 0 to 50')
  })

  test('a range about something else does not help', () => {
    const unrelated = verify((b) => {
      const x = b.buffer('x', 'f32', 50)
      b.loop({ count: 4, step: 16 }, (i) =>
        b.loop({ count: 4, step: 16 }, (j) => {
          b.load(x, i, { within: b.range(j, 0, 50) })
        }),
      )
    })
    expect(unrelated).toThrow('touches elements 0 to 63')
  })

  test('a range in which no lane can be active touches nothing', () => {
    const nothing = verify((b) =>
      b.store(b.buffer('x', 'f32', 1), 1000, 0, { within: { at: Affine.of(0), low: 5, high: 5 } }),
    )
    expect(nothing).not.toThrow()
  })

  test('`when` narrows the variable that it gives, not the one outside', () => {
    const narrowed = (useInner: boolean) =>
      verify((b) => {
        const x = b.buffer('x', 'f32', 26)
        b.loop({ count: 40 }, (i) =>
          b.when(Affine.of(i).minus(10), 0, 11, (inner) => {
            b.load(x, useInner ? inner : i)
          }),
        )
      })
    expect(narrowed(true)).not.toThrow()
    expect(narrowed(false)).toThrow(BoundsError)
  })

  test('both ways of `when` are looked at', () => {
    const other = verify((b) => {
      const x = b.buffer('x', 'f32', 16)
      b.loop({ count: 2 }, (i) =>
        b.when(
          i,
          0,
          1,
          () => {},
          () => b.store(x, 1, 0),
        ),
      )
    })
    expect(other).toThrow('store touches elements 1 to 16')
  })
})

describe('indices that are data', () => {
  test('gather needs checked indices whose bound fits', () => {
    const gather = (bound: number, check = true) =>
      verify((b) => {
        const [x, table] = [b.buffer('x', 'i32', 16), b.buffer('table', 'f32', 100)]
        b.errorCell()
        const raw = b.load(x, 0)
        b.gather(table, 1, check ? b.checkIndices(raw, bound, 1, { at: 0, laneStride: 1 }) : raw, 3)
      })
    expect(gather(34)).toThrow('gather touches elements 1 to 100')
    expect(gather(33)).not.toThrow()
    expect(gather(33, false)).toThrow('gather from table by unchecked indices')
  })

  test('a scalar index is known by its bound', () => {
    const rows = (bound: number) =>
      verify((b) => {
        const [x, table] = [b.buffer('x', 'i32', 4), b.buffer('table', 'f32', 64)]
        b.errorCell()
        b.load(table, Affine.of(b.readIndex(x, 3, bound, 1)).times(16))
      })
    expect(rows(4)).not.toThrow()
    expect(rows(5)).toThrow(BoundsError)
  })

  test('reports need an error cell', () => {
    const missing = verify((b) => {
      b.checkIndices(b.int(1), 4, 1, { at: 0, laneStride: 1 })
    })
    expect(missing).toThrow('checks indices but has no error cell')
  })

  test('quotients and remainders have ranges', () => {
    const grid = (columns: number) =>
      verify((b) => {
        const x = b.buffer('x', 'f32', 4 * 16 * 5)
        const [row, column] = b.divide(b.chunk, columns)
        b.load(
          x,
          Affine.of(row)
            .times(16 * 5)
            .plus(Affine.of(column).times(16)),
        )
      }, 20)
    expect(grid(5)).not.toThrow()
    expect(grid(4)).toThrow(BoundsError)
  })
})
