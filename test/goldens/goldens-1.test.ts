import { goldenTests } from './suite.ts'

goldenTests('reference', 1, 3)
