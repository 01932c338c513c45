/** The way to C: the optional package `koffi`, and the functions of libc that the runtime needs. */
import { createRequire } from 'node:module'
import type { Unavailable } from '../device.ts'

/** The part of koffi that is used here, so that nothing depends on its types where it is not installed. */
interface Koffi {
  load(path: null): { func(name: string, result: string, parameters: readonly string[]): CFunction }
  proto(result: string, parameters: readonly string[]): unknown
  decode(pointer: bigint, type: unknown): CFunction
  address(memory: ArrayBufferView | ArrayBufferLike): bigint
  view(pointer: bigint, length: number): ArrayBuffer
}

export type CValue = number | bigint | null | ArrayBufferView

/** A C function: called synchronously, or on a thread of libuv's pool by `async`. */
export interface CFunction {
  (...values: CValue[]): number | bigint
  async(...values: [...CValue[], (error: Error | null, result: number | bigint) => void]): void
}

export interface Ffi {
  /** A function of libc. Types are C's (`void *`, `int`, `size_t` ...). */
  libc(name: string, result: string, ...parameters: string[]): CFunction
  /** A function at an address. Whoever calls it keeps its code mapped. */
  functionAt(address: number, result: string, ...parameters: string[]): CFunction
  /** Address of the first byte. */
  addressOf(memory: ArrayBufferLike): number
  /** Foreign memory as an ArrayBuffer; it must stay mapped as long as the result is in use. */
  view(address: number, length: number): ArrayBuffer
}

let loaded: Ffi | Unavailable | null = null

/** Loads koffi once; says why not where it cannot. */
export function loadFfi(): Ffi | Unavailable {
  loaded ??= tryLoad()
  return loaded
}

/** As `loadFfi`, for callers that have checked before. */
export function ffi(): Ffi {
  const result = loadFfi()
  if ('reason' in result) throw new Error(result.reason)
  return result
}

function tryLoad(): Ffi | Unavailable {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    return { reason: `machine code runs on linux-x64 only, this is ${process.platform}-${process.arch}` }
  }
  let koffi: Koffi
  try {
    koffi = createRequire(import.meta.url)('koffi') as Koffi
  } catch (error) {
    const [firstLine] = String((error as Error).message).split('\n')
    return { reason: `the optional package 'koffi' does not load (${firstLine})`, remedy: 'npm install koffi' }
  }
  const process_ = koffi.load(null)
  return {
    libc: (name, result, ...parameters) => process_.func(name, result, parameters),
    functionAt: (address, result, ...parameters) => koffi.decode(BigInt(address), koffi.proto(result, parameters)),
    addressOf: (memory) => Number(koffi.address(memory)),
    view: (address, length) => koffi.view(BigInt(address), length),
  }
}
