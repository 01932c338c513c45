import type { Target, Unavailable } from './device.ts'

/** Where `runtime/native` cannot be loaded: in browsers. */
export function nativeTarget(): Target | Unavailable {
  return { reason: 'only Node can call it' }
}
