import { test } from 'vitest'
import { expectGolden } from './vision-cases.ts'

test.each(['alexnet', 'resnetBasic', 'resnetBottleneck', 'mobilenetV2', 'mobilenetV3Large', 'efficientnetB0'] as const)(
  '%s: equal weights give equal outputs and gradients',
  (name) => expectGolden(name),
)
