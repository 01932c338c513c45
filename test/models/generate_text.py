"""Writes data/text.json, what transformers computes from the parameters of filling.py: `python test/models/generate_text.py`

PyTorch 2.13, transformers 5.18. For each model: its configuration, names, outputs, and of the gradient of a loss its product
with numbers known to both sides, one for each parameter.
"""

import json
from pathlib import Path

import torch
import transformers as t

from filling import fill, seed_of, uniform
from generate import rounded

bert = dict(vocab_size=37, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, max_position_embeddings=12)
distil = dict(vocab_size=37, dim=16, n_layers=2, n_heads=2, hidden_dim=24, max_position_embeddings=12)
gpt = dict(vocab_size=37, n_embd=16, n_layer=2, n_head=2, n_positions=12)
llama = dict(bert, num_key_value_heads=1, rms_norm_eps=1e-5, num_attention_heads=4)
labels = dict(num_labels=3)
padded = dict(pad_token_id=1)
make = {
    'BertModel': (t.BertModel, t.BertConfig(**bert)),
    'RobertaModel': (t.RobertaModel, t.RobertaConfig(**bert)),
    'LlamaModel': (t.LlamaModel, t.LlamaConfig(**llama)),
    'BertForMaskedLM': (t.BertForMaskedLM, t.BertConfig(**bert)),
    'BertForSequenceClassification': (t.BertForSequenceClassification, t.BertConfig(**bert, **labels)),
    'BertForTokenClassification': (t.BertForTokenClassification, t.BertConfig(**bert, **labels)),
    'BertForQuestionAnswering': (t.BertForQuestionAnswering, t.BertConfig(**bert)),
    'RobertaForMaskedLM': (t.RobertaForMaskedLM, t.RobertaConfig(**bert)),
    'RobertaForSequenceClassification': (t.RobertaForSequenceClassification, t.RobertaConfig(**bert, **labels)),
    'RobertaForTokenClassification': (t.RobertaForTokenClassification, t.RobertaConfig(**bert, **labels)),
    'RobertaForQuestionAnswering': (t.RobertaForQuestionAnswering, t.RobertaConfig(**bert)),
    'DistilBertModel': (t.DistilBertModel, t.DistilBertConfig(**distil)),
    'DistilBertForMaskedLM': (t.DistilBertForMaskedLM, t.DistilBertConfig(**distil)),
    'DistilBertForSequenceClassification': (t.DistilBertForSequenceClassification, t.DistilBertConfig(**distil, **labels)),
    'DistilBertForTokenClassification': (t.DistilBertForTokenClassification, t.DistilBertConfig(**distil, **labels)),
    'DistilBertForQuestionAnswering': (t.DistilBertForQuestionAnswering, t.DistilBertConfig(**distil)),
    'GPT2Model': (t.GPT2Model, t.GPT2Config(**gpt)),
    'GPT2LMHeadModel': (t.GPT2LMHeadModel, t.GPT2Config(**gpt)),
    'GPT2ForSequenceClassification': (t.GPT2ForSequenceClassification, t.GPT2Config(**gpt, **labels, **padded)),
    'GPT2ForTokenClassification': (t.GPT2ForTokenClassification, t.GPT2Config(**gpt, **labels)),
    'GPT2ForQuestionAnswering': (t.GPT2ForQuestionAnswering, t.GPT2Config(**gpt)),
    'LlamaForCausalLM': (t.LlamaForCausalLM, t.LlamaConfig(**llama)),
    'LlamaForSequenceClassification': (t.LlamaForSequenceClassification, t.LlamaConfig(**llama, **labels, **padded)),
    'LlamaForTokenClassification': (t.LlamaForTokenClassification, t.LlamaConfig(**llama, **labels)),
    'LlamaForQuestionAnswering': (t.LlamaForQuestionAnswering, t.LlamaConfig(**llama)),
}

tokens = torch.from_numpy((uniform(seed_of('tokens'), 14) + 1) / 2 * 35 + 2).long().reshape(2, 7)
tokens[1, 5:] = 1
mask = (tokens != 1).long()
types = torch.tensor([[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1]])


def sentences(model):
    """Vectors of texts [2, 16], as sentence-transformers makes them: the means of real tokens' rows, of length 1."""
    real = mask.unsqueeze(-1).float()
    means = (model(tokens, attention_mask=mask)[0] * real).sum(1) / real.sum(1).clamp(min=1e-9)
    return torch.nn.functional.normalize(means).tolist()


goldens = {}
vectors = None
for name, (cls, config) in make.items():
    model = cls(config)
    fill(model)
    model.eval()
    given = {'token_type_ids': types} if name.startswith('Bert') else {}
    out = model(tokens, attention_mask=mask, **given)
    if name == 'BertModel':
        vectors = rounded(sentences(model))
    y = torch.cat([out.start_logits, out.end_logits], 1) if 'Question' in name else out[0]
    # What a padded place says has no meaning.
    real = mask.bool() if y.shape[:2] == mask.shape else None
    z = y[real] if real is not None else y
    if 'Question' in name:
        z = y[mask.repeat(1, 2).bool()]
    weights = torch.from_numpy(uniform(seed_of('loss'), z.numel())).float().reshape(z.shape)
    (z * weights).sum().backward()
    gradients = {}
    for path, parameter in model.named_parameters():
        known = torch.from_numpy(uniform(seed_of(f'{path} gradient'), parameter.numel())).reshape(parameter.shape)
        grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        gradients[path] = [(grad.double() * known).sum().item(), grad.double().norm().item()]
    shown = {key: value for key, value in config.to_dict().items() if value is not None and (not isinstance(value, dict) or key == 'id2label')}
    shown['architectures'] = [name]
    goldens[name] = rounded({'config': shown, 'names': list(model.state_dict()), 'values': z.flatten()[:64].tolist(), 'gradients': gradients})
(Path(__file__).parent / 'data' / 'text.json').write_text(json.dumps({'tokens': tokens.tolist(), 'types': types.tolist(), 'sentences': vectors, 'models': goldens}) + '\n')
