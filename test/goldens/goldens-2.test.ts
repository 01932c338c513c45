import { goldenTests } from './suite.ts'

goldenTests(2, 3)
