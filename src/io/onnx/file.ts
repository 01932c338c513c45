import { FileError } from '../../core/errors.ts'
import type { Allowance } from '../allowance.ts'
import { readBytes, withFile } from '../byte-source.ts'
import type { Reading } from './tensors.ts'

/** What the file may lie beside: the path of the model, or undefined where it came as bytes. */
export interface OnnxFile {
  readonly name: string
  readonly path: string | undefined
  readonly content: Uint8Array
}

export function damaged(name: string, problem: string): FileError {
  return new FileError('onnx', `${name}: ${problem}`)
}

/** How the tensor that errors call `what` is read, its data in the file or beside it. */
export function readingOf(file: OnnxFile, allowance: Allowance, what: string): Reading {
  const { name, path } = file
  const fail = (problem: string): FileError => damaged(name, `${what}: ${problem}`)
  if (path === undefined) return { fail, allowance }
  const external: Reading['external'] = async (entries, length) => {
    const [location = '', offset = 0] = [entries.get('location'), Number(entries.get('offset') ?? 0)]
    // Names come from strangers: only files beside the model are opened.
    if (!/^\w[\w.+ -]*$/.test(location)) throw fail(`its data lie in '${location}', which is no plain file name`)
    const { dirname, join } = await import('node:path')
    return withFile('onnx', join(dirname(path), location), (source) => {
      if (!(offset >= 0 && offset + length <= source.size)) throw fail(`its data are cut short in '${location}'`)
      return readBytes(source, offset, length)
    })
  }
  return { fail, allowance, external }
}
