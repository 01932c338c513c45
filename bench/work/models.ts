import { F, nn, type Tensor } from 'gradus'
import { Gpt, type GptSizes } from './gpt.ts'
import { Recurrent } from './recurrent.ts'

/** Which network; the peers build the same one, with the same names of parameters. */
export type Model =
  | { readonly name: 'mlp'; readonly sizes: readonly number[] }
  | { readonly name: 'cnn' }
  | { readonly name: 'resnet18_cifar' }
  | {
      readonly name: 'recurrent'
      readonly cell: 'LSTM' | 'GRU'
      readonly inputs: number
      readonly hidden: number
      readonly classes: number
    }
  | ({ readonly name: 'gpt' } & GptSizes)

export function build(model: Model): nn.Layer {
  switch (model.name) {
    case 'mlp':
      return mlp(model.sizes)
    case 'cnn':
      return cnn()
    case 'resnet18_cifar':
      return resnet18()
    case 'recurrent':
      return new Recurrent(model.cell, model.inputs, model.hidden, model.classes)
    case 'gpt':
      return new Gpt(model)
  }
}

/** Linear layers of the given sizes with ReLU between them. */
function mlp(sizes: readonly number[]): nn.Layer {
  const layers: nn.Layer[] = []
  for (const [i, size] of sizes.slice(1).entries()) {
    if (i > 0) layers.push(new nn.ReLU())
    layers.push(new nn.Linear(sizes[i]!, size))
  }
  return new nn.Sequential(layers)
}

/** For images [N, 1, 28, 28]. */
function cnn(): nn.Layer {
  return new nn.Sequential(
    new nn.Conv2d(1, 32, 3),
    new nn.ReLU(),
    new nn.Conv2d(32, 64, 3),
    new nn.ReLU(),
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Linear(9216, 128),
    new nn.ReLU(),
    new nn.Linear(128, 10),
  )
}

/** The residual block of He et al., "Deep residual learning for image recognition" (2015), figure 2. */
class Block extends nn.Module {
  c1: nn.Conv2d
  b1: nn.BatchNorm2d
  c2: nn.Conv2d
  b2: nn.BatchNorm2d
  sc: nn.Layer

  constructor(channels: number, out: number, stride: number) {
    super()
    this.c1 = new nn.Conv2d(channels, out, 3, { stride, padding: 1, bias: false })
    this.b1 = new nn.BatchNorm2d(out)
    this.c2 = new nn.Conv2d(out, out, 3, { padding: 1, bias: false })
    this.b2 = new nn.BatchNorm2d(out)
    const same = stride === 1 && channels === out
    this.sc = same
      ? new nn.Identity()
      : new nn.Sequential(new nn.Conv2d(channels, out, 1, { stride, bias: false }), new nn.BatchNorm2d(out))
  }

  forward(x: Tensor): Tensor {
    const inner = F.relu(this.b1.forward(this.c1.forward(x)))
    return F.relu(this.b2.forward(this.c2.forward(inner)).add(this.sc.forward(x)))
  }
}

/** For images [N, 3, 32, 32]: the first layer keeps the resolution, and nothing is pooled before the end. */
function resnet18(): nn.Layer {
  const blocks = [
    [64, 64, 1],
    [64, 64, 1],
    [64, 128, 2],
    [128, 128, 1],
    [128, 256, 2],
    [256, 256, 1],
    [256, 512, 2],
    [512, 512, 1],
  ] as const
  return new nn.Sequential(
    new nn.Conv2d(3, 64, 3, { padding: 1, bias: false }),
    new nn.BatchNorm2d(64),
    new nn.ReLU(),
    ...blocks.map(([channels, out, stride]) => new Block(channels, out, stride)),
    new nn.AdaptiveAvgPool2d(1),
    new nn.Flatten(),
    new nn.Linear(512, 10),
  )
}
