import type { DType } from '../../core/dtype.ts'
import type { Node } from '../node.ts'
import { cast } from './logic.ts'

/** The dtype in which a composite computes its inner steps: half precision is rounded at its end only. */
export function computingType(dtype: DType): DType {
  return dtype === 'float16' || dtype === 'bfloat16' ? 'float32' : dtype
}

/** x in {@link computingType}. */
export function widened(x: Node): Node {
  return cast(x, computingType(x.dtype))
}
