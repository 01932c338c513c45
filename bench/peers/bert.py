"""BERT of transformers as a side of ../bert.ts: writes a model of BERT-base's shape to a folder, then does a pass for each line on its input.

Needs torch and transformers.
"""
import json
import sys
import time

import torch
from transformers import BertConfig, BertForSequenceClassification

folder, rate = sys.argv[1], float(sys.argv[5])
threads, batch, length = map(int, sys.argv[2:5])
torch.set_num_threads(threads)
torch.manual_seed(0)
# Without dropout, so that both sides compute the same numbers.
config = BertConfig(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, num_labels=2)
model = BertForSequenceClassification._from_config(config, attn_implementation="sdpa")
model.save_pretrained(folder)
one = torch.arange(length).reshape(1, length) * 37 % config.vocab_size
many = torch.arange(batch * length).reshape(batch, length) * 37 % config.vocab_size
labels = torch.arange(batch) % 2
optimizer = torch.optim.AdamW(model.parameters(), lr=rate)


def infer():
    model.eval()
    with torch.no_grad():
        return model(one).logits.flatten().tolist()


def step():
    model.train()
    optimizer.zero_grad(set_to_none=True)
    loss = torch.nn.functional.cross_entropy(model(many).logits, labels)
    loss.backward()
    optimizer.step()
    return [loss.item()]


print(json.dumps({"version": f"PyTorch {torch.__version__}"}), flush=True)
for line in sys.stdin:
    started = time.perf_counter()
    values = {"infer": infer, "step": step}[line.strip()]()
    print(json.dumps({"ms": (time.perf_counter() - started) * 1e3, "values": values}), flush=True)
