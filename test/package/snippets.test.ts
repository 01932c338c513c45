import { expect, test } from 'vitest'
import { typescriptSnippets } from './snippets.ts'

test('finds TypeScript blocks with their lines and leaves others alone', () => {
  const page = ['# Title', '```sh', 'npm i', '```', 'text', '```ts', 'const a = 1', '', 'a', '```', '```', 'x', '```']
  expect(typescriptSnippets(page.join('\n'))).toEqual([{ line: 6, code: 'const a = 1\n\na\n' }])
  expect(typescriptSnippets('~~~typescript\r\n1\r\n~~~')).toEqual([{ line: 1, code: '1\n' }])
  expect(typescriptSnippets('````md\n```ts\n1\n```\n````')).toEqual([])
})

test('refuses a block that is never closed', () => {
  expect(() => typescriptSnippets('```ts\n1')).toThrow('never closed')
})
