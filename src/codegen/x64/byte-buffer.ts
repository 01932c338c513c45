/** A growing run of machine code with labels and a pool of constants behind the code. */
import { type Label, memAt, type Mem } from './operands.ts'

/** A 32-bit distance that is filled in at the end: from `end` (the next instruction) to `label + addend`. */
interface Fixup {
  readonly at: number
  readonly end: number
  readonly label: number
  readonly addend: number
}

/** A displacement of 32 bits that is larger by `step` each time the code is written again. */
interface Growing {
  readonly at: number
  readonly step: number
}

export class ByteBuffer {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024)
  #length = 0
  readonly #fixups: Fixup[] = []
  readonly #growing: Growing[] = []
  /** Offset of each label; −1: not yet bound. */
  readonly #labels: number[] = []
  readonly #constants = new Map<string, { label: Label; bytes: Uint8Array }>()

  /** Bytes written so far. */
  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    if (this.#length === this.#bytes.length) this.#reserve(this.#length + 1)
    this.#bytes[this.#length++] = value
  }

  #reserve(length: number): void {
    if (length <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(length, 2 * this.#bytes.length))
    grown.set(this.#bytes)
    this.#bytes = grown
  }

  /** The low `count` bytes of a word, the lowest one first. */
  bytes(word: number, count: number): void {
    this.#reserve(this.#length + count)
    for (let shift = 0; shift < 8 * count; shift += 8) this.#bytes[this.#length++] = word >> shift
  }

  u32(value: number): void {
    this.bytes(value, 4)
  }

  raw(bytes: ArrayLike<number>): void {
    for (let i = 0; i < bytes.length; i++) this.u8(bytes[i] as number)
  }

  /** A new place in the code, not yet bound. */
  label(): Label {
    this.#labels.push(-1)
    return { kind: 'label', id: this.#labels.length - 1 }
  }

  /** The label stands for what is written next. */
  bind(label: Label): void {
    if (this.#labels[label.id] !== -1) throw new Error(`label ${label.id} is bound twice`)
    this.#labels[label.id] = this.#length
  }

  /** A new label at this place. */
  here(): Label {
    const label = this.label()
    this.bind(label)
    return label
  }

  /** Offset of a bound label; −1: not yet bound. */
  offsetOf(label: Label): number {
    return this.#labels[label.id] ?? -1
  }

  /** Writes the 32-bit distance to a label; `bytesAfter` bytes of the same instruction follow it. */
  relative(label: Label, addend: number, bytesAfter: number): void {
    this.#fixups.push({ at: this.#length, end: this.#length + 4 + bytesAfter, label: label.id, addend })
    this.u32(0)
  }

  /** The displacement that is written next grows by so many bytes from one repetition of the code to the next. */
  grows(step: number): void {
    this.#growing.push({ at: this.#length, step })
  }

  /** Writes the code from an offset on again, until it stands there `times` times. It is a piece that nothing jumps into or out of. */
  repeat(from: number, times: number): void {
    const length = this.#length - from
    this.#reserve(this.#length + length * (times - 1))
    const view = new DataView(this.#bytes.buffer)
    const fixups = this.#fixups.filter(({ at }) => at >= from)
    for (let i = 1; i < times; i++) {
      const shift = i * length
      this.#bytes.copyWithin(from + shift, from, from + length)
      for (const { at, step } of this.#growing) view.setInt32(at + shift, view.getInt32(at, true) + i * step, true)
      for (const { at, end, label, addend } of fixups) {
        const inside = this.#labels[label]! >= from
        this.#fixups.push({ at: at + shift, end: end + shift, label, addend: inside ? addend + shift : addend })
      }
    }
    this.#growing.length = 0
    this.#length += length * (times - 1)
  }

  /** Fills with no-operations up to a multiple of `alignment`. */
  align(alignment: number): void {
    let missing = (alignment - (this.#length % alignment)) % alignment
    while (missing > 0) {
      const nop = nops[Math.min(missing, nops.length) - 1] as readonly number[]
      this.raw(nop)
      missing -= nop.length
    }
  }

  /** A constant in the pool, addressed relative to the instruction pointer; equal constants are stored once, aligned to 64 bytes. */
  constant(data: ArrayBufferView): Mem {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
    const key = bytes.join()
    let entry = this.#constants.get(key)
    if (!entry) {
      entry = { label: this.label(), bytes }
      this.#constants.set(key, entry)
    }
    return memAt(entry.label)
  }

  /** The finished code: constants appended, all distances filled in. It runs at any address that is a multiple of 64. */
  finish(): Uint8Array<ArrayBuffer> {
    for (const { label, bytes } of [...this.#constants.values()].sort((a, b) => b.bytes.length - a.bytes.length)) {
      const alignment = Math.min(64, 2 ** Math.ceil(Math.log2(Math.max(4, bytes.length))))
      while (this.#length % alignment > 0) this.u8(0xcc)
      this.bind(label)
      this.raw(bytes)
    }
    this.#constants.clear()
    const view = new DataView(this.#bytes.buffer)
    for (const { at, end, label, addend } of this.#fixups) {
      const target = this.#labels[label]
      if (target === undefined || target < 0) throw new Error(`label ${label} is used but never bound`)
      view.setInt32(at, target + addend - end, true)
    }
    return this.#bytes.slice(0, this.#length)
  }
}

/** The recommended no-operations of 1 to 9 bytes (Intel SDM volume 2, NOP). */
const nops: readonly (readonly number[])[] = [
  [0x90],
  [0x66, 0x90],
  [0x0f, 0x1f, 0x00],
  [0x0f, 0x1f, 0x40, 0x00],
  [0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x44, 0x00, 0x00],
  [0x0f, 0x1f, 0x80, 0x00, 0x00, 0x00, 0x00],
  [0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
  [0x66, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00],
]
