/** Models in ONNX: read, fine-tuned, refused. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf'
import { expect, test } from 'vitest'
import { FileError, ValueError } from '../../src/core/errors.ts'
import { F, optim, tensor } from '../../src/index.ts'
import { loadOnnx } from '../../src/io/onnx/onnx.ts'
import { type GraphProtoSchema, ModelProtoSchema } from '../../src/io/onnx/onnx-pb.ts'

type Graph = MessageInitShape<typeof GraphProtoSchema>

const float = (
  name: string,
): { name: string; type: { value: { case: 'tensorType'; value: { elemType: number } } } } => ({
  name,
  type: { value: { case: 'tensorType', value: { elemType: 1 } } },
})

const integer = (name: string): ReturnType<typeof float> => ({
  name,
  type: { value: { case: 'tensorType', value: { elemType: 6 } } },
})

const branch = (name: string, g: Graph): { name: string; type: number; g: Graph } => ({ name, type: 5, g })

/** A graph in a branch of a graph in a branch ... */
const nested = (depth: number): Graph =>
  depth === 0 ? graph : { node: [{ opType: 'If', attribute: [branch('then_branch', nested(depth - 1))] }] }

/** relu(x · w + b)[:, 1:] with w = [[1, −1], [2, 0], [−3, 4]] and b = [0.5, −1]. */
const graph = {
  input: [float('x')],
  output: [float('y')],
  initializer: [
    { name: 'w', dataType: 1, dims: [3n, 2n], floatData: [1, -1, 2, 0, -3, 4] },
    { name: 'b', dataType: 1, dims: [2n], rawData: new Uint8Array(Float32Array.of(0.5, -1).buffer) },
    { name: 'one', dataType: 7, dims: [1n], int64Data: [1n] },
    { name: 'end', dataType: 7, dims: [1n], int64Data: [2n ** 63n - 1n] },
  ],
  node: [
    { name: 'product', opType: 'Gemm', input: ['x', 'w', 'b'], output: ['h'] },
    { opType: 'Relu', input: ['h'], output: ['r'] },
    { opType: 'Slice', input: ['r', 'one', 'end', 'one'], output: ['y'] },
  ],
} satisfies Graph

function file(changed: Graph = graph, version = 17n): Uint8Array {
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, { irVersion: 8n, graph: changed, opsetImport: [{ version }] }),
  )
}

const x = tensor([
  [1, 1, 0],
  [0, 1, 1],
])

test('a model computes what its file says', async () => {
  const model = await loadOnnx(file())
  expect([model.inputNames, model.outputNames]).toEqual([['x'], ['y']])
  expect(await model.forward(x).toArray()).toEqual([[0], [3]])
  expect(await model.forwardTo('h', x).toArray()).toEqual([
    [3.5, -2],
    [-0.5, 3],
  ])
  expect(Object.keys(model.stateDict())).toEqual(['w', 'b', 'one', 'end'])
  expect(model.namedParameters().map(([name]) => name)).toEqual(['w', 'b'])
})

test('a model can be fine-tuned and frozen', async () => {
  const model = (await loadOnnx(file())).freeze('w')
  const optimizer = new optim.SGD(
    model.parameters().filter((parameter) => parameter.requiresGrad),
    { lr: 0.1 },
  )
  const target = tensor([[0], [5]])
  const losses: number[] = []
  for (let step = 0; step < 20; step++) {
    const loss = F.mseLoss(model.forward(x), target)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    losses.push(await loss.item())
  }
  expect(losses[0]).toBe(2)
  expect(losses.at(-1)).toBeLessThan(0.5)
  expect(await model.getParameter('w').toArray()).toEqual([
    [1, -1],
    [2, 0],
    [-3, 4],
  ])
})

/** then: relu(x · w) · k with k = [10, 100]; else: −(x · w), or its square roots where x has more than two rows. */
const branched = {
  ...graph,
  input: [float('x'), integer('first')],
  initializer: graph.initializer.slice(0, 1),
  node: [
    { opType: 'MatMul', input: ['x', 'w'], output: ['h'] },
    { opType: 'Cast', input: ['first'], output: ['decision'], attribute: [{ name: 'to', type: 2, i: 9n }] },
    {
      ...{ opType: 'If', input: ['decision'], output: ['y'] },
      attribute: [
        branch('then_branch', {
          output: [float('end')],
          initializer: [{ name: 'k', dataType: 1, dims: [2n], floatData: [10, 100] }],
          node: [
            { opType: 'Relu', input: ['h'], output: ['r'] },
            { opType: 'Mul', input: ['r', 'k'], output: ['end'] },
          ],
        }),
        branch('else_branch', {
          output: [float('end')],
          initializer: [{ name: 'k', dataType: 7, dims: [], int64Data: [2n] }],
          node: [
            { opType: 'Shape', input: ['x'], output: ['sizes'], attribute: [{ name: 'end', type: 2, i: 1n }] },
            { opType: 'Greater', input: ['sizes', 'k'], output: ['many'] },
            {
              ...{ opType: 'If', input: ['many'], output: ['end'] },
              attribute: [
                branch('then_branch', {
                  output: [float('inner')],
                  node: [{ opType: 'Sqrt', input: ['h'], output: ['inner'] }],
                }),
                branch('else_branch', {
                  output: [float('inner')],
                  node: [{ opType: 'Neg', input: ['h'], output: ['inner'] }],
                }),
              ],
            },
          ],
        }),
      ],
    },
  ],
} satisfies Graph

