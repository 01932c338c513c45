import { describe, expect, test } from 'vitest'
import { runEverywhere } from '../../../test/native/run-lane.ts'
import { Affine } from '../../lane/affine.ts'
import type { LaneBuilder } from '../../lane/builder.ts'
import type { Binding } from '../../lane/interpret.ts'
import type { BufferParameter, Register } from '../../lane/program.ts'
import { AllocationError } from '../linear-scan.ts'

/**
 * Every machine leaves in every buffer what `expected` says (`null`: anything), or, without it, what the interpreter with as many lanes
 * leaves.
 */
function agree(
  write: (b: LaneBuilder) => void,
  bindings: readonly Binding[],
  expected?: Record<number, ArrayLike<number> | null>,
  options: { chunks?: number } = {},
): void {
  for (const { interpreter, results } of runEverywhere(write, bindings, options)) {
    for (const result of [interpreter, ...results]) {
      bindings.forEach((_, cell) => {
        const wanted = expected?.[cell] === undefined ? interpreter.bindings[cell] : expected[cell]
        if (wanted === undefined || wanted === null || typeof wanted === 'number') return
        const left = Array.from(result.bindings[cell] as Float32Array)
        if (left.every((x, i) => Object.is(x, wanted[i]))) return
        expect([result.name, cell, ...left]).toEqual([result.name, cell, ...Array.from(wanted)])
      })
      expect(result.report).toEqual(interpreter.report)
    }
  }
}

const specials = [0, -0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3.7, -3.7, 1e-40, 1e38, -1e38, 3e9, -3e9]
const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 ** 31, -(2 ** 31), 2 ** 23 + 0.5]
const numbers = Float32Array.from({ length: 1024 }, (_, i) => {
  const all = [...specials, ...odd]
  return i < 2 * all.length
    ? (all[i % all.length] as number)
    : Math.fround(Math.sin(i * 12.9898) * 10 ** ((i % 13) - 6))
})
const others = Float32Array.from(numbers, (_, i) => numbers[(i * 7 + 3) % 1024] as number)
const near = numbers.map((x, i) => -x * (others[i] as number))
const integers = Int32Array.from({ length: 1024 }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >> (i % 20))

/** out = f(x, y, z), lane by lane over 1024 elements; the third is −x·y nearly, which shows whether fma rounds once. */
function elementwise(f: (b: LaneBuilder, x: Register, y: Register, z: Register) => Register): void {
  agree(
    (b) => {
      const [x, y, z, out] = ['x', 'y', 'z', 'out'].map((name) => b.buffer(name, 'f32', 1024)) as [
        BufferParameter,
        BufferParameter,
        BufferParameter,
        BufferParameter,
      ]
      b.loop({ count: 1024 / b.lanes, step: b.lanes }, (i) => {
        const result = f(b, b.load(x, i), b.load(y, i), b.load(z, i))
        b.store(out, i, result.type === 'i32' ? b.fromBits(result) : result)
      })
    },
    [numbers, others, near, new Float32Array(1024)],
  )
}

