import { test } from 'vitest'
import { expectToHold } from './holds.ts'

test('dying-relu holds', () => expectToHold('dying-relu', 3, 3))
