import torch
from golden import *

nn = torch.nn
rnn = nn.utils.rnn

words = {"numLayers": "num_layers", "batchFirst": "batch_first", "projSize": "proj_size"}


def layer(kind, *sizes, **options):
    return getattr(nn, kind)(*sizes, **{words.get(name, name): value for name, value in options.items()})


def recurrent(kind, *sizes, options={}, **rest):
    module(f"nn.{kind}", *sizes, dict(options), torch=layer(kind, *sizes, **options), **rest)


def start(layers, batch, hidden, cells=None):
    h = randn(layers, batch, hidden)
    return h if cells is None else [h, randn(layers, batch, cells)]


def with_state(m, x, *state):
    return m(x, state[0] if len(state) == 1 else state)


for kind in ("RNN", "LSTM", "GRU"):
    cells = 4 if kind == "LSTM" else None
    recurrent(kind, 3, 4, inputs=[randn(5, 2, 3)], smooth=True)
    recurrent(kind, 3, 4, forward=[randn(1, 2, 3), start(1, 2, 4, cells)], call=with_state, smooth=True)
    recurrent(kind, 3, 4, options={"bidirectional": True}, inputs=[randn(3, 1, 3)])
    recurrent(kind, 3, 4, options={"numLayers": 2, "bidirectional": True, "bias": False, "batchFirst": True},
              forward=[randn(2, 3, 3), start(4, 2, 4, cells)], call=with_state, gradcheck=False)
    recurrent(kind, 2, 3, options={"numLayers": 3}, inputs=[randn(4, 2)], gradcheck=False)
    recurrent(kind, 2, 3, options={"numLayers": 2, "dropout": 0.5}, inputs=[randn(3, 2, 2)], train=False, gradcheck=False)
    cell_state = [randn(2, 4), randn(2, 4)] if cells else randn(2, 4)
    recurrent(f"{kind}Cell", 3, 4, inputs=[randn(2, 3)], smooth=kind != "RNN")
    recurrent(f"{kind}Cell", 3, 4, options={"bias": False}, forward=[randn(2, 3), cell_state], call=with_state, gradcheck=False)
    recurrent(f"{kind}Cell", 3, 4, inputs=[randn(3)], gradcheck=False)
recurrent("RNN", 3, 4, options={"nonlinearity": "relu"}, inputs=[randn(4, 2, 3)])
recurrent("RNNCell", 3, 4, options={"nonlinearity": "relu"}, inputs=[randn(2, 3)])
recurrent("LSTM", 3, 5, options={"projSize": 2, "numLayers": 2, "bidirectional": True}, forward=[randn(3, 2, 3), start(4, 2, 2, 5)], call=with_state, gradcheck=False)
recurrent("LSTM", 3, 4, options={"projSize": 3}, inputs=[randn(3, 1, 3)])

# Sequences of different lengths

lengths = [3, 1, 4]


def pack(x, **options):
    return rnn.pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False, **options)


def unpack(sequence, **options):
    padded, found = rnn.pad_packed_sequence(sequence, **options)
    return padded, [float(n) for n in found]


for kind in ("RNN", "LSTM", "GRU"):
    cells = 3 if kind == "LSTM" else None
    x = randn(5, 3, 2)
    sequence = called("nn.utils.rnn.packPaddedSequence", x, lengths, {"enforceSorted": False})
    recurrent(kind, 2, 3, options={"bidirectional": True, "numLayers": 2}, forward=[sequence, start(4, 3, 3, cells)],
              call=lambda m, x, *state: with_state(m, pack(x), *state), gradcheck=False)
    recurrent(kind, 2, 3, options={"bidirectional": True}, forward=[sequence], call=lambda m, x: m(pack(x)), smooth=kind == "GRU", gradcheck=kind != "RNN")
recurrent("LSTM", 2, 4, options={"projSize": 3}, forward=[sequence], call=lambda m, x: m(pack(x)), gradcheck=False)

name = "nn.utils.rnn.packPaddedSequence"
case(name, randn(4, 3, 2), [4, 2, 2], torch=lambda x: rnn.pack_padded_sequence(x, torch.tensor([4, 2, 2])), smooth=True)
case(name, randn(3, 5, 2), lengths, {"enforceSorted": False, "batchFirst": True}, torch=lambda x: pack(x, batch_first=True))
name = "nn.utils.rnn.padPackedSequence"
sequence = lambda x: called("nn.utils.rnn.packPaddedSequence", x, lengths, {"enforceSorted": False})
case(name, sequence(randn(4, 3, 2)), torch=lambda x: unpack(pack(x)))
case(name, sequence(randn(4, 3)), {"batchFirst": True, "paddingValue": -1.5, "totalLength": 6},
     torch=lambda x: unpack(pack(x), batch_first=True, padding_value=-1.5, total_length=6))
parts = lambda: [randn(3, 2), randn(1, 2), randn(4, 2)]
name = "nn.utils.rnn.padSequence"
case(name, parts(), torch=lambda *xs: rnn.pad_sequence(list(xs)))
case(name, parts(), {"batchFirst": True, "paddingValue": 2, "paddingSide": "left"},
     torch=lambda *xs: rnn.pad_sequence(list(xs), batch_first=True, padding_value=2, padding_side="left"))
case("nn.utils.rnn.packSequence", parts(), {"enforceSorted": False}, torch=lambda *xs: rnn.pack_sequence(list(xs), enforce_sorted=False))
case("nn.utils.rnn.unpadSequence", randn(4, 3, 2), lengths, torch=lambda x: rnn.unpad_sequence(x.clone(), torch.tensor(lengths)))
case("nn.utils.rnn.unpadSequence", randn(3, 4), lengths, {"batchFirst": True}, torch=lambda x: rnn.unpad_sequence(x.clone(), torch.tensor(lengths), batch_first=True))
case("nn.utils.rnn.unpackSequence", called("nn.utils.rnn.packSequence", parts(), {"enforceSorted": False}),
     torch=lambda *xs: rnn.unpack_sequence(rnn.pack_sequence(list(xs), enforce_sorted=False)))
