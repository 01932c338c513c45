/**
 * What a network has learned of photographs helps it to read. ResNet-20 can tell ten kinds of things in CIFAR-10 (weights of
 * https://github.com/akamaster/pytorch_resnet_cifar10). With a new last layer, and all others going on to learn, it gets twenty
 * examples of each digit; the same network with fresh weights gets them in the same order.
 */
import { F, manualSeed, optim, type Tensor, tensor } from 'gradus'
import { DataLoader, Random, TensorDataset } from 'gradus/data'
import { loadStateDict } from 'gradus/io'
import { type CifarResNet, cifarResnet20, replaceHead } from 'gradus/models'
import { dataFile, firstAbsent } from '../data-files.ts'
import { accuracy, all, type Digits, test, train } from './digits.ts'
import { atLeast, atMost, seeds, show } from './show.ts'

const weights = dataFile('cifar10/resnet20-12fca82f.th')
const examples = 20
// Five steps an epoch: after three epochs the fresh network has hardly begun.
const batchSize = 40
const [few, many] = [3, 15]

const perChannel = (values: readonly number[]): Tensor => tensor(values).reshape(3, 1, 1)
const mean = perChannel([0.485, 0.456, 0.406])
const deviation = perChannel([0.229, 0.224, 0.225])

/** Digits as the weights know pictures: [N, 3, 32, 32], normalised as ImageNet is. */
function pictures([images, labels]: readonly [Tensor, Tensor]): readonly [Tensor, Tensor] {
  const wide = images.pad([2, 2, 2, 2]).expand([-1, 3, -1, -1])
  return [wide.sub(mean).div(deviation), labels]
}

/** Examples of each digit; which ones depends on the seed. */
function draw(seed: number): Digits {
  const labels = all(train)[1].dataSync()
  const order = new Random(seed).permutation(train.length)
  const drawn = [...Array(10).keys()].flatMap((digit) => [
    ...order.filter((i) => labels[i] === digit).slice(0, examples),
  ])
  return new TensorDataset(...pictures(all(train, drawn)))
}

/** Test accuracy after few and after many epochs. */
async function learn(model: CifarResNet, digits: Digits, seed: number): Promise<[early: number, late: number]> {
  const optimizer = new optim.Adam(model.parameters(), { lr: 1e-3 })
  const loader = new DataLoader(digits, { batchSize, seed, shuffle: true })
  const epochs = async (count: number): Promise<number> => {
    model.train()
    for (let epoch = 0; epoch < count; epoch++) {
      for (const [images, labels] of loader) {
        optimizer.zeroGrad()
        F.crossEntropy(model.forward(images), labels).backward()
        optimizer.step()
      }
    }
    model.eval()
    return accuracy(model, unseen)
  }
  return [await epochs(few), await epochs(many - few)]
}

const absent = firstAbsent(weights)
const unseen = pictures(all(test))
if (!absent) await unseen[0].data()

const early: number[] = []
const earlyFresh: number[] = []
const late: number[] = []
const gains: number[] = []
for (const seed of absent ? [] : seeds) {
  manualSeed(seed)
  const digits = draw(seed)
  const fresh = await learn(cifarResnet20(), digits, seed)
  const pretrained = cifarResnet20()
  await loadStateDict(pretrained, weights)
  replaceHead(pretrained, 10)
  const transferred = await learn(pretrained, digits, seed)
  early.push(transferred[0])
  earlyFresh.push(fresh[0])
  late.push(transferred[1])
  gains.push(transferred[1] - fresh[1])
}

show(
  import.meta.url,
  [
    `ResNet-20 of CIFAR-10, 200 digits, ${many} epochs: test accuracy`,
    `在 CIFAR-10 上预训练的 ResNet-20，200 个数字，${many} 轮：测试准确率`,
  ],
  late,
  atLeast(90, ' %'),
  { absent },
)
show(
  import.meta.url,
  ['the same: points gained over fresh weights', '同上：比随机初始化时提高的百分点'],
  gains,
  atLeast(10),
  { absent },
)
show(
  import.meta.url,
  [
    `ResNet-20 of CIFAR-10 after ${few} epochs of these digits`,
    `在 CIFAR-10 上预训练的 ResNet-20，同样的数字，${few} 轮：测试准确率`,
  ],
  early,
  atLeast(70, ' %'),
  { absent },
)
show(
  import.meta.url,
  [
    `ResNet-20 with fresh weights after ${few} epochs of them`,
    `随机初始化的 ResNet-20，同样的数字，${few} 轮：测试准确率`,
  ],
  earlyFresh,
  atMost(30, ' %'),
  { absent },
)
