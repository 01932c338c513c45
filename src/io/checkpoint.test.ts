import { chmod, copyFile, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError } from '../core/errors.ts'
import { tensor } from '../tensor/creation.ts'
import { Tensor } from '../tensor/tensor.ts'
import { loadCheckpoint, saveCheckpoint, type StateTree } from './checkpoint-file.ts'
import { CheckpointFolder } from './checkpoint-folder.ts'
import { saveSafetensors } from './safetensors.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-checkpoint-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const state = (step: number): StateTree => ({
  step,
  odd: [Number.NaN, Number.POSITIVE_INFINITY, -0, 0.1, 1e300, null, true, 'text'],
  deep: { weight: tensor([[step, 0.1]]), list: [tensor(Int32Array.of(7)), 3] },
})

/** A state with tensors as their values. */
const plain = (tree: StateTree): unknown => {
  if (tree instanceof Tensor) return [tree.dtype, tree.toArraySync()]
  if (Array.isArray(tree)) return tree.map(plain)
  if (typeof tree !== 'object' || tree === null) return tree
  return Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, plain(item)]))
}

describe('checkpoint files', () => {
  test('give everything back, to the bit', async () => {
    const path = join(folder, 'a.safetensors')
    await saveCheckpoint(path, state(5))
    expect(plain(await loadCheckpoint(path))).toEqual(plain(state(5)))
    await saveCheckpoint(path, tensor([1]))
    expect(plain(await loadCheckpoint(path))).toEqual(['float32', [1]])
  })

  test('a change of any bit is found', async () => {
    const path = join(folder, 'a.safetensors')
    await saveCheckpoint(path, state(5))
    const whole = await readFile(path)
    for (let at = 0; at < whole.length; at += 7) {
      const damaged = Buffer.from(whole)
      damaged[at]! ^= 1 << (at % 8)
      await writeFile(path, damaged)
      await expect(loadCheckpoint(path)).rejects.toThrow(FileError)
    }
  })

  test('other safetensors are none', async () => {
    const path = join(folder, 'a.safetensors')
    await saveSafetensors(path, { x: tensor([1]) })
    await expect(loadCheckpoint(path)).rejects.toThrow('not a checkpoint that can be read: it holds no training state')
    await saveSafetensors(path, {}, { metadata: { checkpoint: '9', state: '{}' } })
    await expect(loadCheckpoint(path)).rejects.toThrow('its layout is 9, expected 1')
  })
})

describe('CheckpointFolder', () => {
  const stepOf = (found: { state: StateTree } | undefined): unknown =>
    (found?.state as { step: number } | undefined)?.step

  test('keeps the newest and cleans up', async () => {
    const checkpoints = new CheckpointFolder(join(folder, 'deep', 'er'), { keep: 2 })
    expect(await checkpoints.latest()).toBeUndefined()
    await checkpoints.prepare()
    for (const step of [1, 2, 10]) await checkpoints.save(step, state(step))
    expect((await readdir(checkpoints.path)).sort()).toEqual(['step-00000002.safetensors', 'step-00000010.safetensors'])
    await writeFile(join(checkpoints.path, 'step-00000011.safetensors.1-1.tmp'), 'half')
    await checkpoints.prepare()
    expect(await readdir(checkpoints.path)).toHaveLength(2)
    expect(stepOf(await checkpoints.latest())).toBe(10)
  })

  test('passes over damaged files, and says so when none is left', async () => {
    const checkpoints = new CheckpointFolder(folder)
    for (const step of [1, 2, 3]) await checkpoints.save(step, state(step))
    const file = (step: number): string => join(folder, `step-0000000${step}.safetensors`)
    await truncate(file(3), 100)
    await copyFile(new URL(import.meta.url), file(2))
    const found = await checkpoints.latest()
    expect([stepOf(found), found?.refused.map(({ message }) => message.includes('step-0000000'))]).toEqual([
      1,
      [true, true],
    ])
    await writeFile(file(1), '')
    await expect(checkpoints.latest()).rejects.toThrow(
      /^checkpoint: no checkpoint can be read; safetensors: .*step-00000003/,
    )
  })

  test('a folder that cannot be written is named', async () => {
    await writeFile(join(folder, 'file'), '')
    await expect(new CheckpointFolder(join(folder, 'file')).prepare()).rejects.toThrow('exists already')
    await expect(new CheckpointFolder(join(folder, 'file', 'in')).prepare()).rejects.toThrow(FileError)
    await chmod(folder, 0o500)
    if (process.getuid?.() !== 0)
      await expect(new CheckpointFolder(folder).save(1, 1)).rejects.toThrow('permission denied')
    await chmod(folder, 0o700)
  })
})