describe('float32 operations equal the interpreter to the bit', () => {
  const binary = ['add', 'sub', 'mul', 'div', 'min', 'max'] as const
  for (const op of binary) {
    test(op, () => {
      elementwise((b, x, y) => b[op](x, y))
      elementwise((b, x) => b[op](x, 1.25))
      elementwise((b, x) => b[op](1.25, x))
    })
  }
  for (const op of ['sqrt', 'abs', 'neg', 'round', 'floor', 'ceil', 'trunc'] as const) {
    test(op, () => elementwise((b, x) => b[op](x)))
  }
  for (const op of ['fma', 'fnma'] as const) {
    test(`${op} with every mixture of registers, constants and operands that live on`, () => {
      elementwise((b, x, y, z) => b[op](x, y, z))
      elementwise((b, x, y) => b[op](x, y, 0.75))
      elementwise((b, x, _y, z) => b[op](x, 1.1, z))
      elementwise((b, _x, y, z) => b[op](1.1, y, z))
      elementwise((b, x) => b[op](x, 1.1, 0.3))
      elementwise((b) => b[op](b.float(3), 1.1, 0.3))
      elementwise((b, x) => b[op](x, x, x))
      elementwise((b, x, y, z) => b.add(b[op](x, y, z), b.add(x, b.add(y, z))))
      elementwise((b, x, y, z) => b.add(b[op](x, y, z), y))
      elementwise((b, x, y, z) => b.add(b[op](x, y, z), b.add(x, z)))
      elementwise((b, x, y) => b.add(b[op](x, 1.1, 0.2), b.add(x, y)))
    })
  }
  test('comparisons and select', () => {
    for (const op of ['lt', 'le', 'gt', 'ge', 'eq', 'ne'] as const) {
      elementwise((b, x, y) => b.select(b[op](x, y), x, y))
      elementwise((b, x) => b.select(b[op](x, 0), 1, -1))
      elementwise((b, x) => b.select(b[op](0.5, x), x, -1))
    }
  })
  test('ranges of lanes as masks', () => {
    elementwise((b, x) => b.select(b.mask(b.range(0, 0, 3)), x, 7))
    elementwise((b, x) => b.select(b.mask(b.range(0, 0, b.lanes)), x, 7))
    agree(
      (b) => {
        const [x, y] = [b.buffer('x', 'f32', 64), b.buffer('y', 'f32', 64)]
        b.loop({ count: 64 / b.lanes, step: b.lanes }, (i) =>
          b.store(y, i, b.select(b.mask(b.range(i, 11, 37)), b.load(x, i), -1)),
        )
      },
      [numbers.slice(0, 64), new Float32Array(64)],
      { 1: numbers.slice(0, 64).map((value, i) => (i >= 11 && i < 37 ? value : -1)) },
    )
  })
  test('logic on masks', () => {
    elementwise((b, x, y, z) => b.select(b.mand(b.lt(x, y), b.mnot(b.lt(y, z))), x, 7))
    elementwise((b, x, y, z) => b.select(b.mor(b.lt(x, y), b.eq(z, z)), x, 7))
  })
  test('reductions fold halves', () => {
    elementwise((b, x) => b.reduceAdd(b.min(b.max(x, -1e6), 1e6)))
    elementwise((b, x) => b.reduceMax(x))
    elementwise((b, x) => b.reduceMin(x))
  })
  test('shuffles', () => {
    const lane = (b: LaneBuilder, choose: (i: number) => number): number[] =>
      Array.from({ length: b.lanes }, (_, i) => choose(i))
    const patterns: ((b: LaneBuilder) => number[])[] = [
      // Two of each group of four lanes, of one vector and then of the other.
      (b) => lane(b, (i) => i - (i % 4) + [1, 3, b.lanes, b.lanes + 2][i % 4]!),
      (b) => lane(b, (i) => i - (i % 4) + [2, 2, b.lanes + 3, b.lanes][i % 4]!),
      // Whole groups: every other one, and a half of each vector.
      (b) => lane(b, (i) => 8 * Math.floor(i / 4) + (i % 4)),
      (b) => lane(b, (i) => 8 * Math.floor(i / 4) + 4 + (i % 4)),
      (b) => lane(b, (i) => b.lanes / 2 + i),
      // Nearly so.
      (b) => lane(b, (i) => (i === b.lanes - 1 ? 0 : 8 * Math.floor(i / 4) + (i % 4))),
      (b) => lane(b, (i) => i - (i % 4) + (i === 5 ? 0 : [1, 3, b.lanes, b.lanes + 2][i % 4]!)),
    ]
    for (const pattern of patterns) elementwise((b, x, y) => b.permute2(x, y, pattern(b)))
  })
  test('permutations', () => {
    elementwise((b, x) =>
      b.permute(
        x,
        Array.from({ length: b.lanes }, (_, i) => (i * 3 + 1) % b.lanes),
      ),
    )
    elementwise((b, x, y) =>
      b.permute2(
        x,
        y,
        Array.from({ length: b.lanes }, (_, i) => (i * 5 + 2) % (2 * b.lanes)),
      ),
    )
    elementwise((b, x, y) =>
      b.add(
        b.permute2(
          x,
          y,
          Array.from({ length: b.lanes }, (_, i) => 2 * i),
        ),
        b.add(x, y),
      ),
    )
  })
})

