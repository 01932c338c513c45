/**
 * A unit whose sum is negative for every input gives 0 and has the derivative 0: it never learns again. Here all hidden units
 * start so, with a bias of −20. The leaky ReLU keeps a slope of 0.01 on the negative side, and recovers.
 */
import { manualSeed, nn, optim } from 'gradus'
import { accuracy, all, learn, test, train } from './digits.ts'
import { atLeast, atMost, exactly, seeds, show } from './show.ts'

const images = all(test)

async function trained(seed: number, activation: nn.Layer): Promise<{ accuracy: number; dead: number }> {
  manualSeed(seed)
  const hidden = new nn.Sequential(new nn.Flatten(), new nn.Linear(784, 64))
  for (const [name, parameter] of hidden.namedParameters()) if (name.endsWith('bias')) nn.init.constant(parameter, -20)
  const model = new nn.Sequential(hidden, activation, new nn.Linear(64, 10))
  learn(model, new optim.Adam(model.parameters(), { lr: 1e-2 }), train, { steps: 300, batchSize: 64, seed })

  const alive = hidden.forward(images[0]).gt(0).any(0)
  return { accuracy: await accuracy(model, images), dead: 64 - (await alive.sum().item()) }
}

const relu = []
const leaky = []
for (const seed of seeds) {
  relu.push(await trained(seed, new nn.ReLU()))
  leaky.push(await trained(seed, new nn.LeakyReLU()))
}

show(
  import.meta.url,
  ['dying ReLU: accuracy on test digits', 'ReLU 死亡：测试准确率'],
  relu.map((run) => run.accuracy),
  atMost(15, ' %'),
)
show(
  import.meta.url,
  ['dying ReLU: hidden units of 64 that answer to no digit', 'ReLU 死亡：64 个隐藏单元中对任何数字都不响应的个数'],
  relu.map((run) => run.dead),
  exactly(64),
)
show(
  import.meta.url,
  ['leaky ReLU from the same start: accuracy', '同样起点的 LeakyReLU：测试准确率'],
  leaky.map((run) => run.accuracy),
  atLeast(85, ' %'),
)
