/** Modules written as ONNX and read back; test/interop/onnx.long.test.ts has ONNX Runtime read them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ValueError } from '../../src/core/errors.ts'
import { F, noGrad, nn, randn, type Tensor, tensor } from '../../src/index.ts'
import { encodeOnnx, exportOnnx, loadOnnx } from '../../src/io/onnx/onnx.ts'

class Small extends nn.Module {
  features: nn.Sequential = new nn.Sequential(
    new nn.Conv2d(1, 4, 3, { padding: 1 }),
    new nn.BatchNorm2d(4),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Dropout(0.5),
  )
  head: nn.Linear = new nn.Linear(16, 3)
  forward(x: Tensor): Tensor {
    return this.head.forward(this.features.forward(x).flatten(1))
  }
}

test('a file holds the parameters by their names, and computes what the module does in evaluation at any batch size', async () => {
  const model = new Small()
  model.forward(randn([8, 1, 4, 4]))
  const folder = await mkdtemp(join(tmpdir(), 'gradus-onnx-export-'))
  const path = join(folder, 'small.onnx')
  await exportOnnx(model, [randn([1, 1, 4, 4])], path)
  expect(model.training).toBe(true)
  const back = await loadOnnx(path)
  await rm(folder, { recursive: true })
  expect([back.inputNames, back.outputNames]).toEqual([['input'], ['output']])
  const names = back.namedParameters().map(([name]) => name)
  expect(names).toEqual([
    'features.0.weight',
    'features.0.bias',
    'features.1.weight',
    'features.1.bias',
    'head.weight',
    'head.bias',
  ])
  model.eval()
  for (const n of [1, 5]) {
    const x = randn([n, 1, 4, 4])
    const [y, z] = [await model.forward(x).data(), await back.forward(x).data()]
    for (const [i, value] of y.entries()) expect(z[i]).toBeCloseTo(value, 5)
  }
})

/** A module that computes `fn`. */
function module<Inputs extends readonly unknown[], Output>(
  fn: (...inputs: Inputs) => Output,
): nn.Module & { forward(...inputs: Inputs): Output } {
  return new (class extends nn.Module {
    forward(...inputs: Inputs): Output {
      return fn(...inputs)
    }
  })()
}

const x = tensor([
  [3, -1, 2],
  [0.5, 4, -2],
])

test.each<[string, (x: Tensor) => Tensor]>([
  [
    'elementwise functions',
    (y) => y.abs().add(1).log2().add(y.expm1()).sub(y.square().log1p()).mul(y.erfc()).add(y.trunc()),
  ],
  ['integers', (y) => y.to('int32').floorDivide(2).add(y.to('int32').remainder(3)).bitwiseXor(5)],
  ['truth values', (y) => y.gt(0).logicalAnd(y.lt(3)).logicalXor(y.eq(0.5)).pad([1, 1])],
  [
    'reductions',
    (y) =>
      y
        .sum(1, { keepdim: true })
        .add(y.amax(1, { keepdim: true }))
        .mul(y.prod(1, { keepdim: true })),
  ],
  ['positions', (y) => y.argMax(1).add(y.argMin(1).mul(10))],
  ['cuts', (y) => y.at(':', '::2').flip(1).unsqueeze(1).expand(-1, 4, -1)],
  [
    'indices',
    (y) =>
      y.gather(1, y.argMax(1, { keepdim: true }).mul(0).add(1)).scatter(1, y.argMax(1, { keepdim: true }).mul(0), 7),
  ],
  ['sums along a dimension', (y) => y.cumsum(1).softmax(1).add(y.logSoftmax(1))],
  ['padding and windows', (y) => F.avgPool1d(y.unsqueeze(1), 2, { stride: 1, padding: 1, countIncludePad: false })],
  [
    'transposed convolution',
    (y) => F.convTranspose1d(y.unsqueeze(1), tensor([[[1, 2, 3]]]), null, { stride: 2, padding: 1 }),
  ],
  ['products', (y) => y.unsqueeze(2).matmul(y.unsqueeze(1)).add(y.mul(2).unsqueeze(1))],
  ['attention', (y) => F.scaledDotProductAttention(y.unsqueeze(2), y.unsqueeze(2), y.unsqueeze(2), { isCausal: true })],
])('%s are written and read back', async (_, fn) => {
  const model = module(fn)
  const back = await loadOnnx(await encodeOnnx(model, [x]))
  const larger = tensor([
    [1, 2, 3],
    [-2, 0.5, 1],
    [0.25, -0.5, 6],
  ])
  const [wanted, received] = [noGrad(() => fn(larger)), back.forward(larger)]
  expect([received.shape, received.dtype]).toEqual([wanted.shape, wanted.dtype])
  const values = await received.data()
  for (const [i, value] of (await wanted.data()).entries()) expect(values[i]).toBeCloseTo(value, 4)
})

test('inputs and outputs in objects have their names there, others those that are asked for', async () => {
  const model = module((a: Tensor, { mask }: { mask: Tensor }) => ({ sum: a.add(mask), twice: a.mul(2), same: a }))
  const back = await loadOnnx(await encodeOnnx(model, [x, { mask: x }]))
  expect([back.inputNames, back.outputNames]).toEqual([
    ['input', 'mask'],
    ['sum', 'twice', 'same'],
  ])
  expect(await back.forwardAll(x, x)[2]!.toArray()).toEqual(await x.toArray())
  const names = { inputNames: ['pixels'], outputNames: ['logits'] }
  const other = await loadOnnx(
    await encodeOnnx(
      module((a: Tensor) => a.relu()),
      [x],
      names,
    ),
  )
  expect([other.inputNames, other.outputNames]).toEqual([['pixels'], ['logits']])
  await expect(encodeOnnx(model, [x, { mask: x }], names)).rejects.toThrow('inputNames must be 2 names, received 1')
})

test('what depends on the batch size in another way needs one batch size', async () => {
  const model = module((a: Tensor) => a.mul(a.shape[0]! + 1))
  await expect(encodeOnnx(model, [x])).rejects.toThrow(/depends on the batch size .* pass \{ dynamicBatch: false \}/)
  const back = await loadOnnx(await encodeOnnx(model, [x], { dynamicBatch: false }))
  expect(await back.forward(x).toArray()).toEqual(await x.mul(3).toArray())
})

test.each<[string, () => Promise<unknown>, RegExp]>([
  [
    'no inputs',
    () =>
      encodeOnnx(
        module(() => x),
        [],
      ),
    /expects example inputs/,
  ],
  [
    'an input without a batch',
    () =>
      encodeOnnx(
        module((a: Tensor) => a),
        [tensor(1)],
      ),
    /needs a batch dimension/,
  ],
  [
    'an op that ONNX has not',
    () =>
      encodeOnnx(
        module((a: Tensor) => a.lgamma()),
        [x],
      ),
    /'lgamma' is not supported/,
  ],
  [
    'random numbers',
    () =>
      encodeOnnx(
        module((a: Tensor) => a.add(randn(a.shape))),
        [x],
      ),
    /is not supported/,
  ],
])('refuses %s', async (_, write, message) => {
  await expect(write()).rejects.toThrow(message)
  await expect(write()).rejects.toBeInstanceOf(ValueError)
})
