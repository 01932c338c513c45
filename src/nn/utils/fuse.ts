import { ValueError } from '../../core/errors.ts'
import { withGrad } from '../../graph/node.ts'
import { onesLike, zerosLike } from '../../tensor/creation.ts'
import type { BatchNorm1d, BatchNorm2d, BatchNorm3d } from '../layers/batch-norm.ts'
import { Conv1d, Conv2d, Conv3d } from '../layers/conv.ts'

/**
 * One convolution that computes `norm(conv(x))` in evaluation: its weight and bias take over what batch normalisation does
 * to each channel. Both modules must be in evaluation mode, and stay as they are.
 */
export function fuseConvBnEval<C extends Conv1d | Conv2d | Conv3d>(
  conv: C,
  norm: BatchNorm1d | BatchNorm2d | BatchNorm3d,
): C {
  const { runningMean, runningVar, weight: factor, bias: summand, eps } = norm
  if (conv.training || norm.training) throw new ValueError('fuseConvBnEval', 'call eval() on both modules first')
  if (!runningMean || !runningVar) {
    throw new ValueError('fuseConvBnEval', 'the normalisation needs running statistics: trackRunningStats')
  }
  if (norm.numFeatures !== conv.outChannels) {
    throw new ValueError(
      'fuseConvBnEval',
      `the convolution gives ${conv.outChannels} channels, the normalisation takes ${norm.numFeatures}`,
    )
  }
  const { inChannels, outChannels, kernelSize, stride, padding, dilation, groups, paddingMode } = conv
  const Class = [Conv1d, Conv2d, Conv3d].find((candidate) => conv instanceof candidate)
  if (!Class) throw new ValueError('fuseConvBnEval', `expects Conv1d, Conv2d or Conv3d, received ${conv}`)
  const options = { stride, padding, dilation, groups, paddingMode, dtype: conv.weight.dtype }
  const fused = new Class(inChannels, outChannels, kernelSize, options)
  withGrad(false, () => {
    const scale = runningVar
      .add(eps)
      .rsqrt()
      .mul(factor ?? onesLike(runningVar))
    const perChannel = scale.reshape(outChannels, 1, ...kernelSize.map(() => 1))
    fused.weight.assign(conv.weight.mul(perChannel))
    const shifted = (conv.bias ?? zerosLike(runningMean)).sub(runningMean).mul(scale)
    fused.bias!.assign(summand ? shifted.add(summand) : shifted)
  })
  return fused.eval() as C
}
