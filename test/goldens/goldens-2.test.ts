import { goldenTests } from './suite.ts'

goldenTests('reference', 2, 3)