describe('integer operations', () => {
  const run = (f: (b: LaneBuilder, x: Register, y: Register) => Register): void =>
    agree(
      (b) => {
        const [x, y, out] = [b.buffer('x', 'i32', 1024), b.buffer('y', 'i32', 1024), b.buffer('out', 'i32', 1024)]
        b.loop({ count: 1024 / b.lanes, step: b.lanes }, (i) => b.store(out, i, f(b, b.load(x, i), b.load(y, i))))
      },
      [integers, Int32Array.from(integers, (_, i) => integers[(i * 5) % 1024] as number), new Int32Array(1024)],
    )
  for (const op of ['iadd', 'isub', 'imul', 'imin', 'imax', 'iand', 'ior', 'ixor'] as const) {
    test(op, () => {
      run((b, x, y) => b[op](x, y))
      run((b, x) => b[op](x, b.int(77)))
      run((b, x) => b[op](b.int(-77), x))
    })
  }
  test('shifts and rotation', () => {
    for (const op of ['shl', 'shr', 'sar', 'rotl'] as const) {
      for (const count of [0, 1, 13, 31]) run((b, x) => b[op](x, count))
      run((b, x) => b.iadd(b[op](x, 5), x))
    }
  })
  test('comparisons', () => {
    run((b, x, y) => b.select(b.ilt(x, y), x, y))
    run((b, x) => b.select(b.ilt(x, b.int(5)), b.int(1), x))
    run((b, x) => b.select(b.ilt(b.int(5), x), b.int(1), x))
    run((b, x, y) => b.select(b.ieq(b.iand(x, b.int(3)), b.iand(y, b.int(3))), x, y))
  })
  test('conversions', () => {
    run((b, x) => b.bitsOf(b.toF32(x)))
    elementwise((b, x) => b.toF32(b.toI32(x)))
    elementwise((b, x) => b.toF32(b.truncI32(x)))
  })
})

