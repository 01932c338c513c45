import type { Target } from './device.ts'

/** Where `runtime/native` cannot be loaded: in browsers. */
export function nativeTarget(): Target | { readonly reason: string } {
  return { reason: 'only Node can call it' }
}
