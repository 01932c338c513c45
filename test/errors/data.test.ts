/** Errors that only the data shows: they come where it is looked at, and a run that fails changes nothing. */
import { expect, test } from 'vitest'
import { F, IndexError, nn, optim, randn, tensor, zeros } from '../../src/index.ts'
import { expectFailure } from './callers-line.ts'

const int32 = (values: number[]): ReturnType<typeof tensor> => tensor(values, { dtype: 'int32' })

test('a class label out of range, when the loss is awaited', async () => {
  const logits = randn([4, 3])
  const loss = F.crossEntropy(logits, int32([0, 1, 2, 3]))
  await expectFailure(() => loss.item(), {
    type: IndexError,
    op: 'crossEntropy',
    message: 'class label 3 at position 3 is out of range for 3 classes: expected 0 to 2',
    line: 'loss.item()',
  })
})

test('an index out of range, when what was gathered is', async () => {
  const rows = zeros([3, 4]).indexSelect(0, int32([0, 7]))
  await expectFailure(() => rows.data(), {
    type: IndexError,
    op: 'indexSelect',
    message: /^indexSelect: index 7 .* is out of range for dim 0 of size 3/,
    line: 'rows.data()',
  })
})

test('a word that the vocabulary does not have', async () => {
  const words = new nn.Embedding(10, 4).forward(int32([3, 10]))
  await expectFailure(() => words.toArray(), {
    type: IndexError,
    op: 'embedding',
    message: 'index 10 at position 1 is out of range for dim 0 of size 10',
    line: 'words.toArray()',
  })
})

test('a position outside the tensor is known at once', async () => {
  const x = zeros([3, 4])
  await expectFailure(() => x.select(0, 3), {
    type: IndexError,
    op: 'select',
    message: 'index 3 is out of range for dim 0 of [3, 4]: expected -3 to 2',
    line: 'x.select(0, 3)',
  })
})

test('a step on bad labels fails and leaves model and optimizer as they were', async () => {
  const model = new nn.Linear(2, 3)
  const optimizer = new optim.Adam(model.parameters(), { lr: 0.1 })
  const before = await model.weight.data()
  F.crossEntropy(model.forward(randn([2, 2])), int32([0, 3])).backward()
  await expectFailure(() => optimizer.step(), {
    type: IndexError,
    op: 'crossEntropy',
    message: 'class label 3 at position 1 is out of range for 3 classes: expected 0 to 2',
    line: 'optimizer.step()',
  })
  expect(await model.weight.data()).toEqual(before)
  optimizer.zeroGrad()
  F.crossEntropy(model.forward(tensor([[1, 2]])), int32([2])).backward()
  optimizer.step()
  expect(await model.weight.data()).not.toEqual(before)
})
