import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import { FileError, ValueError } from '../core/errors.ts'
import { csv, type CsvOptions, inferCsvColumns, tsv } from './csv.ts'
import { jsonl } from './jsonl.ts'
import { parquet } from './parquet.ts'
import type { Stream } from './stream.ts'
import { readText, textLines } from './text-file.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-tables-'))
})
afterAll(() => rm(folder, { recursive: true }))

let files = 0
async function file(content: string | Uint8Array, ending = '.csv'): Promise<string> {
  const path = join(folder, `${files++}${ending}`)
  await writeFile(path, content)
  return path
}

describe('csv', () => {
  const columns = { name: 'string', mpg: 'number', year: 'integer', fast: 'boolean' } as const

  test('reads typed columns in any order, quotes, line ends and a byte-order mark', async () => {
    const path = await file(
      '\ufeffyear,name,other,mpg,fast\r\n1970,"a ""b"", c",x,18.5,true\r\n\r\n1971,"two\nlines",,NA,no\r\n',
    )
    const rows = csv(path, { columns })
    expectTypeOf(rows).toEqualTypeOf<
      Stream<{ readonly name: string; readonly mpg: number; readonly year: number; readonly fast: boolean }>
    >()
    expect(await rows.toArray()).toEqual([
      { name: 'a "b", c', mpg: 18.5, year: 1970, fast: true },
      { name: 'two\nlines', mpg: Number.NaN, year: 1971, fast: false },
    ])
    expect((await rows.toArray()).length).toBe(2)
    expect((await csv(path).toArray())[1]).toEqual({
      year: '1971',
      name: 'two\nlines',
      other: '',
      mpg: 'NA',
      fast: 'no',
    })
  })

  test('headers by name, other delimiters, compressed files, what stands for a missing value', async () => {
    const plain = await file('1;2\n-;4\n')
    const options = { header: ['a', 'b'], delimiter: ';', missing: ['-'] } as const
    expect(await csv(plain, { ...options, columns: { a: { type: 'integer', missing: -1 } } }).toArray()).toEqual([
      { a: 1 },
      { a: -1 },
    ])
    const packed = await file(gzipSync('a\tb\n1\t2000-01-02\n'), '.tsv.gz')
    expect(await tsv(packed, { columns: { a: 'number', b: 'date' } }).toArray()).toEqual([
      { a: 1, b: Date.UTC(2000, 0, 2) },
    ])
  })

  test.each([
    ['a,b\n1,2\n\n3\n', {}, 'line 4: expected 2 fields, received 1'],
    ['a,b\n"x\ny",2\n1,2,3\n', {}, 'line 4: expected 2 fields, received 3'],
    ['a,b\n1,2\nx,4\n', { columns: { a: 'number' } }, "line 3: column 'a' expects a number, received 'x'"],
    ['a,b\n1.5,2\n', { columns: { a: 'integer' } }, "line 2: column 'a' expects a whole number, received '1.5'"],
    ['a,b\n,2\n', { columns: { a: 'integer' } }, "line 2: column 'a' has no value; say what stands for a missing one"],
    ['a,b\nmaybe,2\n', { columns: { a: 'boolean' } }, "column 'a' expects true or false"],
    ['a,b\nsoon,2\n', { columns: { a: 'date' } }, "column 'a' expects a date"],
    ['a,b\n1,2\n"open,2\n', {}, 'line 3: Quote Not Closed'],
    ['a,b\n1,2\n3,x"y\n', {}, 'line 3: Invalid Opening Quote'],
    ['a,a\n1,2\n', {}, "line 1: two columns are named 'a'"],
  ] as [string, CsvOptions, string][])('refuses %j', async (content, options, message) => {
    const path = await file(content)
    const failure = csv(path, options).toArray()
    await expect(failure).rejects.toThrow(FileError)
    await expect(failure).rejects.toThrow(`csv: ${path}: `)
    await expect(failure).rejects.toThrow(message)
  })

  test('leaves malformed rows out and tells of them when so chosen', async () => {
    const path = await file('a,b\n1,2\n3\n4,x"y\nz,6\n7,8\n')
    const told: string[] = []
    const onError = (error: FileError): void => void told.push(error.message.replace(/^.*?csv: (?=line)/, ''))
    expect(await csv(path, { columns: { a: 'number' }, onError }).toArray()).toEqual([{ a: 1 }, { a: 7 }])
    expect(told.sort()).toEqual([
      'line 3: expected 2 fields, received 1',
      expect.stringMatching(/^line 4: Invalid Opening Quote/),
      "line 5: column 'a' expects a number, received 'z'",
    ])
  })

  test('names what is absent', async () => {
    const path = await file('a,b\n1,2\n')
    await expect(csv(path, { columns: { c: 'number' } }).toArray()).rejects.toThrow(ValueError)
    await expect(csv(path, { columns: { c: 'number' } }).toArray()).rejects.toThrow(
      "has no column 'c'; it has 'a', 'b'",
    )
    await expect(csv(join(folder, 'absent.csv')).toArray()).rejects.toThrow(
      /^csv: .*absent\.csv: no such file or folder$/,
    )
    expect(() => csv(path, { columns: { a: 'float' as never } })).toThrow("unknown type 'float'")
  })

  test('types that fit', async () => {
    const path = await file('n,b,s,empty\n1,true,x,\n-2.5e3,FALSE,3,\nNA,true,4,\n')
    expect(await inferCsvColumns(path)).toEqual({ n: 'number', b: 'boolean', s: 'string', empty: 'string' })
  })
})

