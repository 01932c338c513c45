import { ShapeError } from '../../core/errors.ts'
import { formatShape } from '../../core/shape.ts'
import { concat } from '../../tensor/joining.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** All elements of all tensors in one vector, in their order. Gradients flow through. */
export function parametersToVector(parameters: Iterable<Tensor>): Tensor {
  const parts = [...parameters].map((parameter) => parameter.reshape(-1))
  if (parts.length === 0) throw new ShapeError('parametersToVector', 'expects at least one tensor')
  return concat(parts)
}

/** Assigns the parts of a vector made by {@link parametersToVector} to the tensors it was made of. */
export function vectorToParameters(vector: Tensor, parameters: Iterable<Tensor>): void {
  const list = [...parameters]
  const size = list.reduce((sum, parameter) => sum + parameter.size, 0)
  if (vector.rank !== 1 || vector.size !== size) {
    throw new ShapeError(
      'vectorToParameters',
      `the parameters have ${size} elements, expected [${size}], received ${formatShape(vector.shape)}`,
    )
  }
  let start = 0
  for (const parameter of list) {
    parameter.assign(vector.narrow(0, start, parameter.size).reshape(parameter.shape))
    start += parameter.size
  }
}
