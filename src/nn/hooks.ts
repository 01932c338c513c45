import type { Module } from './module.ts'

/** Taken out again with `remove()`. */
export interface HookHandle {
  remove(): void
}

/** Sees the inputs before `forward` runs; an array that it returns takes their place. */
export type ForwardPreHook<Inputs extends readonly unknown[]> = (
  module: Module,
  inputs: Inputs,
) => readonly [...Inputs] | undefined

/** Sees inputs and output after `forward` ran; anything but undefined that it returns takes the output's place. */
export type ForwardHook<Inputs extends readonly unknown[], Output> = (
  module: Module,
  inputs: Inputs,
  output: Output,
) => Output | undefined

type AnyForward = (...inputs: readonly unknown[]) => unknown

interface Hooks {
  readonly before: Set<ForwardPreHook<readonly unknown[]>>
  readonly after: Set<ForwardHook<readonly unknown[], unknown>>
}

const hooksOf = new WeakMap<Module, Hooks>()

/**
 * The hooks of `module`. While it has any, an own property `forward` that calls them hides the one of its class, so that
 * modules without hooks pay nothing.
 */
function install(module: Module): Hooks {
  const known = hooksOf.get(module)
  if (known) return known
  const hooks: Hooks = { before: new Set(), after: new Set() }
  hooksOf.set(module, hooks)
  const own = Object.getOwnPropertyDescriptor(module, 'forward')
  const forward = module.forward as AnyForward
  const value = (...given: readonly unknown[]): unknown => {
    let inputs = given
    for (const hook of [...hooks.before]) inputs = hook(module, inputs) ?? inputs
    let output = forward.apply(module, inputs as unknown[])
    for (const hook of [...hooks.after]) output = hook(module, inputs, output) ?? output
    return output
  }
  Object.defineProperty(module, 'forward', { value, configurable: true, writable: true, enumerable: false })
  restorers.set(hooks, () => {
    if (own) Object.defineProperty(module, 'forward', own)
    else delete (module as { forward?: unknown }).forward
    hooksOf.delete(module)
  })
  return hooks
}

const restorers = new WeakMap<Hooks, () => void>()

function handle<T>(hooks: Hooks, set: Set<T>, hook: T): HookHandle {
  return {
    remove() {
      if (set.delete(hook) && hooks.before.size + hooks.after.size === 0) restorers.get(hooks)?.()
    },
  }
}

export function addPreHook(module: Module, hook: ForwardPreHook<readonly unknown[]>): HookHandle {
  const hooks = install(module)
  const own: typeof hook = (...args) => hook(...args)
  hooks.before.add(own)
  return handle(hooks, hooks.before, own)
}

export function addHook(module: Module, hook: ForwardHook<readonly unknown[], unknown>): HookHandle {
  const hooks = install(module)
  const own: typeof hook = (...args) => hook(...args)
  hooks.after.add(own)
  return handle(hooks, hooks.after, own)
}
