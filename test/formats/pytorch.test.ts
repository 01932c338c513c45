/** Files that PyTorch wrote, against what it says they hold (generate.py). */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { FileError, ValueError } from '../../src/core/errors.ts'
import { decodePyTorch, loadPyTorch, type PyTorchValue } from '../../src/io/pytorch/pytorch.ts'
import { loadStateDict } from '../../src/io/state-dict.ts'
import { loadTensors } from '../../src/io/weights.ts'
import { Linear } from '../../src/nn/layers/linear.ts'
import { Module } from '../../src/nn/module.ts'
import { BatchNorm1d } from '../../src/nn/layers/batch-norm.ts'
import { Tensor } from '../../src/tensor/tensor.ts'
import { archive, bytes, pickle } from './craft.ts'

const at = (name: string): string => fileURLToPath(new URL(`data/${name}`, import.meta.url))
const expected = JSON.parse(readFileSync(at('checkpoint.json'), 'utf8'))

/** dtypes that Gradus does not have, as what they become. */
const narrowed: Readonly<Record<string, string>> = { int64: 'int32', int16: 'int32', int8: 'int32', uint16: 'int32' }

/** A value in the form of checkpoint.json. */
function plain(value: PyTorchValue): unknown {
  if (value instanceof Tensor) return { dtype: value.dtype, shape: value.shape, values: [...value.dataSync()] }
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), plain(item)]))
  if (value instanceof Set || value instanceof Uint8Array) return [...value]
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === 'bigint' ? String(value) : value
}

const wanted = JSON.parse(JSON.stringify(expected), (key, value) =>
  key === 'dtype' ? (narrowed[value] ?? value) : value,
)

test.each(['checkpoint.pt', 'checkpoint-legacy.pt', 'checkpoint-protocol-4.pt'])(
  '%s holds what PyTorch put there',
  async (name) => {
    const value = await loadPyTorch(at(name))
    expect(JSON.parse(JSON.stringify(plain(value)))).toEqual(wanted)
  },
)

test('tensors over one storage have memory of their own, and one tensor under two names is one', async () => {
  const twice = bytes(pickle.start, '(', pickle.tensor(), pickle.tensor(), 't.')
  const [a, b] = (await decodePyTorch(archive(twice, [Float32Array.of(2.5)]))) as [Tensor, Tensor]
  expect([a.dataSync(), b.dataSync()]).toEqual([Float32Array.of(2.5), Float32Array.of(2.5)])
  expect(a.node.value).not.toBe(b.node.value)
  const tied = await loadTensors(at('checkpoint.pt'))
  expect(tied.get('tied.a')).toBe(tied.get('tied.b'))
})

test('dtypes without a storage class of their own', async () => {
  const value = await loadPyTorch(at('untyped.pt'))
  expect(plain(value)).toEqual({ uint16: { dtype: 'int32', shape: [2], values: [0, 65535] } })
})

test('modules and TorchScript are code, and refused by name', async () => {
  await expect(loadPyTorch(at('module.pt'))).rejects.toThrow(
    'it asks for torch.nn.modules.linear.Linear, which is not among the harmless names',
  )
  await expect(loadPyTorch(at('script.pt'))).rejects.toThrow('is a TorchScript archive, which is code')
})

test('a state dict is found at its usual place, or where the user says', async () => {
  const names = Object.keys(expected.state_dict)
  expect([...(await loadTensors(at('checkpoint.pt'))).keys()]).toEqual(names)
  expect([...(await loadTensors(at('checkpoint.pt'), { key: 'state_dict' })).keys()]).toEqual(names)
  await expect(loadTensors(at('checkpoint.pt'), { key: 'ema' })).rejects.toThrow(ValueError)
  await expect(loadTensors(at('checkpoint.pt'), { key: 'ema' })).rejects.toThrow(
    "no state dict under 'ema'; its keys are state_dict, epoch, best",
  )
})

test('names of DataParallel lose their prefix, and old files need no count of batches', async () => {
  class Net extends Module {
    norm = new BatchNorm1d(1)
    forward(x: Tensor): Tensor {
      return this.norm.forward(x)
    }
  }
  const model = new Net()
  const entries = ['weight', 'bias', 'running_mean', 'running_var'].map((name, i) => ({
    name: `module.norm.${name}`,
    value: i + 2,
  }))
  const file = archive(
    pickle.stateDict(entries.map(({ name }) => name)),
    entries.map(({ value }) => Float32Array.of(value)),
  )
  const { mkdtemp, rm, writeFile } = await import('node:fs/promises')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  const folder = await mkdtemp(join(tmpdir(), 'gradus-pt-'))
  await writeFile(join(folder, 'net.pt'), file)
  expect(await loadStateDict(model, join(folder, 'net.pt'))).toEqual({ missing: [], unexpected: [] })
  await rm(folder, { recursive: true })
  expect(model.norm.runningVar?.toArraySync()).toEqual([5])
  await expect(loadStateDict(new Linear(1, 1), at('untyped.pt'))).rejects.toThrow("unexpected 'uint16'")
})

test('a file that is something else', async () => {
  await expect(decodePyTorch(new Uint8Array(600))).rejects.toThrow(FileError)
  await expect(decodePyTorch(new Uint8Array(600))).rejects.toThrow('neither a zip archive nor a pickle')
  await expect(loadPyTorch(at('absent.pt'))).rejects.toThrow('absent.pt: no such file or folder')
  await expect(loadTensors(at('arrays.json'))).rejects.toThrow(FileError)
})
