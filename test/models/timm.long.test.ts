import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'vitest'
import { expectGolden } from './timm-cases.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gradus-timm-'))
})
afterEach(() => rm(folder, { recursive: true }))

test.each(['convnext_tiny_hnf', 'vgg11_bn', 'mobilenetv3_large_075', 'tf_mobilenetv3_small_100', 'efficientnet_b0'])(
  '%s: its weights give the outputs and gradients that they give in Python',
  (name) => expectGolden(name, folder),
)
