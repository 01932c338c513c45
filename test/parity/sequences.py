"""Writes test/parity/sequences.json: the loss of each of 50 training steps of sequence models in PyTorch 2.13, in float32.

    pip install torch==2.13.0 numpy
    python3 test/parity/sequences.py

Weights and token sequences come from an integer hash, so that sequences.test.ts starts from the same numbers to the last bit.
"""

import json
import math
import pathlib

import numpy as np
import torch
from torch import nn

torch.set_num_threads(1)
here = pathlib.Path(__file__).parent
STEPS, BATCH, TIME, WORDS, SIZE = 50, 8, 12, 13, 16
F = nn.functional


def uniform(count, seed):
    """Numbers in [-1, 1): the finaliser of MurmurHash3 of 0, 1, 2 ..."""
    h = np.arange(count, dtype=np.uint64) + np.uint64(seed * 0x9E3779B9)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h &= np.uint64(0xFFFFFFFF)
        h = ((h ^ (h >> np.uint64(shift))) * np.uint64(factor)) & np.uint64(0xFFFFFFFF)
    h ^= h >> np.uint64(16)
    return h.astype(np.float64) / 2**31 - 1


def start(model):
    """Weights uniform within √(3/fanIn), biases within 0.05; the scales of normalisation stay 1."""
    for i, (name, p) in enumerate(model.named_parameters()):
        if p.dim() == 1 and name.endswith("weight"):
            continue
        bound = math.sqrt(3 / math.prod(p.shape[1:])) if p.dim() > 1 else 0.05
        with torch.no_grad():
            p.copy_(torch.from_numpy(np.float32(uniform(p.numel(), i + 1) * bound)).reshape(p.shape))
    return model


def batches():
    """Tokens [BATCH, TIME + 1]: the next is twice the last plus something drawn from 0, 1, 2, modulo WORDS."""
    for step in range(STEPS):
        noise = (uniform(BATCH * (TIME + 1), 1000 + step) + 1).reshape(BATCH, TIME + 1)
        tokens = np.zeros((BATCH, TIME + 1), dtype=np.int64)
        tokens[:, 0] = np.floor(noise[:, 0] * WORDS / 2)
        for t in range(1, TIME + 1):
            tokens[:, t] = (2 * tokens[:, t - 1] + np.floor(noise[:, t] * 1.5)) % WORDS
        yield torch.from_numpy(tokens)


class Recurrent(nn.Module):
    """Predicts the next token at each position."""

    def __init__(self, kind):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, SIZE)
        self.body = kind(SIZE, SIZE, num_layers=2, bidirectional=False)
        self.head = nn.Linear(SIZE, WORDS)

    def loss(self, tokens):
        y, _ = self.body(self.embedding(tokens[:, :-1].T))
        return F.cross_entropy(self.head(y).reshape(-1, WORDS), tokens[:, 1:].T.reshape(-1))


class Classifier(nn.Module):
    """Tells the last token of a whole sequence, through a bidirectional LSTM or an encoder."""

    def __init__(self, body):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, SIZE)
        self.body = body
        self.head = nn.Linear(SIZE, WORDS)

    def loss(self, tokens):
        x = self.embedding(tokens[:, :-1].T)
        y = self.body(x) if isinstance(self.body, nn.TransformerEncoder) else self.body(x)[0]
        return F.cross_entropy(self.head(y.mean(0)), tokens[:, -1])


class Translator(nn.Module):
    """Writes the sequence backwards, by an encoder-decoder Transformer."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, SIZE)
        self.body = nn.Transformer(SIZE, 2, 1, 1, 32, 0.0, batch_first=True)
        self.head = nn.Linear(SIZE, WORDS)

    def loss(self, tokens):
        target = tokens.flip(1)
        mask = nn.Transformer.generate_square_subsequent_mask(TIME)
        y = self.body(self.embedding(tokens[:, :-1]), self.embedding(target[:, :-1]), tgt_mask=mask)
        return F.cross_entropy(self.head(y).reshape(-1, WORDS), target[:, 1:].reshape(-1))


class GPT(nn.Module):
    """Predicts the next token at each position, with tied embeddings."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, SIZE)
        self.positions = nn.Parameter(torch.zeros(TIME, SIZE))
        layer = nn.TransformerEncoderLayer(SIZE, 4, 32, 0.0, "gelu", batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 2, nn.LayerNorm(SIZE), enable_nested_tensor=False)

    def loss(self, tokens):
        mask = nn.Transformer.generate_square_subsequent_mask(TIME)
        y = self.body(self.embedding(tokens[:, :-1]) + self.positions, mask=mask, is_causal=True)
        return F.cross_entropy((y @ self.embedding.weight.T).reshape(-1, WORDS), tokens[:, 1:].reshape(-1))


def run(model):
    model = start(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for tokens in batches():
        loss = model.loss(tokens)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(f"{loss.item():.7g}"))
    return losses


def encoder():
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(SIZE, 2, 32, 0.0), 2, enable_nested_tensor=False)


runs = {
    "lstm": run(Recurrent(nn.LSTM)),
    "gru": run(Recurrent(nn.GRU)),
    "rnn": run(Recurrent(nn.RNN)),
    "bidirectional": run(Classifier(nn.LSTM(SIZE, SIZE // 2, bidirectional=True))),
    "encoder": run(Classifier(encoder())),
    "decoder": run(Translator()),
    "gpt": run(GPT()),
}
(here / "sequences.json").write_text(json.dumps(runs, indent=1) + "\n")
for name, losses in runs.items():
    print(name, losses[0], losses[24], losses[-1])
