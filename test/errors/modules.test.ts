import { describe, test } from 'vitest'
import {
  DTypeError,
  F,
  GradError,
  nn,
  optim,
  ShapeError,
  StateDictError,
  type Tensor,
  ValueError,
  zeros,
} from '../../src/index.ts'
import { expectFailure } from './callers-line.ts'

class Block extends nn.Module {
  inner: nn.Sequential = new nn.Sequential(new nn.Linear(8, 4), new nn.Sequential(new nn.Linear(4, 4)))
  forward(x: Tensor): Tensor {
    return this.inner.forward(x)
  }
}

class Network extends nn.Module {
  blocks: nn.Sequential = new nn.Sequential(new Block())
  forward(x: Tensor): Tensor {
    return this.blocks.forward(x)
  }
}

describe('layers', () => {
  test('an error deep inside names the line of the module that the user wrote', async () => {
    const network = new Network()
    await expectFailure(() => network.forward(zeros([2, 9])), {
      type: ShapeError,
      op: 'linear',
      message: 'input [2, 9] does not fit weight [out, in] [4, 8]: the last sizes must be equal',
      line: 'this.inner.forward(x)',
    })
  })

  test('through a hundred layers of the library it names the line that called the outermost', async () => {
    let model = new nn.Sequential(new nn.Linear(3, 3))
    for (let depth = 0; depth < 100; depth++) model = new nn.Sequential(model)
    const x = zeros([2, 9])
    await expectFailure(() => model.forward(x), {
      type: ShapeError,
      op: 'linear',
      message: 'input [2, 9] does not fit weight [out, in] [3, 3]: the last sizes must be equal',
      line: 'model.forward(x)',
    })
  })

  test('channels that a convolution does not take', async () => {
    const conv = new nn.Conv2d(3, 8, 3)
    const x = zeros([1, 4, 8, 8])
    await expectFailure(() => conv.forward(x), {
      type: ShapeError,
      op: 'conv2d',
      message: /^conv2d: input \[1, 4, 8, 8\] has 4 channels; .*received \[8, 3, 3, 3\]$/,
      line: 'conv.forward(x)',
    })
  })

  test('a kernel larger than the image', async () => {
    const pool = new nn.MaxPool2d(5)
    const x = zeros([1, 1, 3, 3])
    await expectFailure(() => pool.forward(x), {
      type: ShapeError,
      op: 'maxPool2d',
      message: 'kernel [5, 5] (dilation [1, 1]) is larger than the input [3, 3] padded by [0, 0]',
      line: 'pool.forward(x)',
    })
  })

  test('an input of the wrong rank', async () => {
    const norm = new nn.BatchNorm2d(4)
    const x = zeros([2, 4])
    await expectFailure(() => norm.forward(x), {
      type: ShapeError,
      op: 'BatchNorm2d',
      message: 'expects an input [N, C, H, W], received [2, 4]',
      line: 'norm.forward(x)',
    })
  })

  test('parameters of another dtype', async () => {
    const x = zeros([2, 3])
    const weight = zeros([4, 3], { dtype: 'float64' })
    await expectFailure(() => F.linear(x, weight), {
      type: DTypeError,
      op: 'linear',
      message: 'input is float32, parameters are float64',
      line: 'F.linear(x, weight)',
    })
  })

  test('settings outside their domain', async () => {
    await expectFailure(() => new nn.Dropout(1.5), {
      type: ValueError,
      op: 'Dropout',
      message: 'p is a probability from 0 to 1, received 1.5',
      line: 'new nn.Dropout(1.5)',
    })
  })
})