describe('memory', () => {
  test('tails: nothing outside a range of lanes is read or written', () => {
    for (const length of [1, 7, 8, 15, 16, 17, 100]) {
      for (const type of ['f32', 'i32', 'u8', 'f16', 'bf16'] as const) {
        const array = { f32: Float32Array, i32: Int32Array, u8: Uint8Array, f16: Uint16Array, bf16: Uint16Array }[type]
        const bits = type === 'f16' || type === 'bf16'
        const source = new array(length)
        for (let i = 0; i < length; i++) source[i] = bits ? 0x3c00 + 37 * i : i + 1
        agree(
          (b) => {
            const [x, y] = [b.buffer('x', type, length), b.buffer('y', type, length)]
            const whole = Math.floor(length / b.lanes)
            b.loop({ count: whole, step: b.lanes }, (i) => b.store(y, i, b.load(x, i)))
            const within = b.range(0, 0, length % b.lanes)
            b.store(y, whole * b.lanes, b.load(x, whole * b.lanes, { within }), { within })
          },
          [source, new array(length)],
          { 1: source },
        )
      }
    }
  })

  test('ranges that move: a padded row reads zeros on both sides', () => {
    const row = Float32Array.from({ length: 50 }, (_, i) => i + 1)
    const expected = Float32Array.from({ length: 64 }, (_, i) => (i >= 5 && i < 55 ? i - 4 : 0))
    for (const type of ['f32', 'u8'] as const) {
      agree(
        (b) => {
          const [x, y] = [b.buffer('x', type, 50), b.buffer('y', 'f32', 64)]
          b.loop({ count: 64 / b.lanes, step: b.lanes }, (i) => {
            const loaded = b.load(x, Affine.of(i).minus(5), { within: b.range(Affine.of(i).minus(5), 0, 50) })
            b.store(y, i, type === 'u8' ? b.toF32(loaded) : loaded)
          })
        },
        [type === 'u8' ? Uint8Array.from(row) : row, new Float32Array(64)],
        { 1: expected },
      )
    }
  })

  test('narrow stores round to nearest even; NaN stays NaN', () => {
    const values = Float32Array.from([...numbers.slice(0, 100), 1.00390625, 1.01171875, 65519, 65520, 1e-7, 3e-8])
    const length = values.length - (values.length % 2)
    for (const type of ['f16', 'bf16'] as const) {
      agree(
        (b) => {
          const [x, y, back] = [
            b.buffer('x', 'f32', length),
            b.buffer('y', type, length),
            b.buffer('back', 'f32', length),
          ]
          b.loop({ count: length / 2, step: 2 }, (i) => {
            const within = b.range(0, 0, 2)
            b.store(y, i, b.max(b.load(x, i, { within }), -1e30), { within })
            b.store(back, i, b.load(y, i, { within }), { within })
          })
        },
        [values.slice(0, length), new Uint16Array(length), new Float32Array(length)],
      )
    }
  })

  test('splats, strides, transposition by strided stores', () => {
    const [rows, columns] = [16, 24]
    const source = Float32Array.from({ length: rows * columns }, (_, i) => i)
    const transposed = Float32Array.from(source, (_, i) => (i % rows) * columns + Math.floor(i / rows))
    agree(
      (b) => {
        const [x, y, z] = ['x', 'y', 'z'].map((name) => b.buffer(name, 'f32', rows * columns)) as [
          BufferParameter,
          BufferParameter,
          BufferParameter,
        ]
        b.loop({ count: columns }, (column) =>
          b.loop({ count: rows / b.lanes, step: b.lanes }, (row) => {
            const from = Affine.of(row).times(columns).plus(column)
            const to = Affine.of(column).times(rows).plus(row)
            const loaded = b.load(x, from, { laneStride: columns })
            b.store(y, to, loaded)
            b.store(z, from, b.add(loaded, b.splat(x, 5)), { laneStride: columns })
          }),
        )
      },
      [source, new Float32Array(rows * columns), new Float32Array(rows * columns)],
      { 1: transposed, 2: source.map((x) => x + 5) },
    )
  })

  test('strides under a range of lanes, backwards too', () => {
    for (const stride of [3, -2]) {
      agree(
        (b) => {
          const [x, y] = [b.buffer('x', 'f32', 60), b.buffer('y', 'f32', 60)]
          b.loop({ count: 12 }, (i) => {
            const at = Affine.of(i).plus(stride > 0 ? 0 : 30)
            const within = b.range(i, 2, 12)
            b.store(y, at, b.add(b.load(x, at, { laneStride: stride, within }), 0.5), { laneStride: stride, within })
          })
        },
        [numbers.slice(100, 160), new Float32Array(60)],
      )
    }
  })

  test('narrow splats', () => {
    agree(
      (b) => {
        const [u8, f16, bf16, y] = [
          b.buffer('u8', 'u8', 3),
          b.buffer('f16', 'f16', 3),
          b.buffer('bf16', 'bf16', 3),
          b.buffer('y', 'f32', 16),
        ]
        const sum = b.add(b.toF32(b.splat(u8, 1)), b.mul(b.splat(f16, 1), b.splat(bf16, 2)))
        b.loop({ count: 16 / b.lanes, step: b.lanes }, (i) => b.store(y, i, sum))
      },
      [Uint8Array.of(1, 250, 3), Uint16Array.of(0, 0x4000, 0), Uint16Array.of(0, 0, 0x4040), new Float32Array(16)],
      { 3: new Float32Array(16).fill(256) },
    )
  })

  test('buffers of each thread', () => {
    agree(
      (b) => {
        const [scratch, y] = [b.buffer('scratch', 'f32', 16, 16), b.buffer('y', 'f32', 160)]
        b.loop({ count: 16 / b.lanes, step: b.lanes }, (i) => {
          b.store(scratch, i, b.toF32(b.indexLanes(Affine.of(b.chunk).times(100).plus(i), 1)))
          b.store(y, Affine.of(b.chunk).times(16).plus(i), b.load(scratch, i))
        })
      },
      [new Float32Array(16 * 8), new Float32Array(160)],
      { 0: null, 1: Float32Array.from({ length: 160 }, (_, i) => 100 * Math.floor(i / 16) + (i % 16)) },
      { chunks: 10 },
    )
  })
})

