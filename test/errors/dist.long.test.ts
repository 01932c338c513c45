/** Stacks of the built package, with and without source maps, in a folder whose name has to be escaped in URLs. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'gradus ü '))
const script = join(scratch, 'script.mjs')

const program = `import { nn, tensor, zeros } from './node_modules/gradus/dist/index.js'
const model = new nn.Sequential(new nn.Sequential(new nn.Linear(3, 2)))
for (const fail of [
  () => model.forward(zeros([2, 9])), // line 4
  async () => {
    await zeros([3, 4]).indexSelect(0, tensor([7], { dtype: 'int32' })).data() // line 6
  },
]) {
  try {
    await fail()
  } catch (error) {
    console.log(error.stack.split('\\n')[1])
  }
}
`

beforeAll(() => {
  const library = join(scratch, 'node_modules', 'gradus')
  mkdirSync(library, { recursive: true })
  for (const path of ['src', 'package.json', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(join(root, path), join(library, path), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(library, 'node_modules'), 'junction')
  execFileSync(join(root, 'node_modules', '.bin', 'tsc'), ['-p', 'tsconfig.build.json'], { cwd: library })
  writeFileSync(script, program)
})

afterAll(() => rmSync(scratch, { recursive: true, force: true }))

test.each([[[]], [['--enable-source-maps']]])('begin at the line of the caller: node %j', (flags: string[]) => {
  const lines = execFileSync(process.execPath, [...flags, script], { encoding: 'utf8' })
    .trim()
    .split('\n')
  expect(lines).toHaveLength(2)
  expect(lines[0]).toMatch(/script\.mjs:4:/)
  expect(lines[1]).toMatch(/script\.mjs:6:/)
})
