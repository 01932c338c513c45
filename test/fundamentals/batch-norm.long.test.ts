import { test } from 'vitest'
import { expectToHold } from './holds.ts'

test('batch-norm holds', () => expectToHold('batch-norm', 2, 3))
