import { test } from 'vitest'
import { expectToHold } from './holds.ts'

test('dropout holds', () => expectToHold('dropout', 1, 3))
