import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const locks = ['package-lock.json', 'test/package/attw/package-lock.json']

/** Entries of a lock file that have the given field. */
function packagesWith(lock: string, field: string): string[] {
  const { packages } = JSON.parse(readFileSync(new URL(`../${lock}`, import.meta.url), 'utf8'))
  return Object.keys(packages).filter((name) => field in packages[name])
}

test.each(locks)('%s: no dependency needs an install script', (lock) => {
  expect(packagesWith(lock, 'version').length).toBeGreaterThan(20)
  expect(packagesWith(lock, 'hasInstallScript')).toEqual([])
})

test.each(locks)('%s: no dependency is tied to one registry', (lock) => {
  expect(packagesWith(lock, 'resolved')).toEqual([])
})
