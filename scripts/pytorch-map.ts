/**
 * How PyTorch's names map to those of Gradus. The rule: the same letters, written in camelCase (`log_softmax` → `logSoftmax`,
 * `argmax` → `argMax`), without the trailing underscore of functions that change their argument. Below are the exceptions.
 */

/** The modules of PyTorch that `docs/pytorch-names.json` lists, and the paths under which their like is found here. */
export const places: Readonly<Record<string, readonly string[]>> = {
  Tensor: ['Tensor.'],
  nn: ['nn.'],
  'nn.functional': ['F.'],
  'nn.init': ['nn.init.'],
  'nn.utils': ['nn.utils.'],
  optim: ['optim.'],
  'optim.lr_scheduler': ['optim.'],
}

/** Names that are PyTorch's own second names for something; they count when the first one is here. */
export const aliases: Readonly<Record<string, string>> = {
  'Tensor.absolute': 'Tensor.abs',
  'Tensor.arccos': 'Tensor.acos',
  'Tensor.arccosh': 'Tensor.acosh',
  'Tensor.arcsin': 'Tensor.asin',
  'Tensor.arcsinh': 'Tensor.asinh',
  'Tensor.arctan': 'Tensor.atan',
  'Tensor.arctan2': 'Tensor.atan2',
  'Tensor.arctanh': 'Tensor.atanh',
  'Tensor.clip': 'Tensor.clamp',
  'Tensor.divide': 'Tensor.div',
  'Tensor.fix': 'Tensor.trunc',
  'Tensor.ger': 'Tensor.outer',
  'Tensor.greater': 'Tensor.gt',
  'Tensor.greater_equal': 'Tensor.ge',
  'Tensor.less': 'Tensor.lt',
  'Tensor.less_equal': 'Tensor.le',
  'Tensor.moveaxis': 'Tensor.movedim',
  'Tensor.multiply': 'Tensor.mul',
  'Tensor.negative': 'Tensor.neg',
  'Tensor.not_equal': 'Tensor.ne',
  'Tensor.sgn': 'Tensor.sign',
  'Tensor.split_with_sizes': 'Tensor.split',
  'Tensor.subtract': 'Tensor.sub',
  'Tensor.swapaxes': 'Tensor.transpose',
  'Tensor.swapdims': 'Tensor.transpose',
  'Tensor.true_divide': 'Tensor.div',
  'nn.NLLLoss2d': 'nn.NLLLoss',
}

/** What has another name here, or another place. */
export const renamed: Readonly<Record<string, string>> = {
  'nn.CrossMapLRN2d': 'nn.LocalResponseNorm',
  'Tensor.argwhere': 'Tensor.nonzero',
  'Tensor.clamp_max': 'Tensor.clamp',
  'Tensor.clamp_min': 'Tensor.clamp',
  'Tensor.dim': 'Tensor.rank',
  'Tensor.index': 'Tensor.at',
  'Tensor.narrow_copy': 'Tensor.narrow',
  'Tensor.numel': 'Tensor.size',
  'Tensor.ravel': 'Tensor.flatten',
  'Tensor.size': 'Tensor.shape',
  'Tensor.tolist': 'Tensor.toArray',
  'Tensor.view': 'Tensor.reshape',
  'Tensor.view_as': 'Tensor.reshapeAs',
}

interface Omission {
  readonly reason: string
  readonly names: readonly string[]
}

/** What is left out on purpose. */
export const omissions: readonly Omission[] = [
  {
    reason: 'shows how a tensor lies in memory; here tensors are values, and layout is the compiler’s choice',
    names: [
      ...['const_data_ptr', 'contiguous', 'dense_dim', 'resize', 'resize_as', 'slice_inverse'],
      ...['stride', 'unsafe_chunk', 'unsafe_split', 'unsafe_split_with_sizes'],
    ].map((name) => `Tensor.${name}`),
  },
  {
    reason: 'deprecated or removed in PyTorch itself',
    names: ['Tensor.eig', 'Tensor.symeig', 'Tensor.lstsq'],
  },
  {
    reason: 'there are no complex numbers here, and a copy of the same needs no name',
    names: ['Tensor.isreal', 'Tensor.positive'],
  },
  { reason: 'tells two tensors apart by a hash; compare them with equal()', names: ['Tensor.hash_tensor'] },
  {
    reason: 'kernels of PyTorch for products in 8-bit floats or over ragged groups on GPUs',
    names: ['grouped_mm', 'scaled_mm', 'scaled_grouped_mm'].map((name) => `nn.functional.${name}`),
  },
  { reason: 'a base class of others, of no use by itself', names: ['nn.RNNBase', 'nn.RNNCellBase'] },
  { reason: 'shares statistics between processes; training here is one process', names: ['nn.SyncBatchNorm'] },
]