describe('indices that are data', () => {
  const tableOf = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => 10 * i)

  test('gather', () => {
    const indices = Int32Array.from({ length: 48 }, (_, i) => (i * 7) % 20)
    agree(
      (b) => {
        const [table, x, y, z] = [
          b.buffer('table', 'f32', 60),
          b.buffer('x', 'i32', 48),
          b.buffer('y', 'f32', 48),
          b.buffer('z', 'f32', 48),
        ]
        b.errorCell()
        b.loop({ count: 48 / b.lanes, step: b.lanes }, (i) => {
          const checked = b.checkIndices(b.load(x, i), 20, 9, { at: Affine.of(i).times(2).plus(100), laneStride: 2 })
          b.store(y, i, b.gather(table, 0, checked))
          b.store(z, i, b.gather(table, 2, checked, 3, b.range(0, 1, 5)))
        })
      },
      [tableOf(60), indices, new Float32Array(48), new Float32Array(48), null],
    )
  })

  test('an index out of range is reported and touches nothing', () => {
    for (const bad of [20, -1, 2 ** 31 - 1, -(2 ** 31)]) {
      for (const position of [0, 5, 15]) {
        const indices = Int32Array.from({ length: 16 }, (_, i) => (i === position ? bad : i))
        const results = runEverywhere(
          (b) => {
            const [table, x, y] = [b.buffer('table', 'f32', 20), b.buffer('x', 'i32', 16), b.buffer('y', 'f32', 16)]
            b.errorCell()
            b.loop({ count: 16 / b.lanes, step: b.lanes }, (i) =>
              b.store(
                y,
                i,
                b.gather(
                  table,
                  0,
                  b.checkIndices(b.load(x, i), 20, 9, { at: Affine.of(i).times(2).plus(100), laneStride: 2 }),
                ),
              ),
            )
          },
          [tableOf(20), indices, new Float32Array(16), null],
        )
        for (const { report, bindings } of results.flatMap((set) => [set.interpreter, ...set.results])) {
          expect(report).toEqual({ op: 9, index: bad, size: 20, position: 100 + 2 * position })
          expect((bindings[2] as Float32Array)[position]).toBe(0)
        }
      }
    }
  })

  test('rows by index, some beyond the end', () => {
    const table = Float32Array.from({ length: 5 * 32 }, (_, i) => i)
    const write = (b: LaneBuilder): void => {
      const [rows, x, y] = [b.buffer('rows', 'f32', 5 * 32), b.buffer('x', 'i32', 6), b.buffer('y', 'f32', 6 * 32)]
      b.errorCell()
      b.loop({ count: 6 }, (i) => {
        const row = b.readIndex(x, i, 5, 3)
        b.loop({ count: 32 / b.lanes, step: b.lanes }, (j) =>
          b.store(y, Affine.of(i).times(32).plus(j), b.load(rows, Affine.of(row).times(32).plus(j))),
        )
      })
    }
    const expected = (indices: number[]): Float32Array =>
      Float32Array.from({ length: 192 }, (_, i) => 32 * (indices[Math.floor(i / 32)] as number) + (i % 32))
    agree(write, [table, Int32Array.of(4, 0, 1, 1, 3, 2), new Float32Array(192), null], {
      2: expected([4, 0, 1, 1, 3, 2]),
    })
    agree(write, [table, Int32Array.of(4, 0, 1, 5, 3, 2), new Float32Array(192), null], {
      2: expected([4, 0, 1, 0, 3, 2]),
    })
    expect(
      runEverywhere(write, [table, Int32Array.of(4, 0, 1, -7, 3, 2), new Float32Array(192), null])[0]?.interpreter
        .report,
    ).toEqual({ op: 3, index: -7, size: 5, position: 3 })
  })
})

