import { test } from 'vitest'
import { expectGolden } from './vision-cases.ts'

test.each(['resnetBasic', 'resnetBottleneck', 'mobilenetV2', 'efficientnetB0'] as const)(
  '%s: equal weights give equal outputs and gradients',
  (name) => expectGolden(name),
)
