import { IndexError } from '../../core/errors.ts'

/** What an index counts, as errors say it: places along a dimension, or classes. */
export type Counted = number | 'classes'

/** The error of the value at `position` (row-major) of an index tensor, which is not in [0, size). */
export function outOfRange(op: string, counted: Counted, value: number, position: number, size: number): IndexError {
  const where = `${value} at position ${position} is out of range for`
  return counted === 'classes'
    ? new IndexError(op, `class label ${where} ${size} classes: expected 0 to ${size - 1}`)
    : new IndexError(op, `index ${where} dim ${counted} of size ${size}`)
}
