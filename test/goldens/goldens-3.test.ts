import { goldenTests } from './suite.ts'

goldenTests(3, 3)
