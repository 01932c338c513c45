import { expect, test } from 'vitest'
import { registerTarget, setDevice } from '../../src/runtime/device.ts'
import { NativeTarget, nativeTarget } from '../../src/runtime/native/target.ts'
import { caseFiles, nameOf, readCases } from '../goldens/cases.ts'
import { runCase, weighted } from '../goldens/run.ts'

/*
 * Golden calls of which some part is still computed by the interpreter, between segments of machine code. The list may lose
 * entries, never gain one.
 */

/** Sorting, float64, special functions of statistics, sums of windows that lie apart. */
const known: ReadonlySet<string> = new Set([
  ...['Tensor.all', 'Tensor.allClose', 'Tensor.any', 'Tensor.argSort', 'Tensor.diagonal', 'Tensor.diff'],
  ...['Tensor.digamma', 'Tensor.erfinv', 'Tensor.gcd', 'Tensor.i0', 'Tensor.kthvalue', 'Tensor.lcm', 'Tensor.lgamma'],
  ...['Tensor.matmul', 'Tensor.max', 'Tensor.median', 'Tensor.min', 'Tensor.mode', 'Tensor.msort', 'Tensor.nanToNum'],
  ...['Tensor.nanmedian', 'Tensor.nanquantile', 'Tensor.nextafter', 'Tensor.polygamma', 'Tensor.quantile'],
  ...['Tensor.scatterReduce', 'Tensor.sort', 'Tensor.to', 'Tensor.topK', 'gradus.arange', 'gradus.ones'],
  ...['nn.Fold', 'nn.Unfold'],
])

const target = nativeTarget()
const machine = target instanceof NativeTarget

test.skipIf(!machine)('no call leaves machine code that did not before', async () => {
  if (!(target instanceof NativeTarget)) return
  registerTarget(target)
  setDevice('native')
  const found = new Set<string>()
  for (const file of caseFiles()) {
    for (const golden of readCases(file)) {
      target.routines.clear()
      const { inputs, outputs } = await runCase(golden)
      if (golden.grads) weighted(outputs)?.backward()
      for (const output of outputs) await output.data()
      for (const { grad } of inputs) await grad?.data()
      if (target.routines.size > 0) found.add(nameOf(golden))
    }
  }
  expect(target.compiled).toBeGreaterThan(500)
  expect([...found].filter((name) => !known.has(name)).sort()).toEqual([])
})
