import { beforeEach, describe, expect, test } from 'vitest'
import { writeAt } from '../graph/ops/write-at.ts'
import { compile, IndexError, nn, type Tensor, tensor, zeros } from '../index.ts'
import { wrap } from '../tensor/base.ts'
import { device } from './device.ts'

/* A leaf that gets a new version with one column replaced is changed where it lies, and nobody can tell. */

const [rows, columns] = [3, 5]
let leaf: nn.Buffer
/** What the leaf holds. */
let wanted: number[]

beforeEach(() => {
  leaf = new nn.Buffer(zeros([rows, columns]))
  wanted = new Array<number>(rows * columns).fill(0)
})

/** To be called while recording. */
function write(column: Tensor, at: Tensor): void {
  leaf.assign(wrap(writeAt(leaf.node, column.node, at.node, 1)))
}

/** Arguments that write `value` to column `at`, which is what is wanted then. */
function given(value: number, at: number): [column: Tensor, at: Tensor] {
  for (let r = 0; r < rows; r++) wanted[r * columns + at] = value + r
  return [
    tensor(
      Float32Array.from({ length: rows }, (_, r) => value + r),
      { shape: [rows, 1] },
    ),
    tensor(Int32Array.of(at)),
  ]
}

const valuesOf = async (x: Tensor): Promise<number[]> => Array.from(await x.data())
const memory = (): unknown => leaf.node.value

describe('a leaf with a part of it replaced', () => {
  test('stays where it is while nobody else looks', async () => {
    const step = compile((column: Tensor, at: Tensor) => {
      write(column, at)
      return leaf.sum()
    })
    let before: unknown
    for (let i = 0; i < 12; i++) {
      before = memory()
      const total = await step(...given(i, i % columns)).item()
      expect(total).toBe(wanted.reduce((a, b) => a + b))
      // The first versions were recorded, which anybody may still ask for.
      if (i > 2 && device().name === 'native') expect(memory()).toBe(before)
    }
    expect(await valuesOf(leaf)).toEqual(wanted)
  })

  test('leaves alone what was recorded from it, and what was asked for', async () => {
    const step = compile(write)
    for (let i = 0; i < 5; i++) step(...given(i, i))
    const then = [...wanted]
    const detached = leaf.detach()
    const twice = leaf.mul(2)
    const more = twice.add(1)
    step(...given(10, 0))
    expect(await valuesOf(more)).toEqual(then.map((x) => 2 * x + 1))
    expect(await valuesOf(twice)).toEqual(then.map((x) => 2 * x))
    expect(await valuesOf(detached)).toEqual(then)
    const now = [...wanted]
    const asked = leaf.data()
    step(...given(20, 1))
    const later = leaf.toArray()
    step(...given(30, 2))
    step(...given(40, 2))
    expect(Array.from(await asked)).toEqual(now)
    expect(((await later) as number[][])[0]![1]).toBe(20)
    expect(await valuesOf(leaf)).toEqual(wanted)
  })

  test('leaves alone tensors that it is the memory of', async () => {
    const step = compile((column: Tensor, at: Tensor, other: Tensor) => {
      write(column, at)
      return other.add(leaf)
    })
    for (let i = 0; i < 6; i++) {
      const then = [...wanted]
      const sum = step(...given(i, i % 3), leaf)
      expect(await valuesOf(sum)).toEqual(wanted.map((x, j) => x + then[j]!))
    }
  })

  test('is read as it was by what was recorded before the assignment', async () => {
    const step = compile((column: Tensor, at: Tensor) => {
      const before = leaf.mul(3)
      write(column, at)
      return before.add(leaf)
    })
    for (let i = 0; i < 6; i++) {
      const then = [...wanted]
      expect(await valuesOf(step(...given(i, i % 3)))).toEqual(wanted.map((x, j) => x + 3 * then[j]!))
    }
  })

  test.each(['before', 'after'])('is as it was when the run fails %s the part is written', async (when) => {
    const table = tensor([[1], [2], [3]])
    const step = compile((index: Tensor, at: Tensor) => {
      const found = table.at(index)
      // Either the part depends on what may fail, or what may fail depends on the part.
      if (when === 'before') write(found, at)
      else write(index.to('float32').unsqueeze(1).mul(0).add(1), at)
      return when === 'before' ? leaf.sum() : table.at(index.add(leaf.sum().mul(0).to('int32')))
    })
    const good = tensor(Int32Array.of(0, 1, 2))
    for (let i = 0; i < 5; i++) step(good, tensor(Int32Array.of(i % 3)))
    const then = await valuesOf(leaf)
    expect(() => step(tensor(Int32Array.of(0, 1, 3)), tensor(Int32Array.of(4)))).toThrow(IndexError)
    expect(await valuesOf(leaf)).toEqual(then)
    step(good, tensor(Int32Array.of(3)))
    expect((await valuesOf(leaf)).filter((x) => x !== 0)).toHaveLength(4 * rows)
  })

  test('gives way when it is assigned otherwise in between', async () => {
    const step = compile(write)
    for (let i = 0; i < 8; i++) {
      step(...given(i, i % columns))
      if (i % 2 === 0) continue
      leaf.assign(leaf.mul(2))
      wanted = wanted.map((x) => 2 * x)
    }
    expect(await valuesOf(leaf)).toEqual(wanted)
  })
})
