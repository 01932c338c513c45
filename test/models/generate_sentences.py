"""Writes data/sentences.json, what sentence-transformers makes of the rows of a BERT: `python test/models/generate_sentences.py`

PyTorch 2.13, transformers 5.18, sentence-transformers 6.0. For each pooling: what its config.json says, and the vectors of two texts.
"""

import json
import tempfile
from pathlib import Path

import torch
import transformers as t
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling

from filling import fill, seed_of, uniform

config = t.BertConfig(vocab_size=37, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=12)
model = t.BertModel(config).eval()
fill(model)
tokens = torch.from_numpy((uniform(seed_of('tokens'), 14) + 1) / 2 * 35 + 2).long().reshape(2, 7)
tokens[1, 5:] = 1
mask = (tokens != 1).long()


def vectors(modes, normalized):
    pooling = Pooling(16, pooling_mode=modes)
    features = {'token_embeddings': model(tokens, attention_mask=mask)[0], 'attention_mask': mask}
    features = pooling(features)
    if normalized:
        features = Normalize()(features)
    with tempfile.TemporaryDirectory() as folder:
        pooling.save(folder)
        written = json.loads(Path(folder, 'config.json').read_text())
    return dict(config=written, normalized=normalized, vectors=features['sentence_embedding'].tolist())


modes = ['cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken']
with torch.no_grad():
    cases = [vectors(mode, mode == 'mean') for mode in modes] + [vectors(tuple(modes), True)]
Path(__file__).parent.joinpath('data', 'sentences.json').write_text(json.dumps(cases) + '\n')