test('of the branches of an If one is carried out, which sees the values around it', async () => {
  const model = await loadOnnx(file(branched))
  const decide = (first: boolean, given = x): Promise<unknown> =>
    model.forward(given, tensor(Number(first), { dtype: 'int32' })).toArray()
  expect(await decide(true)).toEqual([
    [30, 0],
    [0, 400],
  ])
  expect(await decide(false)).toEqual([
    [-3, 1],
    [1, -4],
  ])
  expect(
    await decide(
      false,
      tensor([
        [4, 0, 0],
        [0, 2, 0],
        [0, 0, 0],
      ]),
    ),
  ).toEqual([
    [2, Number.NaN],
    [2, 0],
    [0, 0],
  ])
})

test('weights in branches are parameters, under another name where two have one', async () => {
  const model = await loadOnnx(file(branched))
  expect(model.namedParameters().map(([name]) => name)).toEqual(['w', 'k'])
  expect(model.namedBuffers().map(([name]) => name)).toEqual(['y.else_branch.k'])
  model
    .forward(x, tensor(1, { dtype: 'int32' }))
    .sum()
    .backward()
  expect(await model.getParameter('k').grad?.toArray()).toEqual([3, 4])
})

test('weights in a file of their own are found beside the model, and nowhere else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'gradus-onnx-'))
  const outside = (location: string): Graph => ({
    ...graph,
    initializer: [
      graph.initializer[0]!,
      {
        ...{ name: 'b', dataType: 1, dims: [2n], dataLocation: 1 },
        externalData: [
          { key: 'location', value: location },
          { key: 'offset', value: '4' },
        ],
      },
      ...graph.initializer.slice(2),
    ],
  })
  await writeFile(join(folder, 'weights.bin'), Float32Array.of(9, 0.5, -1))
  const path = join(folder, 'model.onnx')
  await writeFile(path, file(outside('weights.bin')))
  expect(await (await loadOnnx(path)).forward(x).toArray()).toEqual([[0], [3]])
  await expect(loadOnnx(file(outside('weights.bin')))).rejects.toThrow('load the model by its path')
  await writeFile(path, file(outside('../weights.bin')))
  await expect(loadOnnx(path)).rejects.toThrow('no plain file name')
  await rm(folder, { recursive: true })
})

test.each<[string, Graph, RegExp]>([
  [
    'unknown operations',
    { ...graph, node: [{ opType: 'Relu' }, { opType: 'Foo' }, { opType: 'Bar', domain: 'com.x' }] },
    /supported: Foo, com.x.Bar$/,
  ],
  ['a value that nothing gives', { ...graph, node: graph.node.slice(1) }, /nothing gives the value 'h'/],
  [
    'two values of one name',
    { ...graph, node: [...graph.node, { opType: 'Relu', input: ['x'], output: ['h'] }] },
    /two values are called 'h'/,
  ],
  [
    'weights that are too short',
    { ...graph, initializer: [{ name: 'w', dataType: 1, dims: [3n, 2n], floatData: [1] }] },
    /'w': has 4 bytes.*needs 24/,
  ],
  [
    'a shape that overflows',
    { ...graph, initializer: [{ name: 'w', dataType: 1, dims: [2n ** 40n, 2n ** 40n] }] },
    /its shape .* is none/,
  ],
  [
    'integers that are too large',
    { ...graph, initializer: [{ name: 'w', dataType: 7, dims: [1n], int64Data: [2n ** 40n] }] },
    /does not fit into int32/,
  ],
  [
    'text',
    { ...graph, input: [{ ...float('x'), type: { value: { case: 'tensorType', value: { elemType: 8 } } } }] },
    /'x': element type STRING is not supported/,
  ],
  ['no output', { ...graph, output: [] }, /has no output/],
  [
    'unknown operations in a branch',
    { ...graph, node: [{ opType: 'If', attribute: [branch('then_branch', { node: [{ opType: 'Foo' }] })] }] },
    /supported: Foo$/,
  ],
  [
    'a branch that is not there',
    { ...branched, node: branched.node.map((node) => ({ ...node, attribute: node.attribute?.slice(0, 1) ?? [] })) },
    /node 'y' \(If\): attribute else_branch is missing/,
  ],
  [
    'branches with other outputs',
    { ...branched, node: branched.node.map((node) => ({ ...node, output: [...node.output, `${node.output[0]}2`] })) },
    /node 'y' \(If\): has 2 outputs, its then_branch 1/,
  ],
  ['graphs far too deep in one another', nested(40), /is no ONNX file: .*recursion/],
])('refuses %s', async (_, changed, message) => {
  const refused = loadOnnx(file(changed))
  await expect(refused).rejects.toThrow(message)
  await expect(refused).rejects.toBeInstanceOf(FileError)
})

test('refuses what is no ONNX file', async () => {
  await expect(loadOnnx(new Uint8Array(100).fill(255))).rejects.toBeInstanceOf(FileError)
  await expect(loadOnnx(new Uint8Array())).rejects.toThrow('has no graph')
  await expect(loadOnnx('/nowhere/model.onnx')).rejects.toBeInstanceOf(FileError)
})

test('a node that depends on itself is found when it is asked for, and what does not fit is told with the node', async () => {
  const circle = [{ opType: 'Relu', input: ['r'], output: ['h'] }, ...graph.node.slice(1)]
  const model = await loadOnnx(file({ ...graph, node: circle }))
  expect(() => model.forward(x)).toThrow(/node '[hr]' depends on itself/)
  const other = await loadOnnx(file())
  expect(() => other.forward(tensor([[1, 2]]))).toThrow(ValueError)
  expect(() => other.forward(tensor([[1, 2]]))).toThrow("node 'h' (Gemm)")
})
