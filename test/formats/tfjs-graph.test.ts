/** Graphs of TensorFlow as TensorFlow.js stores them. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { FileError, ValueError } from '../../src/core/errors.ts'
import type { GraphModel } from '../../src/io/graphs/graph-model.ts'
import { loadGraphModel } from '../../src/io/tfjs/load-graph-model.ts'
import { tensor } from '../../src/tensor/creation.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-tfjs-graph-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const nodes = [
  { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' } } },
  { name: 'w', op: 'Const', attr: { dtype: { type: 'DT_FLOAT' } } },
  { name: 'b', op: 'Const', attr: { dtype: { type: 'DT_FLOAT' } } },
  { name: 'product', op: 'MatMul', input: ['x', 'w'], attr: { transpose_a: { b: false }, transpose_b: { b: false } } },
  { name: 'sum', op: 'BiasAdd', input: ['product', 'b'], attr: {} },
  { name: 'y', op: 'Relu', input: ['sum', '^x'], attr: {} },
]

/** y = relu(x · w + b) with w = [[1, −1], [2, 0], [−3, 4]] and b = [0.5, −1], and what `change` makes of its nodes. */
async function load(change: (graph: typeof nodes) => unknown[] = (graph) => graph): Promise<GraphModel> {
  const path = join(folder, 'model.json')
  const weights = [
    { name: 'w', shape: [3, 2], dtype: 'float32' },
    { name: 'b', shape: [2], dtype: 'float32' },
  ]
  const json = {
    format: 'graph-model',
    modelTopology: { node: change(structuredClone(nodes)) },
    weightsManifest: [{ paths: ['group1-shard1of1.bin'], weights }],
  }
  await writeFile(path, JSON.stringify(json))
  await writeFile(join(folder, 'group1-shard1of1.bin'), Float32Array.of(1, -1, 2, 0, -3, 4, 0.5, -1))
  return loadGraphModel(path)
}

const x = tensor([
  [1, 1, 0],
  [0, 1, 1],
])

test('computes what the graph says', async () => {
  const model = await load()
  expect([model.inputNames, model.outputNames]).toEqual([['x'], ['y']])
  expect(await model.forward(x).toArray()).toEqual([
    [3.5, 0],
    [0, 3],
  ])
  expect(await model.forwardTo('product', x).toArray()).toEqual([
    [3, -1],
    [-1, 4],
  ])
})

test('its constants are parameters: they get gradients', async () => {
  const model = await load()
  model.forward(x).sum().backward()
  const gradients = Object.fromEntries(model.namedParameters().map(([name, p]) => [name, p.grad!.toArray()]))
  // Each column is positive in one row only.
  expect(await gradients['w']).toEqual([
    [1, 0],
    [1, 1],
    [0, 1],
  ])
  expect(await gradients['b']).toEqual([1, 1])
})

test('refuses what it cannot carry out, by name', async () => {
  const wrong = (change: Parameters<typeof load>[0]): Promise<GraphModel> => load(change)
  await expect(wrong((graph) => [...graph, { name: 'z', op: 'Teleport', input: ['y'] }])).rejects.toThrow(
    /operations that are not supported: Teleport/,
  )
  await expect(wrong((graph) => graph.slice(1))).rejects.toThrow(/node 'product' takes 'x', which is no node/)
  await expect(wrong((graph) => [...graph, graph[3]])).rejects.toThrow(/two nodes are called 'product'/)
  await expect(wrong((graph) => [...graph, 7])).rejects.toThrow(FileError)
  const circle = await load((graph) =>
    graph.map((node) => (node.name === 'sum' ? { ...node, input: ['y', 'b'] } : node)),
  )
  expect(() => circle.forwardTo('sum', x)).toThrow(/depends on itself/)
  const model = await load()
  expect(() => model.forward()).toThrow(ValueError)
  expect(() => model.forward(tensor([[1, 2]]))).toThrow(/node 'product' \(MatMul\)/)
})
