"""Writes data/peft: adapters as PEFT saves them, and what transformers computes with them: `python test/models/generate_peft.py`

PyTorch 2.13, transformers 5, peft. The models are those of generate_text.py, filled by filling.py; so are the adapters.
"""

import json
from pathlib import Path

import torch
import transformers as t
from peft import LoraConfig, get_peft_model

from filling import fill, filled, seed_of, uniform

bert = dict(vocab_size=37, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=12)
gpt = dict(vocab_size=37, n_embd=16, n_layer=2, n_head=2, n_positions=12)
make = {
    'BertForSequenceClassification': (t.BertForSequenceClassification, t.BertConfig(**bert, num_labels=3), ['query', 'value']),
    'GPT2LMHeadModel': (t.GPT2LMHeadModel, t.GPT2Config(**gpt), ['c_attn']),
}
tokens = torch.from_numpy((uniform(seed_of('tokens'), 14) + 1) / 2 * 35 + 2).long().reshape(2, 7)
folder = Path(__file__).parent / 'data' / 'peft'
values = {}
for name, (cls, config, target) in make.items():
    model = cls(config)
    fill(model)
    adapted = get_peft_model(model, LoraConfig(r=2, lora_alpha=4, target_modules=target, fan_in_fan_out=name.startswith('GPT')))
    with torch.no_grad():
        for path, parameter in adapted.named_parameters():
            if 'lora_' in path:
                parameter.copy_(filled(path, list(parameter.shape)))
    adapted.eval()
    values[name] = [float(f'{x:.7g}') for x in adapted(tokens).logits.flatten()[:64].tolist()]
    adapted.save_pretrained(folder / name)
    (folder / name / 'README.md').unlink(missing_ok=True)
(folder / 'values.json').write_text(json.dumps({'tokens': tokens.tolist(), 'values': values}) + '\n')
