import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { FileError } from './errors.ts'
import { fileError, reasonOf } from './system-error.ts'

function thrownBy(fn: () => unknown): unknown {
  try {
    fn()
  } catch (error) {
    return error
  }
  return undefined
}

test("the system's errors say what people know, others their message without the path", () => {
  expect(reasonOf(thrownBy(() => readFileSync('/absent/file')))).toBe('no such file or folder')
  expect(reasonOf(thrownBy(() => readFileSync(tmpdir())))).toBe('is a folder, expected a file')
  expect(reasonOf(thrownBy(() => gunzipSync(Buffer.from('text'))))).toBe('incorrect header check')
  const rare = Object.assign(new Error("ELOOP: too many symbolic links, open '/a/b, c'"), { code: 'ELOOP' })
  expect(reasonOf(rare)).toBe('ELOOP: too many symbolic links')
  expect(reasonOf('refused')).toBe('refused')
})

test('an error of the system becomes a FileError, any other stays what it is', () => {
  const error = fileError(
    'csv',
    'a.csv',
    thrownBy(() => readFileSync('/absent/file')),
  )
  expect(error).toBeInstanceOf(FileError)
  expect((error as FileError).message).toBe('csv: a.csv: no such file or folder')
  const fault = new TypeError('x is not a function')
  expect(fileError('csv', 'a.csv', fault)).toBe(fault)
  expect(fileError('csv', 'a.csv', error)).toBe(error)
})
