import { afterEach, expect, test, vi } from 'vitest'
import { stopOnInterrupt } from './interrupt.ts'
import type { Screen } from './terminal/screen.ts'

afterEach(() => vi.restoreAllMocks())

test('the first interrupt aborts, the second ends the process, none does after disposal', () => {
  const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never)
  const said: string[] = []
  const cleared = vi.fn()
  const before = process.listenerCount('SIGINT')
  const interrupt = stopOnInterrupt({ line: (text = '') => void said.push(text) } as Screen, cleared)
  expect([interrupt.signal.aborted, process.listenerCount('SIGINT')]).toEqual([false, before + 1])

  process.emit('SIGINT', 'SIGINT')
  expect([interrupt.signal.aborted, exit.mock.calls, said.length, cleared.mock.calls.length]).toEqual([true, [], 1, 1])
  expect(said[0]).toContain('Ctrl-C once more quits at once')

  process.emit('SIGINT', 'SIGINT')
  expect(exit.mock.calls).toEqual([[130]])

  interrupt[Symbol.dispose]()
  expect(process.listenerCount('SIGINT')).toBe(before)
})
