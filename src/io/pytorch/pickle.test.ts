import { describe, expect, test } from 'vitest'
import { bytes, pickle } from '../../../test/formats/craft.ts'
import { FileError } from '../../core/errors.ts'
import { type Names, unpickle } from './pickle.ts'

const names: Names = {
  find: (module, name) =>
    module === 'm' && name === 'pair' ? { kind: 'm.pair', call: (args) => [...args, 'pair'] } : undefined,
  persistent: (id) => (id === 'known' ? { kind: 'something' } : undefined),
}
const read = (...parts: (number | string | Uint8Array)[]): unknown =>
  unpickle('some file', bytes(0x80, 2, ...parts, '.'), 0, names).value

describe('values', () => {
  test.each<[string, unknown, unknown]>([
    [
      'numbers',
      read('(', 'K', 200, 'M', 1, 2, pickle.int(-3), 0x8a, 1, 0x80, 0x8a, 0, 'G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, 't'),
      [200, 513, -3, -128, 0, 1.5],
    ],
    ['integers beyond 2⁵³', read(0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1), 2n ** 64n],
    ['constants', read('(', 'N', 0x88, 0x89, 't'), [null, true, false]],
    ['texts', read('(', pickle.text('é'), 0x8c, 1, 'a', 'U', 1, 'b', 't'), ['é', 'a', 'b']],
    ['bytes', read('C', 2, 1, 2), Uint8Array.of(1, 2)],
    ['tuples', read('K', 1, 'K', 2, 'K', 3, 0x87), [1, 2, 3]],
    ['lists', read(']', 'K', 1, 'a', '(', 'K', 2, 'K', 3, 'e'), [1, 2, 3]],
    [
      'dicts',
      read('}', 'K', 1, 'N', 's', '(', pickle.text('a'), 'K', 2, 'u'),
      new Map<unknown, unknown>([
        [1, null],
        ['a', 2],
      ]),
    ],
    ['sets', read(0x8f, '(', 'K', 1, 'K', 1, 0x90), new Set([1])],
    ['what is remembered', read(']', 'q', 7, 'h', 7, 0x86), [[], []]],
    ['what is on the closed list', read(pickle.global('m', 'pair'), 'K', 1, 0x85, 'R'), [1, 'pair']],
    ['persistent ids', read(pickle.text('known'), 'Q'), { kind: 'something' }],
  ])('%s', (_, received, expected) => expect(received).toEqual(expected))
})

describe('refusals', () => {
  test.each<[string, () => unknown]>([
    [
      'it asks for os.system, which is not among the harmless names',
      () => read(pickle.global('os', 'system'), pickle.text('true'), 0x85, 'R'),
    ],
    ['it asks for builtins.eval', () => read(0x8c, 8, 'builtins', 0x8c, 4, 'eval', 0x93)],
    ['it asks for m.pair.x', () => read(pickle.global('m', 'pair.x'))],
    ['opcode INST at 3 is refused', () => read('(', 'i', 'os\nsystem\n')],
    ['opcode OBJ', () => read('(', pickle.global('m', 'pair'), 'o')],
    ['opcode EXT1', () => read(0x82, 1)],
    ['opcode 0xff', () => read(0xff)],
    ['arguments are m.pair, expected a tuple', () => read('K', 1, pickle.global('m', 'pair'), 'R')],
    ['arguments are a number, expected a tuple', () => read(pickle.global('m', 'pair'), 'K', 1, 'R')],
    ['text cannot be called', () => read(pickle.text('eval'), ')', 'R')],
    ['attributes of a list are refused', () => read(']', '}', 'b')],
    ['attributes of m.pair are refused', () => read(pickle.global('m', 'pair'), '}', 'b')],
    ['a persistent id is text', () => read(pickle.text('other'), 'Q')],
    ['the stack is empty', () => read('0')],
    ['the stack is empty', () => unpickle('f', bytes('.'), 0, names)],
    ['there is no mark', () => read('t')],
    ['nothing was remembered under 3', () => read('h', 3)],
    ['is cut short', () => unpickle('f', bytes('X', 255, 255, 255, 127, 'a'), 0, names)],
    ['is cut short', () => unpickle('f', bytes(0x8e, 255, 255, 255, 255, 255, 255, 255, 255), 0, names)],
    ['is cut short', () => unpickle('f', new Uint8Array(0), 0, names)],
    ['an integer of 1000000 bytes is refused', () => read(0x8b, pickle.int(1e6).subarray(1))],
    ['a list cannot be a key', () => read('}', ']', 'N', 's')],
    ['a key has no value', () => read('}', '(', 'K', 1, 'u')],
    ['cannot append to a dict', () => read('}', 'N', 'a')],
  ])('%s', (problem, run) => {
    expect(run).toThrow(FileError)
    expect(run).toThrow(problem)
  })
})