describe('control', () => {
  test('chunks with a ragged end, nested loops, division of the chunk number', () => {
    const [n, m] = [37, 5]
    const source = Float32Array.from({ length: n * m }, (_, i) => i)
    agree(
      (b) => {
        const [x, y] = [b.buffer('x', 'f32', n * m), b.buffer('y', 'f32', n * m)]
        const [block, column] = b.divide(b.chunk, m)
        b.loop({ begin: Affine.of(block).times(10), count: 10, limit: n }, (row) => {
          const at = Affine.of(row).times(m).plus(column)
          const within = b.range(0, 0, 1)
          b.store(y, at, b.mul(b.load(x, at, { within }), 2), { within })
        })
      },
      [source, new Float32Array(n * m)],
      { 1: source.map((x) => 2 * x) },
      { chunks: 4 * m },
    )
  })

  test('division by powers of two and others inside loops', () => {
    const divisors = [1, 2, 3, 8, 10]
    agree(
      (b) => {
        const y = b.buffer('y', 'i32', 100 * divisors.length * 2)
        const within = b.range(0, 0, 1)
        b.loop({ count: 100 }, (i) => {
          divisors.forEach((divisor, number) => {
            const [quotient, remainder] = b.divide(Affine.of(i).times(3).plus(4), divisor)
            const at = Affine.of(i).plus(number * 200)
            b.store(y, at, b.indexLanes(quotient, 0), { within })
            b.store(y, at.plus(100), b.indexLanes(remainder, 0), { within })
          })
        })
      },
      [new Int32Array(100 * divisors.length * 2)],
      {
        0: divisors.flatMap((d) => [
          ...Array.from({ length: 100 }, (_, i) => Math.floor((3 * i + 4) / d)),
          ...Array.from({ length: 100 }, (_, i) => (3 * i + 4) % d),
        ]),
      },
    )
  })

  test('when, with both ways', () => {
    agree(
      (b) => {
        const y = b.buffer('y', 'f32', 40)
        const within = b.range(0, 0, 1)
        b.loop({ count: 40 }, (i) =>
          b.when(
            Affine.of(i).minus(10),
            0,
            20,
            (inside) => b.store(y, Affine.of(inside).plus(10), b.toF32(b.indexLanes(inside, 0)), { within }),
            () => b.store(y, i, -1, { within }),
          ),
        )
      },
      [new Float32Array(40)],
      { 0: Array.from({ length: 40 }, (_, i) => (i >= 10 && i < 30 ? i - 10 : -1)) },
    )
  })

  test('what is read ahead may lie outside, and changes nothing', () => {
    agree(
      (b) => {
        const [x, y] = [b.buffer('x', 'f32', 32), b.buffer('y', 'f32', 32)]
        b.loop({ count: 32 / b.lanes, step: b.lanes }, (i) => {
          b.prefetch(x, Affine.of(i).plus(2 ** 20))
          b.store(y, i, b.load(x, i))
        })
      },
      [Float32Array.from({ length: 32 }, (_, i) => i), new Float32Array(32)],
      { 1: Float32Array.from({ length: 32 }, (_, i) => i) },
    )
  })

  test('turns of several rounds read what each round does, constants and strides included', () => {
    const values = Float32Array.from({ length: 2 * 77 }, (_, i) => i)
    const sum = (count: number): number => 3 * values.slice(0, count).reduce((total, x) => total + x, 0)
    agree(
      (b) => {
        const [x, y] = [b.buffer('x', 'f32', 2 * 77), b.buffer('y', 'f32', 1)]
        const total = b.variable(b.float(0))
        b.loop({ count: 77, hot: true }, (i) => {
          const pair = b.add(b.splat(x, Affine.of(i).times(2)), b.splat(x, Affine.of(i).times(2).plus(1)))
          b.set(total, b.fma(pair, b.float(3), total))
        })
        b.store(y, 0, total, { within: b.range(0, 0, 1) })
      },
      [values, new Float32Array(1)],
      { 1: [sum(2 * 77)] },
    )
  })

  test('loops whose limit leaves no round, and steps that are no powers of two', () => {
    agree(
      (b) => {
        const y = b.buffer('y', 'i32', 30)
        const within = b.range(0, 0, 1)
        b.loop({ begin: Affine.of(b.chunk).times(9), count: 3, step: 3, limit: 20 }, (i) => {
          b.store(y, i, b.indexLanes(i, 0), { within })
        })
      },
      [new Int32Array(30)],
      { 0: Array.from({ length: 30 }, (_, i) => (i < 20 && i % 3 === 0 ? i : 0)) },
      { chunks: 4 },
    )
  })

  test('scalar arguments', () => {
    agree(
      (b) => {
        const [y, s, n] = [b.buffer('y', 'f32', 16), b.scalar('s'), b.scalar('n', 'i32')]
        const value = b.add(b.readScalar(s), b.toF32(b.readScalar(n)))
        b.loop({ count: 16 / b.lanes, step: b.lanes }, (i) => b.store(y, i, value))
      },
      [new Float32Array(16), 0.25, -3],
      { 0: new Float32Array(16).fill(-2.75) },
    )
  })
})

