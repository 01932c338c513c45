/** Real handwritten digits, and what it takes to learn from them. */
import { F, nn, type optim, type Tensor } from 'gradus'
import { DataLoader, mnistDigits, TensorDataset } from 'gradus/data'

export type Digits = TensorDataset<readonly [Tensor, Tensor]>

const digits = await mnistDigits()
export const train: Digits = digits.train
export const test: Digits = digits.test

/** Images [N, 1, 28, 28] and labels [N] of a whole dataset, or of the samples that `indices` name. */
export function all(
  digits: Digits,
  indices: readonly number[] = [...Array(digits.length).keys()],
): readonly [Tensor, Tensor] {
  return digits.batch(indices)
}

/** The same digits at half the size, [N, 1, 14, 14]: a quarter of the work where detail does not matter. */
export function halved(digits: Digits): Digits {
  const [images, labels] = all(digits)
  return new TensorDataset(F.avgPool2d(images, 2), labels)
}

/** A small convolutional network in the manner of LeNet-5 (LeCun et al. 1998): [N, 1, 28, 28] → logits [N, 10]. */
export function lenet(): nn.Sequential {
  return new nn.Sequential(
    new nn.Conv2d(1, 6, 5, { padding: 2 }),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Conv2d(6, 16, 5),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(400, 84),
    new nn.ReLU(),
    new nn.Linear(84, 10),
  )
}

/** Minimises cross-entropy in `steps` shuffled batches, epoch after epoch. */
export function learn(
  model: nn.Layer,
  optimizer: optim.Optimizer,
  digits: Digits,
  { steps, batchSize, seed }: { steps: number; batchSize: number; seed: number },
): void {
  const loader = new DataLoader(digits, { batchSize, seed, shuffle: true, dropLast: true })
  while (steps > 0) {
    for (const [images, labels] of loader) {
      if (steps-- <= 0) return
      const loss = F.crossEntropy(model.forward(images), labels)
      optimizer.zeroGrad()
      loss.backward()
      optimizer.step()
    }
  }
}

/** Share of images that the model reads rightly, in percent. */
export async function accuracy(model: nn.Layer, [images, labels]: readonly [Tensor, Tensor]): Promise<number> {
  const right = model.forward(images).argMax(1).eq(labels)
  return 100 * (await right.to('float32').mean().item())
}
