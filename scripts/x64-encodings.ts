/**
 * Writes test/x64/encodings.json: what GNU `as` makes of every case of test/x64/encoding-cases.ts, in base64, one string an instruction.
 * Run by hand after a change of the instruction tables (`npm run ts scripts/x64-encodings.ts`); needs binutils ≥ 2.40.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodingCases } from '../test/x64/encoding-cases.ts'

const cases = encodingCases()
const folder = mkdtempSync(join(tmpdir(), 'encodings-'))
try {
  // The length of each instruction goes to a section of its own.
  const lines = ['.intel_syntax noprefix', '.section .lengths,"a"', '.text']
  for (const { text } of [...cases.values()].flat()) {
    lines.push(`1: ${text}`, '2: .pushsection .lengths', '.byte 2b-1b', '.popsection')
  }
  writeFileSync(join(folder, 'cases.s'), `${lines.join('\n')}\n`)
  execFileSync('as', ['--64', '--no-warn', '-o', join(folder, 'cases.o'), join(folder, 'cases.s')], {
    stdio: 'inherit',
  })
  const section = (name: string): Buffer => {
    const file = join(folder, 'section')
    execFileSync('objcopy', ['-O', 'binary', '--only-section', name, join(folder, 'cases.o'), file])
    return readFileSync(file)
  }
  const code = section('.text')
  const lengths = section('.lengths')
  const fixture: Record<string, string> = {}
  let at = 0
  let number = 0
  for (const [name, list] of cases) {
    const start = at
    for (const _ of list) at += lengths[number++] as number
    fixture[name] = code.subarray(start, at).toString('base64')
  }
  writeFileSync(new URL('../test/x64/encodings.json', import.meta.url), `${JSON.stringify(fixture, null, 2)}\n`)
  console.log(`${number} instructions, ${code.length} bytes of code`)
} finally {
  rmSync(folder, { recursive: true })
}
