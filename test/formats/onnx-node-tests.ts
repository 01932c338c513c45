import { readFileSync } from 'node:fs'
import { gunzipSync } from 'fflate'

/** One of the official node tests of ONNX: a model, what it is given, and what it must give. */
export interface NodeTest {
  readonly name: string
  readonly model: Uint8Array
  readonly rtol: number
  readonly atol: number
  /** Each a TensorProto. */
  readonly inputs: readonly Uint8Array[]
  readonly outputs: readonly Uint8Array[]
}

/** The tests that `onnx_node_tests.py` has written; their format is described there. */
export function nodeTests(): NodeTest[] {
  const content = gunzipSync(readFileSync(new URL('data/onnx-node-tests.bin.gz', import.meta.url)))
  const view = new DataView(content.buffer, content.byteOffset)
  const found: NodeTest[] = []
  let at = 0
  const count = (): number => {
    at += 4
    return view.getUint32(at - 4, true)
  }
  const double = (): number => {
    at += 8
    return view.getFloat64(at - 8, true)
  }
  const chunk = (): Uint8Array => {
    const length = count()
    at += length
    return content.subarray(at - length, at)
  }
  const chunks = (): Uint8Array[] => Array.from({ length: count() }, chunk)
  while (at < content.length) {
    found.push({
      name: new TextDecoder().decode(chunk()),
      model: chunk(),
      rtol: double(),
      atol: double(),
      inputs: chunks(),
      outputs: chunks(),
    })
  }
  return found
}
