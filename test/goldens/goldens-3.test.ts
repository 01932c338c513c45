import { goldenTests } from './suite.ts'

goldenTests('reference', 3, 3)