describe('registers', () => {
  test('more sums than registers are spilled and right', () => {
    agree(
      (b) => {
        const [x, y] = [b.buffer('x', 'f32', 1024), b.buffer('y', 'f32', 45 * 16)]
        const sums = Array.from({ length: 45 }, (_, i) => b.variable(i))
        b.loop({ count: 1024 / b.lanes, step: b.lanes }, (i) => {
          const value = b.min(b.max(-100, b.load(x, i)), 100)
          for (const [number, sum] of sums.entries()) b.set(sum, b.fma(value, number + 0.5, sum))
        })
        for (const [number, sum] of sums.entries()) b.store(y, number * 16, sum)
      },
      [numbers, new Float32Array(45 * 16)],
    )
  })

  test('masks that are spilled', () => {
    elementwise((b, x, y, z) => {
      const masks = Array.from({ length: 12 }, (_, i) => b.lt(x, b.mul(y, i - 5)))
      return masks.reduce((sum, mask) => b.add(b.select(mask, sum, z), 1), x)
    })
  })

  test('spilling in a hot loop is an error', () => {
    const write = (b: LaneBuilder): void => {
      const x = b.buffer('x', 'f32', 1024)
      const sums = Array.from({ length: 33 }, () => b.variable(0))
      b.loop({ count: 1024 / b.lanes, step: b.lanes, hot: true }, (i) => {
        const value = b.load(x, i)
        for (const sum of sums) b.set(sum, b.fma(value, value, sum))
      })
      for (const sum of sums) b.store(x, 0, sum)
    }
    expect(() => runEverywhere(write, [new Float32Array(1024)])).toThrow(AllocationError)
  })

  test('a register that is read before it is set is an error', () => {
    const write = (b: LaneBuilder): void => {
      const x = b.buffer('x', 'f32', 64)
      const sum = b.variable(0)
      const value = b.add(b.load(x, 0), 1)
      b.set(sum, value)
      b.store(x, 0, value)
    }
    expect(() => runEverywhere(write, [new Float32Array(64)])).toThrow('read before it is set')
  })

  test('more pointers than registers', () => {
    const count = 20
    const sources = Array.from({ length: count }, (_, i) => Float32Array.from({ length: 64 }, (_, j) => 100 * i + j))
    agree(
      (b) => {
        const buffers = sources.map((_, i) => b.buffer(`x${i}`, 'f32', 64))
        const out = b.buffer('out', 'f32', 64)
        b.loop({ count: 64 / 16, step: 16 }, (i) =>
          b.loop({ count: 16 / b.lanes, step: b.lanes }, (j) => {
            const at = Affine.of(i).plus(j)
            b.store(
              out,
              at,
              buffers.map((x) => b.load(x, at)).reduce((sum, value) => b.add(sum, value)),
            )
          }),
        )
      },
      [...sources, new Float32Array(64)],
      { [count]: Float32Array.from({ length: 64 }, (_, j) => 100 * 190 + 20 * j) },
    )
  })
})
