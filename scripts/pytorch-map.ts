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
  'Tensor.split_with_sizes': 'Tensor.split',
  'Tensor.subtract': 'Tensor.sub',
  'Tensor.swapaxes': 'Tensor.transpose',
  'Tensor.swapdims': 'Tensor.transpose',
  'Tensor.true_divide': 'Tensor.div',
  'nn.NLLLoss2d': 'nn.NLLLoss',
}

/** What has another name here, or another place. */
export const renamed: Readonly<Record<string, string>> = {
  'Tensor.narrow_copy': 'Tensor.narrow',
  'Tensor.ravel': 'Tensor.flatten',
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
      ...['as_strided_scatter', 'const_data_ptr', 'contiguous', 'dense_dim', 'resize', 'resize_as', 'slice_inverse'],
      ...['stride', 'unsafe_chunk', 'unsafe_split', 'unsafe_split_with_sizes'],
    ].map((name) => `Tensor.${name}`),
  },
  {
    reason: 'deprecated or removed in PyTorch itself',
    names: ['Tensor.eig', 'Tensor.symeig', 'Tensor.lstsq', 'nn.functional.upsample_bilinear'],
  },
]
