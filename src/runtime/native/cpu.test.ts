import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { chooseInstructionSet, cpuFeatures, readFeatures } from './cpu.ts'
import { defaultThreads, parseCpuList, usableCores } from './cores.ts'
import { loadFfi } from './ffi.ts'

const available = !('reason' in loadFfi())

describe.skipIf(!available)('this processor', () => {
  test('has the features that the kernel reports', () => {
    const info = readFileSync('/proc/cpuinfo', 'utf8')
    const flags = new Set(/^flags\s*:(.*)$/m.exec(info)?.[1]?.trim().split(' '))
    const features = cpuFeatures()
    expect(features.avx2).toBe(['avx2', 'fma', 'f16c'].every((flag) => flags.has(flag)))
    expect(features.avx512).toBe(['avx512f', 'avx512vl', 'avx512bw', 'avx512dq'].every((flag) => flags.has(flag)))
    // Virtual machines may show another name in /proc/cpuinfo than the instruction gives.
    expect(features.brand).toMatch(/^\S.*\S$/)
  })
})

describe('feature bits', () => {
  const avxBits = (1 << 27) | (1 << 28) | (1 << 12) | (1 << 29)
  const avx512Bits = (1 << 5) | (1 << 16) | (1 << 17) | (1 << 30) | (1 << 31)
  const cpuid =
    (ecx1: number, ebx7: number) =>
    (leaf: number): [number, number, number, number] =>
      leaf === 0 ? [7, 0, 0, 0] : leaf === 1 ? [0, 0, ecx1, 0] : leaf === 7 ? [0, ebx7, 0, 0] : [0, 0, 0, 0]

  test('AVX-512 needs all four parts and an operating system that saves zmm registers', () => {
    expect(readFeatures(cpuid(avxBits, avx512Bits), () => 0xe7)).toMatchObject({ avx2: true, avx512: true })
    expect(readFeatures(cpuid(avxBits, avx512Bits), () => 0x07)).toMatchObject({ avx2: true, avx512: false })
    expect(readFeatures(cpuid(avxBits, avx512Bits), () => 0x03)).toMatchObject({ avx2: false, avx512: false })
    expect(readFeatures(cpuid(avxBits, avx512Bits ^ (1 << 30)), () => 0xe7)).toMatchObject({ avx512: false })
    expect(readFeatures(cpuid(avxBits ^ (1 << 12), avx512Bits), () => 0xe7)).toMatchObject({ avx2: false })
    const noOsxsave = readFeatures(cpuid(avxBits ^ (1 << 27), avx512Bits), () => {
      throw new Error('XGETBV does not exist')
    })
    expect(noOsxsave).toMatchObject({ avx2: false, avx512: false })
  })

  test('GRADUS_CPU overrides, and refuses what is not there', () => {
    const both = { brand: 'both', avx2: true, avx512: true }
    const old = { brand: 'old', avx2: true, avx512: false }
    expect(chooseInstructionSet(both, undefined)).toBe('avx512')
    expect(chooseInstructionSet(both, 'avx2')).toBe('avx2')
    expect(chooseInstructionSet(old, '')).toBe('avx2')
    expect(chooseInstructionSet({ brand: 'older', avx2: false, avx512: false }, undefined)).toBe(null)
    expect(() => chooseInstructionSet(old, 'avx512')).toThrow('GRADUS_CPU: this processor (old) has no avx512')
    expect(() => chooseInstructionSet(both, 'sse2')).toThrow("expected 'avx2' or 'avx512', received 'sse2'")
  })
})

describe('usable cores', () => {
  const machine = (files: Record<string, string>) => (path: string) => files[path] ?? null
  const siblings = (list: string[]): Record<string, string> =>
    Object.fromEntries(
      list.map((text, cpu) => [`/sys/devices/system/cpu/cpu${cpu}/topology/thread_siblings_list`, `${text}\n`]),
    )
  const status = (list: string): Record<string, string> => ({
    '/proc/self/status': `Name:\tnode\nCpus_allowed_list:\t${list}\nMems_allowed_list:\t0\n`,
  })

  test('counts physical cores, not hyper-threads', () => {
    const eight = siblings(['0,4', '1,5', '2,6', '3,7', '0,4', '1,5', '2,6', '3,7'])
    expect(usableCores(machine({ ...status('0-7'), ...eight }))).toBe(4)
    expect(usableCores(machine({ ...status('0,4'), ...eight }))).toBe(1)
    expect(usableCores(machine({ ...status('0-1,4'), ...eight }))).toBe(2)
  })

  test('stays within the quota of the control group and of its ancestors', () => {
    const four = { ...status('0-3'), ...siblings(['0', '1', '2', '3']), '/proc/self/cgroup': '0::/pods/web\n' }
    expect(usableCores(machine({ ...four, '/sys/fs/cgroup/pods/web/cpu.max': 'max 100000\n' }))).toBe(4)
    expect(usableCores(machine({ ...four, '/sys/fs/cgroup/pods/web/cpu.max': '250000 100000\n' }))).toBe(2)
    expect(usableCores(machine({ ...four, '/sys/fs/cgroup/pods/cpu.max': '50000 100000\n' }))).toBe(1)
    expect(usableCores(machine({ ...four, '/sys/fs/cgroup/cpu.max': '300000 100000\n' }))).toBe(3)
    const v1 = {
      ...four,
      '/proc/self/cgroup': '4:cpu,cpuacct:/docker/x\n',
      '/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us': '200000\n',
      '/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us': '100000\n',
    }
    expect(usableCores(machine(v1))).toBe(2)
  })

  test('without any of these files: what Node says, at least 1', () => {
    expect(usableCores(machine({}))).toBeGreaterThanOrEqual(1)
  })

  test('lists of processors', () => {
    expect(parseCpuList('0-3,8,10-11\n')).toEqual([0, 1, 2, 3, 8, 10, 11])
    expect(parseCpuList('')).toEqual([])
  })

  test('GRADUS_THREADS overrides, and refuses what is no number of threads', () => {
    expect(defaultThreads('3')).toBe(3)
    expect(defaultThreads('')).toBe(usableCores())
    for (const wrong of ['0', '1.5', 'many', '256'])
      expect(() => defaultThreads(wrong)).toThrow(
        `GRADUS_THREADS: expected a whole number from 1 to 255, received '${wrong}'`,
      )
  })
})
