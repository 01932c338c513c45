import type { NestedArray } from './base.ts'
import type { Tensor } from './tensor.ts'

/** `tensor([[1, 2], [3, 4]])`; a value that has not been computed is shown by shape and dtype only. */
export function formatTensor(x: Tensor): string {
  const type = `shape=[${x.shape.join(', ')}], dtype=${x.dtype}`
  if (!x.isRealized) return `tensor(<not computed>, ${type})`
  return `tensor(${format(x.toArraySync())}, ${type})`
}

function format(values: NestedArray): string {
  return JSON.stringify(values)
}
