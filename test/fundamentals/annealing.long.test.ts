import { test } from 'vitest'
import { expectToHold } from './holds.ts'

test('annealing holds', () => expectToHold('annealing', 1, 1))
