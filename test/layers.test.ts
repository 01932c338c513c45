import { expect, test } from 'vitest'
import { findViolations } from '../scripts/check-layers.ts'

/** The violations of one file, as `line rule`. */
function check(file: string, text: string): string[] {
  return findViolations(new Map([[file, text]])).map(({ line, rule }) => `${line} ${rule}`)
}

test('imports downhill and inside a folder pass', () => {
  expect(check('nn/linear.ts', "import { a } from '../core/shape.ts'\nexport { b } from './module.ts'")).toEqual([])
  expect(check('train/fit.ts', "import { save } from '../io/safetensors.ts'")).toEqual([])
})

test('an earlier folder must not import a later one, in any form of import', () => {
  expect(check('core/shape.ts', "import { a } from '../graph/node.ts'")).toEqual(['1 order'])
  expect(check('graph/node.ts', "\nimport type { T } from '../tensor/tensor.ts'")).toEqual(['2 order'])
  expect(check('graph/node.ts', "export * from '../nn/module.ts'")).toEqual(['1 order'])
  expect(check('graph/node.ts', "export { type T } from '../nn/module.ts'")).toEqual(['1 order'])
  expect(check('graph/node.ts', "const x = await import('../nn/module.ts')")).toEqual(['1 order'])
  expect(check('graph/node.ts', "let x: import('../nn/module.ts').Module")).toEqual(['1 order'])
  expect(check('data/mnist.ts', "import '../io/safetensors.ts'")).toEqual(['1 order'])
})

test('src stands alone and every folder has its place', () => {
  expect(check('nn/linear.ts', "import '../../test/helper.ts'")).toEqual(['1 order'])
  expect(check('misc/util.ts', "import '../core/shape.ts'")).toEqual(['1 order'])
  expect(check('util.ts', "import './core/shape.ts'")).toEqual(['1 order'])
})

test('the core imports nothing from npm or Node', () => {
  expect(check('tensor/print.ts', "import { inspect } from 'node:util'")).toEqual(['1 core'])
  expect(check('train/fit.ts', "import pc from 'picocolors'")).toEqual(['1 core'])
  expect(check('runtime/wasm/memory.ts', "await import('node:worker_threads')")).toEqual(['1 core'])
  expect(check('index.ts', "import 'node:fs'")).toEqual(['1 core'])
  expect(check('runtime/native/ffi.ts', "import koffi from 'koffi'")).toEqual([])
  expect(check('io/files.ts', "import 'node:fs'")).toEqual([])
})

test('barrels are for users', () => {
  expect(check('train/fit.ts', "import { Linear } from '../nn/index.ts'")).toEqual(['1 barrel'])
  expect(check('nn/linear.ts', "import { relu } from './functional/index.ts'")).toEqual(['1 barrel'])
  expect(check('nn/linear.ts', "import { nn } from '../index.ts'")).toEqual(['1 barrel'])
  expect(check('nn/index.ts', "export * as F from './functional/index.ts'")).toEqual([])
  expect(check('index.ts', "export * as nn from './nn/index.ts'")).toEqual([])
})

test('test files may import what they like', () => {
  expect(check('core/shape.test.ts', "import { nn } from '../index.ts'\nimport 'node:fs'")).toEqual([])
})

test('a violation names file, line, import and reason', () => {
  expect(findViolations(new Map([['core/shape.ts', "import '../nn/linear.ts'"]]))).toEqual([
    {
      file: 'src/core/shape.ts',
      line: 1,
      specifier: '../nn/linear.ts',
      rule: 'order',
      reason: 'core comes before nn and must not know it',
    },
  ])
})
