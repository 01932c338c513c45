import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FileError, ValueError } from '../core/errors.ts'
import { arange, tensor } from '../tensor/creation.ts'
import { loadSafetensors, saveSafetensors } from './safetensors.ts'

let folder = ''
const at = (name: string): string => join(folder, name)
const index = 'model.safetensors.index.json'
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-shards-'))
})
afterEach(() => rm(folder, { recursive: true }))

const tensors = {
  a: arange(10),
  b: arange(10, 20),
  c: tensor([1, 2], { dtype: 'float16' }),
  ['__proto__']: arange(30),
}

describe('shards', () => {
  test('are written as the hub names them, and read as one', async () => {
    await saveSafetensors(at('model.safetensors'), tensors, { maxShardBytes: 80, metadata: { format: 'pt' } })
    expect((await readdir(folder)).sort()).toEqual([
      'model-00001-of-00003.safetensors',
      'model-00002-of-00003.safetensors',
      'model-00003-of-00003.safetensors',
      index,
    ])
    expect(JSON.parse(await readFile(at(index), 'utf8'))).toEqual({
      metadata: { total_size: 204 },
      weight_map: {
        ['__proto__']: 'model-00001-of-00003.safetensors',
        a: 'model-00002-of-00003.safetensors',
        b: 'model-00002-of-00003.safetensors',
        c: 'model-00003-of-00003.safetensors',
      },
    })
    const read = await loadSafetensors(at(index))
    expect(read.metadata).toEqual({ format: 'pt' })
    expect([...read.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort())
    for (const [name, x] of Object.entries(tensors)) expect(read.tensors.get(name)?.dataSync()).toEqual(x.dataSync())
  })

  test('are not made where one file is enough', async () => {
    await saveSafetensors(at('model.safetensors'), tensors, { maxShardBytes: 1000 })
    expect(await readdir(folder)).toEqual(['model.safetensors'])
  })

  test('need a size and a name', async () => {
    await expect(saveSafetensors(at('m.safetensors'), tensors, { maxShardBytes: 0 })).rejects.toThrow(ValueError)
    await expect(saveSafetensors(at('m.bin'), tensors, { maxShardBytes: 1 })).rejects.toThrow('.safetensors')
  })

  test.each<[string, unknown]>([
    ['not valid JSON', '{'],
    ['has no weight_map', {}],
    ['has no weight_map', null],
    ['has no weight_map', { weight_map: ['a'] }],
    ['"../a.safetensors", which is no plain file name', { weight_map: { a: '../a.safetensors' } }],
    ['"/etc/passwd", which is no plain file name', { weight_map: { a: '/etc/passwd' } }],
    ['"C:\\\\a", which is no plain file name', { weight_map: { a: 'C:\\a' } }],
    ['is said to be in 3', { weight_map: { a: 3 } }],
    ["tensor 'x' is not in one.safetensors", { weight_map: { a: 'one.safetensors', x: 'one.safetensors' } }],
    ["tensor 'a' is in two files", { weight_map: { a: 'one.safetensors', b: 'two.safetensors' } }],
    ['absent.safetensors: no such file', { weight_map: { a: 'absent.safetensors' } }],
  ])('refuses an index: %s', async (problem, content) => {
    await saveSafetensors(at('one.safetensors'), { a: arange(2) })
    await saveSafetensors(at('two.safetensors'), { a: arange(2), b: arange(2) })
    await writeFile(at(index), typeof content === 'string' ? content : JSON.stringify(content))
    await expect(loadSafetensors(at(index))).rejects.toThrow(FileError)
    await expect(loadSafetensors(at(index))).rejects.toThrow(problem)
  })
})