describe('losses', () => {
  test('labels of another shape', async () => {
    const logits = zeros([4, 3])
    const labels = zeros([5], { dtype: 'int32' })
    await expectFailure(() => F.crossEntropy(logits, labels), {
      type: ShapeError,
      op: 'crossEntropy',
      message: 'input [N, C, ...] [4, 3] takes class labels of shape [4], received [5]',
      line: 'F.crossEntropy(logits, labels)',
    })
  })

  test('labels of a floating dtype', async () => {
    const logits = zeros([4, 3])
    const labels = zeros([4])
    await expectFailure(() => F.crossEntropy(logits, labels), {
      type: ShapeError,
      op: 'crossEntropy',
      message: "probabilities must have the input's shape [4, 3], received [4]; class labels must be int32",
      line: 'F.crossEntropy(logits, labels)',
    })
  })

  test('a target of another shape', async () => {
    const y = zeros([2, 3])
    const target = zeros([2, 4])
    await expectFailure(() => F.mseLoss(y, target), {
      type: ShapeError,
      op: 'mseLoss',
      message: 'input [2, 3] and target [2, 4] differ; reshape or expand one of them',
      line: 'F.mseLoss(y, target)',
    })
  })
})

describe('state dicts', () => {
  const all = "'blocks.0.inner.0.weight' [4, 8], 'blocks.0.inner.0.bias' [4], "
  const rest = "'blocks.0.inner.1.0.weight' [4, 4], 'blocks.0.inner.1.0.bias' [4]"
  const wayOut = '; pass { strict: false } to load what both have'

  test('missing entries', async () => {
    const network = new Network()
    await expectFailure(() => network.loadStateDict({}), {
      type: StateDictError,
      op: 'loadStateDict',
      message: `the entries do not fit Network: missing ${all}${rest}${wayOut}`,
      line: 'network.loadStateDict({})',
    })
  })

  test('entries that the module does not have', async () => {
    const network = new Network()
    const state = { ...network.stateDict(), 'blocks.0.inner.0.wieght': zeros([4, 8]) }
    await expectFailure(() => network.loadStateDict(state), {
      type: StateDictError,
      op: 'loadStateDict',
      message:
        /^loadStateDict: the entries do not fit Network: unexpected 'blocks\.0\.inner\.0\.wieght'.*strict: false/,
      line: 'network.loadStateDict(state)',
    })
  })

  test('entries of another shape', async () => {
    const network = new Network()
    const state = { ...network.stateDict(), 'blocks.0.inner.0.weight': zeros([4, 9]) }
    await expectFailure(() => network.loadStateDict(state), {
      type: StateDictError,
      op: 'loadStateDict',
      message: "the entries do not fit Network: misshaped 'blocks.0.inner.0.weight' expects [4, 8], received [4, 9]",
      line: 'network.loadStateDict(state)',
    })
  })

  test('the state of an optimizer of other parameters', async () => {
    const optimizer = new optim.SGD(new Network().parameters(), { lr: 0.1, momentum: 0.9 })
    const other = new optim.SGD(new nn.Linear(2, 2).parameters(), { lr: 0.1, momentum: 0.9 }).stateDict()
    await expectFailure(() => optimizer.loadStateDict(other), {
      type: StateDictError,
      op: 'SGD',
      message: /^SGD: .*(4|2) parameters.*(4|2)/,
      line: 'optimizer.loadStateDict(other)',
    })
  })
})

describe('optimizers', () => {
  test('no parameters', async () => {
    await expectFailure(() => new optim.Adam([], { lr: 1e-3 }), {
      type: ValueError,
      op: 'Adam',
      message: 'received no parameters; pass model.parameters()',
      line: 'new optim.Adam([], { lr: 1e-3 })',
    })
  })

  test('parameters that were computed', async () => {
    const w = zeros([2], { requiresGrad: true }).mul(2)
    await expectFailure(() => new optim.SGD([w], { lr: 0.1 }), {
      type: GradError,
      op: 'SGD',
      message: 'only leaves can be optimised, a parameter was computed from others; use detach().requireGrad()',
      line: 'new optim.SGD([w], { lr: 0.1 })',
    })
  })

  test('a negative learning rate', async () => {
    const parameters = new nn.Linear(2, 2).parameters()
    await expectFailure(() => new optim.SGD(parameters, { lr: -0.1 }), {
      type: ValueError,
      op: 'SGD',
      message: 'lr must be ≥ 0, received -0.1',
      line: 'new optim.SGD(parameters, { lr: -0.1 })',
    })
  })
})
