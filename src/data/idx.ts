import { type DType, toStorage, type Values } from '../core/dtype.ts'
import { FileError } from '../core/errors.ts'
import { reasonOf } from '../core/system-error.ts'
import { sizeOf } from '../core/shape.ts'
import { buffer } from '../graph/ops/leaves.ts'
import { Tensor } from '../tensor/tensor.ts'

/** The element types of the format by their code. 16-bit integers are widened to int32. */
const types: Readonly<Record<number, { bytes: number; dtype: DType; read: (view: DataView, at: number) => number }>> = {
  8: { bytes: 1, dtype: 'uint8', read: (view, at) => view.getUint8(at) },
  9: { bytes: 1, dtype: 'int32', read: (view, at) => view.getInt8(at) },
  11: { bytes: 2, dtype: 'int32', read: (view, at) => view.getInt16(at) },
  12: { bytes: 4, dtype: 'int32', read: (view, at) => view.getInt32(at) },
  13: { bytes: 4, dtype: 'float32', read: (view, at) => view.getFloat32(at) },
  14: { bytes: 8, dtype: 'float64', read: (view, at) => view.getFloat64(at) },
}

/**
 * Decodes the IDX format of the original MNIST files: two zero bytes, type, number of dimensions, big-endian sizes, data.
 * Throws a {@link FileError} naming `name` when the bytes are anything else.
 */
export function decodeIdx(bytes: Uint8Array, name = 'data'): Tensor {
  const fail = (problem: string): FileError => new FileError('idx', `${name}: ${problem}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 4 || view.getUint16(0) !== 0) throw fail('not an IDX file: it does not begin with two zero bytes')
  const type = types[view.getUint8(2)]
  if (!type) throw fail(`unknown element type ${view.getUint8(2)}`)
  const rank = view.getUint8(3)
  const from = 4 + 4 * rank
  if (bytes.length < from) throw fail(`truncated: ${bytes.length} bytes are too few for ${rank} sizes`)
  const shape = Array.from({ length: rank }, (_, d) => view.getUint32(4 + 4 * d))
  const size = sizeOf(shape)
  if (bytes.length !== from + size * type.bytes) {
    throw fail(`shape [${shape.join(', ')}] needs ${size * type.bytes} bytes of data, ${bytes.length - from} are there`)
  }
  return new Tensor(buffer(toStorage(readValues(view, from, size, type), type.dtype), shape, type.dtype))
}

/** Reads an IDX file such as `t10k-images-idx3-ubyte`, or its `.gz`. Needs Node. Errors as {@link decodeIdx}. */
export async function loadIdx(path: string): Promise<Tensor> {
  const [{ readFile }, { gunzipSync }] = await Promise.all([import('node:fs/promises'), import('node:zlib')])
  try {
    const bytes = await readFile(path)
    const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b
    return decodeIdx(isGzip ? gunzipSync(bytes) : bytes, path)
  } catch (error) {
    if (error instanceof FileError) throw error
    throw new FileError('idx', `${path}: ${reasonOf(error)}`, { cause: error })
  }
}

function readValues(
  view: DataView,
  from: number,
  size: number,
  { bytes, dtype, read }: (typeof types)[number],
): Values {
  if (dtype === 'uint8') return new Uint8Array(view.buffer, view.byteOffset + from, size).slice()
  const out =
    dtype === 'int32' ? new Int32Array(size) : dtype === 'float32' ? new Float32Array(size) : new Float64Array(size)
  for (let i = 0; i < size; i++) out[i] = read(view, from + i * bytes)
  return out
}
