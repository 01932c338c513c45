import type { TypedArray } from '../core/dtype.ts'
import { ValueError } from '../core/errors.ts'
import type { GradSlot, Node } from '../graph/node.ts'

/**
 * What a function does beside recording, as long as it is being captured: compile(fn) has to do it again each time. Whoever
 * draws random numbers, touches gradients or computes run-time numbers while recording reports it here.
 */
export interface Capture {
  /** Keys of random calls, in their order, and how to draw the next. */
  readonly keys: Map<Node, () => TypedArray>
  /** Gradient slots, and what was in them when they were first looked at; `overwritten` where that was not read. */
  readonly slots: Map<GradSlot, { readonly entry: Node | undefined; readonly overwritten: boolean }>
  readonly steps: RepeatableStep[]
}

/** A part of the function whose numbers depend on what changes outside of it: an optimizer's step. */
export interface RepeatableStep {
  /** The nodes of these numbers. */
  readonly scalars: readonly Node[]
  /** Goes one step on and gives the numbers of that step. Throws `Otherwise` where it would be recorded otherwise. */
  advance(): readonly number[]
  /** Takes back the last {@link advance}. */
  undo(): void
}

let current: Capture | undefined

/** The capture under way. */
export function capturing(): Capture | undefined {
  return current
}

/** Runs `fn` and reports what it does. */
export function capture<T>(fn: () => T): { readonly value: T; readonly captured: Capture } {
  const before = current
  const captured: Capture = { keys: new Map(), slots: new Map(), steps: [] }
  current = captured
  try {
    return { value: fn(), captured }
  } finally {
    current = before
  }
}

/** To be called before a gradient is looked at or replaced; `overwrites` where what is there does not matter. */
export function touchSlot(slot: GradSlot, overwrites = false): void {
  if (current && !current.slots.has(slot)) current.slots.set(slot, { entry: slot.grad, overwritten: overwrites })
}

/** To be called before a value is looked at: what is captured has none. */
export function refuseToRead(): void {
  if (!current) return
  throw new ValueError(
    'compile',
    'the function reads a value (item, data, toArray, a boolean mask ...) while it is captured; return the tensor and read it outside',
  )
}

let epoch = 0

/** Changes when what was captured may have been recorded otherwise now: training or evaluation, another optimizer state, another device. */
export function structureEpoch(): number {
  return epoch
}

/** Tells that what was captured before has to be captured again. */
export function changeStructure(): void {
  epoch++
}
