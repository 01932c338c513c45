import { expect, test } from 'vitest'
import { manualSeed } from '../tensor/random.ts'
import { tensor, zeros } from '../tensor/creation.ts'
import { Autoencoder, VariationalAutoencoder, vaeLoss } from './autoencoder.ts'

test('an autoencoder narrows and widens again', () => {
  const model = new Autoencoder({ inputs: 6, hidden: [5, 4], latent: 2 })
  expect(model.namedParameters().map(([name, { shape }]) => `${name} ${shape.join('×')}`)).toEqual([
    ...['encoder.0.weight 5×6', 'encoder.0.bias 5', 'encoder.2.weight 4×5', 'encoder.2.bias 4', 'encoder.4.weight 2×4'],
    ...['encoder.4.bias 2', 'decoder.0.weight 4×2', 'decoder.0.bias 4', 'decoder.2.weight 5×4', 'decoder.2.bias 5'],
    ...['decoder.4.weight 6×5', 'decoder.4.bias 6'],
  ])
  const y = model.forward(zeros([3, 6]))
  expect(y.shape).toEqual([3, 6])
  for (const value of y.dataSync()) expect(value).toBeGreaterThan(0)
})

test('a variational one draws its latent variable in training, and is its mean in evaluation', async () => {
  manualSeed(1)
  const model = new VariationalAutoencoder({ inputs: 4, hidden: [3], latent: 2 })
  const x = tensor([[0, 1, 0.5, 0.25]])
  const drawn = [await model.forward(x).reconstruction.data(), await model.forward(x).reconstruction.data()]
  expect(drawn[0]).not.toEqual(drawn[1])
  model.eval()
  const { reconstruction, mean } = model.forward(x)
  expect(await reconstruction.data()).toEqual(await model.decoder.forward(mean).data())
})

test('the loss is the cross-entropy and the divergence, per sample', async () => {
  const output = {
    reconstruction: tensor([
      [0.5, 0.25],
      [0.5, 0.5],
    ]),
    mean: tensor([[1], [0]]),
    logVariance: tensor([[0], [Math.log(4)]]),
  }
  const x = tensor([
    [1, 0],
    [0, 1],
  ])
  const error = Math.log(2) + Math.log(4 / 3) + 2 * Math.log(2)
  const divergence = -0.5 * (1 + 0 - 1 - 1) - 0.5 * (1 + Math.log(4) - 0 - 4)
  expect(await vaeLoss(output, x).item()).toBeCloseTo((error + divergence) / 2, 5)
})
