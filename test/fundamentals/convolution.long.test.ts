import { test } from 'vitest'
import { expectToHold } from './holds.ts'

test('convolution holds', () => expectToHold('convolution', 2, 3))
