import { goldenTests } from './suite.ts'

goldenTests(1, 3)
