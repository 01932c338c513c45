import { spawnSync } from 'node:child_process'
import { fromRoot } from './paths.ts'
import { Side } from './side.ts'

/** Something that Gradus is compared with. */
export interface Peer {
  readonly name: string
  start(): Side
}

export interface PeerOptions {
  /** Python interpreter with torch. */
  readonly python: string
}

const starters: Readonly<Record<string, (options: PeerOptions) => Side>> = {
  pytorch: ({ python }) => new Side(python, [fromRoot('bench/peers/pytorch.py')]),
  tfjs: () => new Side(process.execPath, [fromRoot('bench/peers/tfjs.js')]),
  jax: () => new Side(process.execPath, [fromRoot('bench/peers/jax.js')]),
}

export const peerNames: readonly string[] = Object.keys(starters)

/** The peers of these names. Throws for an unknown one. */
export function peersNamed(names: readonly string[], options: PeerOptions): Peer[] {
  return names.map((name) => {
    const start = starters[name]
    if (!start) throw new Error(`--peers: no peer '${name}'; there are ${peerNames.join(', ')}`)
    return { name, start: () => start(options) }
  })
}

/** Whether this interpreter exists and has torch. */
export function hasTorch(python: string): boolean {
  return spawnSync(python, ['-c', 'import torch'], { stdio: 'ignore' }).status === 0
}
