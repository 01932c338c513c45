import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

interface Entry {
  version?: string
  resolved?: string
  hasInstallScript?: boolean
  optionalDependencies?: Record<string, string>
}

/** Have install scripts that nothing here needs: koffi's builds where no prebuilt binary fits, those of the others print something. */
const scriptNotNeeded = ['node_modules/koffi', 'node_modules/core-js', 'node_modules/protobufjs']

describe.each([
  ...['package-lock.json', 'test/package/attw/package-lock.json', 'bench/peers/package-lock.json'],
  ...['test/interop/package-lock.json', 'test/weights/package-lock.json'],
])('%s', (file) => {
  const lock = JSON.parse(readFileSync(new URL(`../${file}`, import.meta.url), 'utf8'))
  const entries: [string, Entry][] = Object.entries(lock.packages)

  test('no dependency needs an install script', () => {
    expect(entries.length).toBeGreaterThan(5)
    const scripted = entries.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path)
    expect(scripted.filter((path) => !scriptNotNeeded.includes(path))).toEqual([])
  })

  test('no dependency is tied to one registry', () => {
    expect(entries.filter(([, entry]) => entry.resolved !== undefined)).toEqual([])
  })

  // npm leaves out what the registry lacks at the time, and `npm ci` then refuses the lock on every platform.
  test('every optional dependency is locked, the binaries of all platforms among them', () => {
    const versionOf = new Map(entries.map(([path, { version }]) => [path.replace(/^.*node_modules\//, ''), version]))
    const wanted = entries.flatMap(([, entry]) => Object.keys(entry.optionalDependencies ?? {}))
    expect(wanted.filter((name) => versionOf.get(name) === undefined)).toEqual([])
  })
})
