/*
 * What is public but not a computation on tensors that a golden could hold, and the ordinary test that holds it instead.
 */

interface Group {
  readonly reason: string
  /** The test that names and holds all of them, from the repository's root. */
  readonly test: string
  /** Paths of public names, as in surface.ts. */
  readonly names: readonly string[]
}

export const elsewhere: readonly Group[] = [
  {
    reason: 'how errors read is asserted where they are thrown',
    test: 'test/errors/operations.test.ts',
    names: ['ShapeError', 'DTypeError', 'AxisError', 'IndexError', 'ValueError', 'GradError', 'setDevice'],
  },
]

/** Every listed name with its test. */
export function testedElsewhere(): Map<string, string> {
  return new Map(elsewhere.flatMap(({ test, names }) => names.map((name) => [name, test] as const)))
}

/** Ops that take a function or have no counterpart in PyTorch, and the test that holds each. */
export const opsElsewhere: Readonly<Record<string, string>> = {
  custom: 'src/tensor/autograd.test.ts',
  checkpoint: 'src/tensor/autograd.test.ts',
  barrier: 'src/tensor/autograd.test.ts',
}

/** Ops whose derivative is constant wherever it exists: there is no second derivative to compare. */
export const kinks: ReadonlySet<string> = new Set([
  ...['abs', 'sign', 'floor', 'ceil', 'round', 'trunc', 'maximum', 'minimum', 'remainder', 'fmod', 'floorDivide'],
  ...['relu', 'threshold', 'hardTanh', 'hardSigmoid', 'leakyRelu', 'hardShrink', 'softshrink', 'nextAfter'],
])
