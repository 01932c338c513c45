/** A training with all that has state, on made-up pictures; killed and taken up again by `kill.long.test.ts`. */
import { F, manualSeed, nn, optim } from './dist/index.js'
import { DataLoader, moduleDataset } from './dist/data/index.js'
import { saveStateDict } from './dist/io/index.js'
import { accuracy, fit, historyFile } from './dist/train/index.js'

const folder = process.argv[2]
const epochs = 6

const pictures = await moduleDataset(new URL('./killable-data.mjs', import.meta.url), { length: 128 })
const train = new DataLoader(pictures, { batchSize: 8, shuffle: true, seed: 3, workers: 2, persistentWorkers: true })
const validation = await moduleDataset(new URL('./killable-data.mjs', import.meta.url), { length: 16, labels: 'plain' })

manualSeed(11)
const model = new nn.Sequential(
  new nn.Conv2d(1, 4, 3, { padding: 1 }),
  new nn.BatchNorm2d(4),
  new nn.ReLU(),
  new nn.MaxPool2d(2),
  new nn.Flatten(),
  new nn.Dropout(0.3),
  new nn.Linear(64, 3),
)
const optimizer = new optim.Adam(model.parameters(), { lr: 5e-3 })

await fit(model, {
  ...{ train, validation, optimizer, epochs, readEvery: 3, ema: 0.9, clipNorm: 5, restoreBest: false },
  loss: F.crossEntropy,
  metrics: { accuracy },
  schedule: new optim.CosineAnnealingLR(optimizer, epochs * train.length),
  scheduleEvery: 'step',
  checkpoint: { folder: `${folder}/checkpoints`, every: 2, resume: true },
  callbacks: [historyFile(`${folder}/history.jsonl`), { onStep: () => console.log('step') }],
})
await saveStateDict(model, `${folder}/model.safetensors`)
await train.close()
