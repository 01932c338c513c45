import type { DType } from '../core/dtype.ts'
import { staleError } from '../graph/interpret.ts'
import type { Attrs, Node, Op } from '../graph/node.ts'
import { scalarOp } from '../graph/ops/leaves.ts'

/**
 * Which plan serves a realisation. In every training step the whole graph is described again, so this is written for speed:
 * a description is a row of 32-bit words, nodes are numbered by a mark of their own, and nothing is allocated per node.
 * Composites stand for themselves: what they decompose into follows from their op, settings and inputs.
 */

/** What a run reads, in an order that depends on the structure alone, and that structure as words. */
export interface Structure {
  /** Nodes of this structure, and no others, have a greater mark. */
  readonly start: number
  /** Realised nodes that the roots read. */
  readonly leaves: readonly Node[]
  /** Nodes of the numbers that may change from run to run. */
  readonly scalars: readonly Node[]
  /** Equal for graphs that one plan serves, and for no others. Overwritten by the next description: keep a copy. */
  readonly words: Int32Array
  /** A hash of the words, before the next description. */
  hash(): number
}

/** On the stack: everything that the node below this mark needs has been described. */
const finished = Symbol('finished')

/** The last number given to a node, in any walk. */
let lastMark = 0

/** Describes what has to be computed for `roots`. `context` is whatever else plans depend on. */
export function structureOf(roots: readonly Node[], context = 0): Structure {
  const start = lastMark
  const leaves: Node[] = []
  const scalars: Node[] = []
  text.begin(context)
  const describeLeaf = (node: Node): void => {
    if (node.mark > start) return
    node.mark = ++lastMark
    leaves.push(node)
    text.put(leafWord)
    text.type(node)
  }
  for (const root of roots) if (root.value) describeLeaf(root)
  const stack: (Node | typeof finished)[] = roots.toReversed()
  while (stack.length > 0) {
    const top = stack.pop()!
    if (top !== finished) {
      if (top.value || top.mark > start) continue
      if (top.stale) throw staleError()
      top.mark = ++lastMark
      stack.push(top, finished)
      for (let i = 0; i < top.inputs.length; i++) stack.push(top.inputs[i]!)
      continue
    }
    const node = stack.pop() as Node
    const { op, inputs } = node
    for (let i = 0; i < inputs.length; i++) if (inputs[i]!.value) describeLeaf(inputs[i]!)
    text.put(numberOf(op))
    text.put(node.mark - start)
    if (op === scalarOp) scalars.push(node)
    else text.attrs(node.attrs)
    text.type(node)
    for (let i = 0; i < inputs.length; i++) text.put(inputs[i]!.mark - start)
    text.put(endWord)
  }
  text.put(rootsWord)
  for (const root of roots) text.put(root.mark - start)
  return { start, leaves, scalars, words: text.words(), hash }
}

/** Whether two descriptions are the same, word for word. */
export function sameWords(a: Int32Array, b: Int32Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Words that stand for themselves are not negative (numbers of nodes, ops and names) or are what a tag announces. */
const leafWord = -1
const endWord = -2
const rootsWord = -11
const tag = { integer: -3, number: -4, text: -5, true: -6, false: -7, nothing: -8, list: -9, object: -10 } as const

const ops = new WeakMap<Op, number>()
let knownOps = 0

function numberOf(op: Op): number {
  let number = ops.get(op)
  if (number === undefined) {
    number = knownOps++
    ops.set(op, number)
  }
  return number
}

const names = new Map<string, number>()

function numberOfName(name: string): number {
  let number = names.get(name)
  if (number === undefined) {
    number = names.size
    names.set(name, number)
  }
  return number
}

// biome-ignore format: one line says it.
const dtypeNumbers: Readonly<Record<DType, number>> = { float32: 0, float64: 1, float16: 2, bfloat16: 3, int32: 4, uint8: 5, bool: 6 }

const bits = new DataView(new ArrayBuffer(8))

/** Words that grow as a graph is described; one for all walks, since none begins before the last has ended. */
class Description {
  private buffer = new Int32Array(4096)
  private length = 0

  begin(context: number): void {
    this.length = 0
    this.put(context)
  }

  put(word: number): void {
    if (this.length === this.buffer.length) {
      const longer = new Int32Array(2 * this.length)
      longer.set(this.buffer)
      this.buffer = longer
    }
    this.buffer[this.length++] = word
  }

  type({ shape, dtype }: Node): void {
    this.put(dtypeNumbers[dtype])
    this.put(shape.length)
    for (let d = 0; d < shape.length; d++) this.put(shape[d]!)
  }

  /** Settings, name by name. Functions are left out: they say how to differentiate, never what the value is. */
  attrs(attrs: Attrs): void {
    const at = this.length
    this.put(0)
    let count = 0
    for (const name in attrs) {
      this.put(numberOfName(name))
      this.value((attrs as Readonly<Record<string, unknown>>)[name])
      count++
    }
    this.buffer[at] = count
  }

  value(value: unknown): void {
    if (typeof value === 'number') this.number(value)
    else if (typeof value === 'string') {
      this.put(tag.text)
      this.put(numberOfName(value))
    } else if (typeof value === 'boolean') this.put(value ? tag.true : tag.false)
    else if (Array.isArray(value)) {
      this.put(tag.list)
      this.put(value.length)
      for (const item of value) this.value(item)
    } else if (typeof value === 'object' && value !== null) {
      this.put(tag.object)
      this.attrs(value)
    } else this.put(tag.nothing)
  }

  number(value: number): void {
    if (value === (value | 0) && !Object.is(value, -0)) {
      this.put(tag.integer)
      this.put(value)
      return
    }
    bits.setFloat64(0, value)
    this.put(tag.number)
    this.put(bits.getInt32(0))
    this.put(bits.getInt32(4))
  }

  words(): Int32Array {
    return this.buffer.subarray(0, this.length)
  }

  /** FNV-1a over whole words. */
  hash(): number {
    let hash = 0x811c9dc5
    for (let i = 0; i < this.length; i++) hash = Math.imul(hash ^ this.buffer[i]!, 0x01000193)
    return hash
  }
}

const text = new Description()
const hash = (): number => text.hash()
