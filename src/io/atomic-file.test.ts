import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError } from '../core/errors.ts'
import { writeFileAtomic } from './atomic-file.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-atomic-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

describe('writeFileAtomic', () => {
  test('writes text and bytes, and replaces what was there', async () => {
    const path = join(folder, 'a')
    await writeFileAtomic(path, 'größer\n')
    expect(await readFile(path, 'utf8')).toBe('größer\n')
    await writeFileAtomic(path, [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)])
    expect([...(await readFile(path))]).toEqual([1, 2, 3])
    expect(await readdir(folder)).toEqual(['a'])
  })

  test('leaves the old file and nothing else when it fails', async () => {
    const path = join(folder, 'a')
    await writeFile(path, 'old')
    const failing = function* (): Generator<Uint8Array> {
      yield Uint8Array.of(1)
      throw new RangeError('in the middle')
    }
    await expect(writeFileAtomic(path, failing())).rejects.toThrow(RangeError)
    expect(await readFile(path, 'utf8')).toBe('old')
    expect(await readdir(folder)).toEqual(['a'])
  })

  test('names what stands in the way', async () => {
    await expect(writeFileAtomic(join(folder, 'no', 'a'), '')).rejects.toThrow(FileError)
    await expect(writeFileAtomic(join(folder, 'no', 'a'), '')).rejects.toThrow('no such file or folder')
    await mkdir(join(folder, 'taken'))
    await expect(writeFileAtomic(join(folder, 'taken'), '')).rejects.toThrow('is a folder, expected a file')
    expect(await readdir(folder)).toEqual(['taken'])
  })

  test('many writes of one file at once leave one of them whole', async () => {
    const path = join(folder, 'a')
    const contents = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000))
    await Promise.all(contents.map((content) => writeFileAtomic(path, content)))
    expect(contents).toContain(await readFile(path, 'utf8'))
    expect(await readdir(folder)).toEqual(['a'])
  })
})
