/** How many threads this process should use: physical cores that it may run on, within the limits of its control group. */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { ValueError } from '../../core/errors.ts'
import { MAX_THREADS } from './driver-code.ts'

/** Text of a file, or `null` where it cannot be read. */
export type ReadText = (path: string) => string | null

const readText: ReadText = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

/**
 * Physical cores within affinity and cgroup `cpu.max`; at least 1. A quota of 2.5 processors gives 2: a thread that is throttled in the
 * middle of a phase makes all others wait.
 */
export function usableCores(read: ReadText = readText): number {
  const allowed = parseCpuList(/^Cpus_allowed_list:\s*(\S+)/m.exec(read('/proc/self/status') ?? '')?.[1] ?? '')
  const cores = new Set(
    allowed.map((cpu) => {
      const siblings = read(`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`)
      return siblings?.trim() ?? String(cpu)
    }),
  )
  const physical = cores.size || availableParallelism()
  return Math.max(1, Math.min(physical, Math.floor(cgroupQuota(read))))
}

/**
 * As many threads as `GRADUS_THREADS` says, else {@link usableCores}.
 *
 * @throws ValueError where `GRADUS_THREADS` is not a whole number from 1 to 255
 */
export function defaultThreads(wanted: string | undefined = process.env['GRADUS_THREADS']): number {
  if (wanted === undefined || wanted === '') return usableCores()
  const threads = Number(wanted)
  if (Number.isInteger(threads) && threads >= 1 && threads <= MAX_THREADS) return threads
  throw new ValueError('GRADUS_THREADS', `expected a whole number from 1 to ${MAX_THREADS}, received '${wanted}'`)
}

/** `0-3,8` → 0, 1, 2, 3, 8 */
export function parseCpuList(list: string): number[] {
  const cpus: number[] = []
  for (const range of list.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range)
    if (!match) continue
    const first = Number(match[1])
    for (let cpu = first; cpu <= Number(match[2] ?? first); cpu++) cpus.push(cpu)
  }
  return cpus
}

/** Processors' worth of time that the control group and its ancestors allow; Infinity without a limit. */
function cgroupQuota(read: ReadText): number {
  const groups = read('/proc/self/cgroup') ?? ''
  const unified = /^0::(\S*)/m.exec(groups)?.[1]
  const cpu = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(\S*)/m.exec(groups)?.[1]
  const quotas = [Number.POSITIVE_INFINITY]
  for (const folder of ancestors(unified ?? '/')) {
    const [quota, period] = (read(`/sys/fs/cgroup${folder}/cpu.max`) ?? '').trim().split(/\s+/).map(Number)
    if (quota && period) quotas.push(quota / period)
  }
  for (const folder of ancestors(cpu ?? '/')) {
    const quota = Number(read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_quota_us`) ?? -1)
    const period = Number(read(`/sys/fs/cgroup/cpu${folder}/cpu.cfs_period_us`) ?? 0)
    if (quota > 0 && period > 0) quotas.push(quota / period)
  }
  return Math.min(...quotas)
}

/** `/a/b` → `/a/b`, `/a`, and the empty path of the root. */
function ancestors(path: string): string[] {
  const parts = path.split('/').filter(Boolean)
  return Array.from({ length: parts.length + 1 }, (_, i) =>
    parts
      .slice(0, parts.length - i)
      .map((part) => `/${part}`)
      .join(''),
  )
}
