/** The official node tests of ONNX: what runs must pass, and what does not run is listed, reason by reason. */
import { readFileSync } from 'node:fs'
import { fromBinary } from '@bufbuild/protobuf'
import { beforeAll, describe, expect, test } from 'vitest'
import { FileError } from '../../src/core/errors.ts'
import { setDevice, type Tensor } from '../../src/index.ts'
import { Allowance } from '../../src/io/allowance.ts'
import { loadOnnx } from '../../src/io/onnx/onnx.ts'
import { TensorProtoSchema } from '../../src/io/onnx/onnx-pb.ts'
import { readTensor } from '../../src/io/onnx/tensors.ts'
import { type NodeTest, nodeTests } from './onnx-node-tests.ts'

/** One unit in the last place of bfloat16 beside what is expected: single steps are rounded in another order. */
const roundedElsewhere: readonly string[] = [
  'test_attention_3d_causal_bf16_expanded',
  'test_attention_4d_causal_bf16_expanded',
  'test_attention_4d_causal_padded_kv_bf16_expanded',
  'test_attention_4d_padded_kv_bf16_expanded',
]

const fail = (problem: string): FileError => new FileError('onnx', problem)

function read(bytes: Uint8Array): Promise<Tensor> {
  return readTensor(fromBinary(TensorProtoSchema, bytes), { fail, allowance: new Allowance('onnx', 'test', 1e8) })
}

/** What is wrong with the outputs of a test; undefined where nothing is. */
async function difference({ model: content, rtol, atol, inputs, outputs }: NodeTest): Promise<string | undefined> {
  const model = await loadOnnx(content)
  const received = model.forwardAll(...(await Promise.all(inputs.map(read))))
  for (const [i, bytes] of outputs.entries()) {
    const [wanted, output] = [await read(bytes), received[i]!]
    const types = [output, wanted].map(({ shape, dtype }) => `${dtype} [${shape.join(', ')}]`)
    if (types[0] !== types[1]) return `output ${i} is ${types[0]}, expected ${types[1]}`
    const [values, right] = [await output.data(), await wanted.data()]
    const far = values.findIndex((value: number, k: number) => {
      const same = Object.is(value, right[k]) || Math.abs(value - right[k]!) <= atol + rtol * Math.abs(right[k]!)
      return !same && value !== right[k]
    })
    if (far >= 0) return `output ${i} has ${values[far]} at ${far}, expected ${right[far]}`
  }
  return undefined
}

describe('official node tests', () => {
  const failed = new Map<string, string>()
  const reasons = new Set<string>()
  let passed = 0

  beforeAll(async () => {
    setDevice('reference')
    for (const own of nodeTests()) {
      try {
        const problem = await difference(own)
        if (problem === undefined) passed++
        else failed.set(own.name, problem)
      } catch (error) {
        const { message } = error as Error
        const [, reason] = /: ([^:]*not supported.*)$/.exec(message) ?? []
        if (reason === undefined) failed.set(own.name, message)
        else
          for (const one of reason.replace(/^.*supported: |^element type | is not supported$/g, '').split(', '))
            reasons.add(one)
      }
    }
  }, 60_000)

  test('pass', () => {
    expect(Object.fromEntries([...failed].filter(([name]) => !roundedElsewhere.includes(name)))).toEqual({})
    expect([...failed.keys()]).toEqual(roundedElsewhere)
  })

  test('are more than half of all', () => {
    expect(passed).toBeGreaterThanOrEqual(1166)
    expect(passed / (passed + failed.size)).toBeGreaterThanOrEqual(0.98)
  })

  test('that do not run are listed', () => {
    const page = readFileSync(new URL('../../docs/onnx.md', import.meta.url), 'utf8')
    const listed = page.slice(page.indexOf('Operators:\n')).match(/`[^`]+`/g)
    expect([...reasons].sort()).toEqual(listed?.map((name) => name.slice(1, -1)).sort())
  })
})