describe('jsonl', () => {
  test('reads objects, typed or as they are', async () => {
    const path = await file('{"a": 1, "b": "x"}\n\n{"a": null, "c": [1]}\n', '.jsonl')
    expect(await jsonl(path).toArray()).toEqual([
      { a: 1, b: 'x' },
      { a: null, c: [1] },
    ])
    expect(await jsonl(path, { columns: { a: 'number', b: 'string' } }).toArray()).toEqual([
      { a: 1, b: 'x' },
      { a: Number.NaN, b: '' },
    ])
  })

  test('names the line of what is none', async () => {
    const path = await file('{"a": 1}\n{"a": \n[1]\n{"a": "x"}\n', '.jsonl')
    const told: string[] = []
    const rows = jsonl(path, {
      columns: { a: 'number' },
      onError: ({ message }) => told.push(message.slice(message.indexOf('line'))),
    })
    expect(await rows.toArray()).toEqual([{ a: 1 }])
    expect(told).toEqual([
      'line 2: not valid JSON',
      'line 3: expected a JSON object, received an array',
      "line 4: column 'a' expects a number, received 'x'",
    ])
  })
})

describe('parquet', () => {
  const golden = (codec: string): string => new URL(`../../test/data/trees-${codec}.parquet`, import.meta.url).pathname

  test.each(['snappy', 'gzip', 'brotli', 'none'])('reads what pyarrow wrote: %s', async (codec) => {
    const columns = { age: 'integer', height: 'number', name: 'string', evergreen: 'boolean' } as const
    expect(await parquet(golden(codec), { columns }).toArray()).toEqual([
      { age: 10, height: 12.5, name: 'ash', evergreen: false },
      { age: 20, height: Number.NaN, name: 'birch', evergreen: false },
      { age: 30, height: 3.25, name: '', evergreen: true },
      { age: 2 ** 40, height: 40, name: 'oak', evergreen: false },
    ])
  })

  test('gives all columns as they are, and refuses other files', async () => {
    expect((await parquet(golden('none')).toArray())[2]).toEqual({
      name: null,
      height: 3.25,
      age: 30n,
      evergreen: true,
    })
    await expect(parquet(golden('none'), { columns: { name: 'number' } }).toArray()).rejects.toThrow(
      "trees-none.parquet: row 1: column 'name' expects a number, received 'ash'",
    )
    await expect(parquet(await file('no table', '.parquet')).toArray()).rejects.toThrow(FileError)
  })
})

describe('text', () => {
  test('lines and whole files', async () => {
    const content = `größer\r\n${'x'.repeat(300_000)}ä\n\nlast`
    const path = await file(content, '.txt')
    expect(await textLines(path).toArray()).toEqual(['größer', `${'x'.repeat(300_000)}ä`, '', 'last'])
    expect(await readText(await file(gzipSync(content), '.txt.gz'))).toBe(content)
    const binary = await file(Uint8Array.of(97, 10, 255, 10), '.txt')
    await expect(textLines(binary).toArray()).rejects.toThrow('not UTF-8 text')
    await expect(readText(binary)).rejects.toThrow(FileError)
  })
})
