import fc from 'fast-check'
import { expect, test } from 'vitest'
import { runEverywhere } from '../../../test/native/run-lane.ts'
import { Affine } from '../../lane/affine.ts'
import type { LaneBuilder } from '../../lane/builder.ts'
import type { BufferParameter, Register, Value } from '../../lane/program.ts'

/**
 * Random programs: nested loops that carry variables, conditions, masks, all types of buffers, far more values alive than registers. The
 * choices come from a list of numbers, so that fast-check can shrink a failure.
 */
class Writer {
  readonly #b: LaneBuilder
  readonly #choices: readonly number[]
  #at = 0
  readonly #floats: Register[] = []
  readonly #ints: Register[] = []
  readonly #masks: Register[] = []
  readonly #variables: Register[] = []
  readonly #buffers: BufferParameter[]
  #where: Affine

  constructor(b: LaneBuilder, choices: readonly number[]) {
    this.#b = b
    this.#choices = choices
    this.#buffers = (['f32', 'i32', 'u8', 'f16', 'bf16'] as const).map((type) => b.buffer(type, type, LENGTH))
    this.#where = Affine.of(b.chunk).times(16)
  }

  write(): void {
    const b = this.#b
    for (let i = 0; i < 6; i++) this.#variables.push(b.variable(this.#below(9) - 4))
    this.#block(3, 12 + this.#below(60))
    const out = b.buffer('out', 'f32', OUT)
    const results = [...this.#variables, ...this.#floats]
    const sum = results.reduce((a, value) => b.add(b.mul(a, 0.5), b.min(b.max(-1e6, value), 1e6)))
    // Widths differ between targets, so only the first 8 lanes are looked at.
    b.store(out, Affine.of(b.chunk).times(8), sum, { within: b.range(0, 0, 8) })
  }

  #below(bound: number): number {
    const choice = this.#choices[this.#at++ % this.#choices.length] as number
    return (choice + this.#at * 7) % bound
  }

  #pick<T>(list: readonly T[]): T {
    return list[this.#below(list.length)] as T
  }

  #float(): Value {
    if (this.#floats.length === 0 || this.#below(6) === 0) return this.#b.float(this.#below(7) - 3 + 0.25)
    return this.#below(4) === 0 ? this.#pick(this.#variables) : this.#pick(this.#floats)
  }

  #int(): Value {
    return this.#ints.length === 0 || this.#below(6) === 0
      ? this.#b.int(this.#below(1000) - 500)
      : this.#pick(this.#ints)
  }

  #block(depth: number, statements: number): void {
    const known = [this.#floats.length, this.#ints.length, this.#masks.length] as const
    for (let i = 0; i < statements; i++) this.#statement(depth)
    // What was defined inside a loop is not read outside.
    if (depth < 3) {
      this.#floats.length = known[0]
      this.#ints.length = known[1]
      this.#masks.length = known[2]
    }
  }

  #statement(depth: number): void {
    const b = this.#b
    switch (this.#below(depth > 0 ? 16 : 14)) {
      case 0:
      case 1:
        this.#floats.push(
          b[this.#pick(['add', 'sub', 'mul', 'min', 'max', 'div'] as const)](this.#float(), this.#float()),
        )
        break
      case 2:
      case 3:
        this.#floats.push(b[this.#pick(['fma', 'fnma'] as const)](this.#float(), this.#float(), this.#float()))
        break
      case 4:
        b.set(this.#pick(this.#variables), b.fma(this.#float(), 0.125, this.#pick(this.#variables)))
        break
      case 5:
        this.#floats.push(b[this.#pick(['abs', 'neg', 'round', 'floor', 'sqrt'] as const)](this.#float()))
        break
      case 6:
        this.#ints.push(b[this.#pick(['iadd', 'isub', 'imul', 'ixor', 'imin'] as const)](this.#int(), this.#int()))
        break
      case 7:
        this.#ints.push(b[this.#pick(['shl', 'shr', 'sar', 'rotl'] as const)](this.#int(), this.#below(32)))
        break
      case 8:
        this.#masks.push(b[this.#pick(['lt', 'le', 'eq', 'ne'] as const)](this.#float(), this.#float()))
        break
      case 9:
        this.#masks.push(b[this.#pick(['ilt', 'ieq'] as const)](this.#int(), this.#int()))
        break
      case 10:
        if (this.#masks.length > 0) this.#floats.push(b.select(this.#pick(this.#masks), this.#float(), this.#float()))
        break
      case 11:
        if (this.#masks.length > 1) {
          this.#masks.push(b.mand(this.#pick(this.#masks), b.mnot(this.#pick(this.#masks))))
        }
        break
      case 12:
        this.#load()
        break
      case 13:
        this.#ints.push(b.indexLanes(this.#where, this.#below(4)))
        this.#floats.push(b.toF32(this.#int()))
        break
      case 14:
        this.#loop(depth)
        break
      default:
        b.when(
          this.#where,
          this.#below(20),
          20 + this.#below(40),
          () => this.#block(depth - 1, this.#below(6)),
          () => this.#block(depth - 1, this.#below(4)),
        )
    }
  }

  #loop(depth: number): void {
    const outer = this.#where
    const [count, step] = [1 + this.#below(3), 1 + this.#below(3)]
    this.#b.loop({ count, step, begin: this.#below(3), limit: 6 }, (variable) => {
      this.#where = outer.plus(variable)
      this.#block(depth - 1, 1 + this.#below(10))
    })
    this.#where = outer
  }

  #load(): void {
    const b = this.#b
    const buffer = this.#pick(this.#buffers)
    const within = this.#below(3) === 0 ? { at: this.#where, low: this.#below(9), high: 9 + this.#below(60) } : null
    const laneStride = within ? 1 : this.#pick([0, 1, 2])
    const value = b.load(buffer, this.#where, { laneStride, within })
    if (value.type === 'f32') this.#floats.push(b.min(b.max(-50, value), 50))
    else this.#ints.push(value)
  }
}

const LENGTH = 128
const OUT = 24
const inputs = [
  Float32Array.from({ length: LENGTH }, (_, i) => Math.sin(i) * 4),
  Int32Array.from({ length: LENGTH }, (_, i) => Math.imul(i, 0x9e3779b1)),
  Uint8Array.from({ length: LENGTH }, (_, i) => i * 37),
  Uint16Array.from({ length: LENGTH }, (_, i) => 0x3800 + i * 9),
  Uint16Array.from({ length: LENGTH }, (_, i) => 0x3f00 + i),
  new Float32Array(OUT),
]

test('random programs leave the same bits in every machine as in the interpreter', () => {
  let nonZero = 0
  fc.assert(
    fc.property(fc.array(fc.nat(1 << 20), { minLength: 20, maxLength: 400 }), (choices) => {
      for (const { interpreter, results } of runEverywhere((b) => new Writer(b, choices).write(), inputs, {
        chunks: 3,
      })) {
        const wanted = interpreter.bindings[5] as Float32Array
        if (wanted.some((x) => x !== 0)) nonZero++
        for (const { name, bindings } of results) {
          expect([name, ...(bindings[5] as Float32Array)]).toEqual([name, ...wanted])
        }
      }
    }),
    { numRuns: 100, seed: 20240607 },
  )
  expect(nonZero).toBeGreaterThan(130)
})
