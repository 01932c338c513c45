/*
 * What a golden cannot hold, because it is no computation on tensors or because its values are drawn at random, and the
 * ordinary test that holds it instead.
 */

interface Group {
  readonly reason: string
  /** The test that names all of them, from the repository's root. */
  readonly test: string
  /** Paths of public names, as in surface.ts. */
  readonly names: readonly string[]
}

const under = (prefix: string, names: string): string[] => names.split(' ').map((name) => prefix + name)

export const elsewhere: readonly Group[] = [
  {
    reason: 'errors are asserted where they are thrown',
    test: 'test/errors/operations.test.ts',
    names: under('', 'ShapeError DTypeError AxisError ValueError GradError setDevice'),
  },
  { reason: 'the same', test: 'test/errors/data.test.ts', names: ['IndexError'] },
  { reason: 'the same', test: 'test/errors/modules.test.ts', names: ['StateDictError'] },
  { reason: 'the same', test: 'test/lazy/memory.test.ts', names: ['StaleError'] },
  { reason: 'the same', test: 'src/io/safetensors.test.ts', names: ['GradusError', 'FileError'] },
  { reason: 'the same values are computed', test: 'src/tensor/compile.test.ts', names: ['compile'] },
  { reason: 'the same', test: 'src/runtime/device.test.ts', names: ['setThreads'] },
  {
    reason: 'how values come out',
    test: 'test/lazy/values.test.ts',
    names: [
      'realize',
      'Tensor',
      ...under('Tensor.', 'data dataSync item itemSync toArray toArraySync shape dtype rank size isRealized'),
    ],
  },
  { reason: 'gives text', test: 'src/tensor/print.test.ts', names: ['Tensor.toString'] },
  { reason: 'lets go of values', test: 'src/tensor/dispose.test.ts', names: ['Tensor.dispose'] },
  {
    reason: 'changes leaves and what is recorded, not values',
    test: 'src/tensor/autograd.test.ts',
    names: [
      ...under('', 'noGrad enableGrad grad valueAndGrad gradients checkpoint customGrad'),
      ...under('Tensor.', 'backward detach requireGrad retainGrad assign requiresGrad isLeaf grad'),
    ],
  },
  {
    reason: 'the numbers are our own; their distribution is tested',
    test: 'src/tensor/random.test.ts',
    names: [
      ...under('', 'Generator manualSeed rand randn randint randperm bernoulli'),
      ...under('Tensor.', 'bernoulli multinomial'),
    ],
  },
  {
    reason: 'the same',
    test: 'src/nn/init.test.ts',
    names: under(
      'nn.init.',
      'calculateFans uniform normal truncNormal xavierUniform xavierNormal kaimingUniform kaimingNormal orthogonal sparse',
    ),
  },
  {
    reason: 'holds modules or parameters',
    test: 'src/nn/containers.test.ts',
    names: under('nn.', 'Sequential ModuleList ModuleDict ParameterList ParameterDict'),
  },
  {
    reason: 'is what layers are made of',
    test: 'src/nn/module.test.ts',
    names: under('nn.', 'Module Buffer Parameter'),
  },
  {
    reason: 'takes a function; compared with the loop it stands for',
    test: 'src/tensor/scan.test.ts',
    names: ['scan'],
  },
  {
    reason: 'writes text; compared with what can be worked out by hand, and with real weights in test/sequences',
    test: 'src/nn/generation/generate.test.ts',
    names: ['nn.generate'],
  },
  {
    reason: 'keeps what attention has seen; compared with the whole sequence',
    test: 'src/nn/key-value-cache.test.ts',
    names: ['nn.KeyValueCache'],
  },
  {
    reason: 'changes gradients or parameters; compared with PyTorch there',
    test: 'src/nn/utils/utils.test.ts',
    names: under('nn.utils.', 'fuseConvBnEval clipGradNorm clipGradValue parametersToVector vectorToParameters'),
  },
  {
    reason: 'holds the rows of sequences; made and unmade by functions that have goldens',
    test: 'src/nn/recurrent/recurrent.test.ts',
    names: ['nn.utils.rnn.PackedSequence'],
  },
  {
    reason: 'the same',
    test: 'src/nn/utils/parametrizations.test.ts',
    names: [
      ...under('nn.utils.parametrizations.', 'weightNorm spectralNorm removeParametrizations'),
      ...under('nn.utils.prune.', 'l1Unstructured remove'),
    ],
  },
  {
    reason: 'pools at random places; at given ones the functional form has goldens',
    test: 'src/nn/layers/layers.test.ts',
    names: ['nn.FractionalMaxPool2d', 'nn.FractionalMaxPool3d'],
  },
  {
    reason: 'trajectories of PyTorch instead of single values',
    test: 'test/goldens/optim/optim.test.ts',
    names: [
      ...under(
        'optim.',
        'Adadelta Adafactor Adagrad Adam AdamW Adamax ASGD LBFGS Lion Muon NAdam RAdam RMSprop Rprop SGD',
      ),
      ...under('optim.', 'LambdaLR MultiplicativeLR StepLR MultiStepLR ConstantLR LinearLR ExponentialLR SequentialLR'),
      ...under('optim.', 'PolynomialLR CosineAnnealingLR ChainedScheduler ReduceLROnPlateau CyclicLR OneCycleLR'),
      ...under('optim.', 'CosineAnnealingWarmRestarts l1Penalty elasticNet Optimizer LRScheduler'),
    ],
  },
]

/** Every listed name with its test. */
export function testedElsewhere(): Map<string, string> {
  return new Map(elsewhere.flatMap(({ test, names }) => names.map((name) => [name, test] as const)))
}

/** Ops that take a function, have no counterpart in PyTorch or are not differentiated, and the test that holds each. */
export const opsElsewhere: Readonly<Record<string, string>> = {
  custom: 'src/tensor/autograd.test.ts',
  checkpoint: 'src/tensor/autograd.test.ts',
  barrier: 'src/tensor/autograd.test.ts',
  cast: 'src/tensor/autograd.test.ts',
  attentionLogSumExp: 'src/kernel/attention/attention.test.ts',
  writeAt: 'src/graph/ops/write-at.test.ts',
}

/** Ops whose derivative does not depend on what they are differentiated by: there is no second derivative to compare. */
export const linearOps: ReadonlySet<string> = new Set([
  ...['abs', 'sign', 'floor', 'ceil', 'round', 'trunc', 'maximum', 'minimum', 'remainder', 'fmod', 'floorDivide'],
  ...['relu', 'threshold', 'hardTanh', 'hardSigmoid', 'leakyRelu', 'hardShrink', 'softshrink', 'nextAfter'],
  ...['maxPool', 'dropout', 'nllLoss'],
])

/** Ops that only derivatives record: their own derivative is the second one of what they belong to. */
export const gradientOps: ReadonlySet<string> = new Set(['attentionGradient'])
