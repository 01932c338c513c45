/** Sequences of different lengths, as `torch.nn.utils.rnn`. */
export {
  PackedSequence,
  type PackOptions,
  packPaddedSequence,
  packSequence,
  type PadOptions,
  type PadPackedOptions,
  padPackedSequence,
  padSequence,
  unpackSequence,
  unpadSequence,
} from '../recurrent/packed-sequence.ts'
