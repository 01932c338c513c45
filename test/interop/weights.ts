/**
 * Weights between Gradus and PyTorch, both ways. Needs a Python with PyTorch and safetensors, so it is run by hand:
 *
 *     npm run ts -- test/interop/weights.ts [python] [run folder]
 *
 * With a run folder the trained weights are compared, otherwise fresh ones.
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { LeNet } from '../../src/cli/mnist/lenet.ts'
import { mnistDigits } from '../../src/data/mnist-digits.ts'
import { loadSafetensors, saveSafetensors } from '../../src/io/safetensors.ts'
import { loadStateDict, saveStateDict } from '../../src/io/state-dict.ts'
import { tensor } from '../../src/tensor/creation.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'

const [python = 'python3', run] = process.argv.slice(2)
const folder = mkdtempSync(join(tmpdir(), 'gradus-interop-'))
const at = (name: string): string => join(folder, name)

const model = new LeNet()
if (run === undefined) await saveStateDict(model, at('model.safetensors'))
else copyFileSync(join(run, 'model.safetensors'), at('model.safetensors'))
await loadStateDict(model, at('model.safetensors'))
const { test } = await mnistDigits()
const [inputs] = test.batch(Array.from({ length: 64 }, (_, i) => i))
await saveSafetensors(at('example.safetensors'), { inputs, outputs: model.forward(inputs).detach() })

const kinds: Record<string, Tensor> = {
  float32: tensor([1.5, -2, Number.POSITIVE_INFINITY]),
  float64: tensor([1 / 3, 1e300], { dtype: 'float64' }),
  float16: tensor([1.5, 65504, 2 ** -24], { dtype: 'float16' }),
  bfloat16: tensor([3.140625, -1e38], { dtype: 'bfloat16' }),
  int32: tensor(Int32Array.of(-(2 ** 31), 2 ** 31 - 1), { shape: [1, 2] }),
  uint8: tensor(Uint8Array.of(0, 255)),
  bool: tensor([true, false]),
  scalar: tensor(7),
  empty: tensor(new Float32Array(0), { shape: [2, 0] }),
}
await saveSafetensors(at('kinds.safetensors'), kinds)

const script = fileURLToPath(new URL('weights.py', import.meta.url))
const { status } = spawnSync(python, [script, folder], { stdio: 'inherit' })
let failed = status !== 0

const { tensors: example } = await loadSafetensors(at('torch-example.safetensors'))
await loadStateDict(model, at('torch-model.safetensors'))
const outputs = model.forward(example.get('inputs') as Tensor).dataSync()
const expected = example.get('outputs')?.dataSync() ?? []
const difference = Math.max(...outputs.map((value, i) => Math.abs(value - (expected[i] ?? Number.NaN))))
console.log(`PyTorch to Gradus: outputs differ by at most ${difference.toExponential(2)}`)
failed ||= !(difference <= 1e-5)

const { tensors: received } = await loadSafetensors(at('torch-kinds.safetensors'))
for (const [name, wanted] of Object.entries({ ...kinds, int64: tensor(Int32Array.of(-5, 2 ** 31 - 1)) })) {
  const value = received.get(name)
  if (String(value) !== String(wanted)) {
    console.log(`PyTorch to Gradus: ${name} is ${value}, expected ${wanted}`)
    failed = true
  }
}
console.log(`PyTorch to Gradus: ${received.size} tensors compared`)
rmSync(folder, { recursive: true })
process.exitCode = failed ? 1 : 0
