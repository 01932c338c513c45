import math

import torch
from golden import *

nn = torch.nn

# Multi-head attention

name = "nn.MultiheadAttention"
mha = nn.MultiheadAttention
q, k, v = randn(3, 2, 4), randn(5, 2, 4), randn(5, 2, 4)
hidden = values([[0, 1, 0, 0, 1], [0, 0, 0, 0, 0], [1, 0, 1, 0, 0]], dtype="bool")
padding = values([[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]], dtype="bool")
module(name, 4, 2, torch=mha(4, 2), inputs=[q, k, v], smooth=True)
module(name, 4, 2, {"batchFirst": True}, torch=mha(4, 2, batch_first=True), inputs=[randn(2, 3, 4), randn(2, 5, 4), randn(2, 5, 4)], gradcheck=False)
x = randn(2, 5, 4)
module(name, 4, 2, {"batchFirst": True}, torch=mha(4, 2, batch_first=True), forward=[x, x, x, {"needWeights": False}],
       call=lambda m, x: m(x, x, x, need_weights=False), smooth=True)
module(name, 4, 4, torch=mha(4, 4), forward=[q, k, v, {"averageAttnWeights": False}], call=lambda m, q, k, v: m(q, k, v, average_attn_weights=False), gradcheck=False)
module(name, 4, 2, torch=mha(4, 2), forward=[q, k, v, {"attnMask": hidden, "keyPaddingMask": padding}],
       call=lambda m, q, k, v, a, p: m(q, k, v, attn_mask=a, key_padding_mask=p), gradcheck=False)
module(name, 4, 2, torch=mha(4, 2), forward=[q, k, v, {"attnMask": hidden, "needWeights": False}],
       call=lambda m, q, k, v, a: m(q, k, v, attn_mask=a, need_weights=False), gradcheck=False)
module(name, 4, 2, torch=mha(4, 2), forward=[q, k, v, {"attnMask": randn(4, 3, 5, grad=False), "needWeights": False}],
       call=lambda m, q, k, v, a: m(q, k, v, attn_mask=a, need_weights=False), gradcheck=False)
module(name, 4, 2, torch=mha(4, 2), forward=[q, k, v, {"attnMask": randn(3, 5, grad=False), "keyPaddingMask": randn(2, 5, grad=False)}],
       call=lambda m, q, k, v, a, p: m(q, k, v, attn_mask=a, key_padding_mask=p), gradcheck=False)
module(name, 4, 2, {"kdim": 3, "vdim": 2}, torch=mha(4, 2, kdim=3, vdim=2), inputs=[q, randn(5, 2, 3), randn(5, 2, 2)])
module(name, 4, 2, {"bias": False}, torch=mha(4, 2, bias=False), inputs=[q, k, v])
module(name, 4, 2, {"addBiasKv": True, "addZeroAttn": True}, torch=mha(4, 2, add_bias_kv=True, add_zero_attn=True),
       forward=[q, k, v, {"keyPaddingMask": padding}], call=lambda m, q, k, v, p: m(q, k, v, key_padding_mask=p))
module(name, 4, 2, torch=mha(4, 2), inputs=[randn(3, 4), randn(1, 4), randn(1, 4)])
module(name, 4, 2, torch=mha(4, 2), forward=[randn(3, 4), randn(3, 4), randn(3, 4), {"isCausal": True, "needWeights": False}],
       call=lambda m, q, k, v: m(q, k, v, attn_mask=torch.triu(torch.ones(3, 3, dtype=torch.bool), 1), need_weights=False))

# Layers and stacks


def layer_arguments(**options):
    words = {"dimFeedforward": "dim_feedforward", "batchFirst": "batch_first", "normFirst": "norm_first", "layerNormEps": "layer_norm_eps"}
    return {words.get(name, name): value for name, value in options.items()}


def encoder_layer(d, heads, **options):
    return nn.TransformerEncoderLayer(d, heads, **layer_arguments(**options))


def decoder_layer(d, heads, **options):
    return nn.TransformerDecoderLayer(d, heads, **layer_arguments(**options))


small = {"dimFeedforward": 6, "dropout": 0}
name = "nn.TransformerEncoderLayer"
for options in ({}, {"normFirst": True, "activation": "gelu"}, {"batchFirst": True, "layerNormEps": 0.1}, {"bias": False}):
    options = {**small, **options}
    module(name, 4, 2, options, torch=encoder_layer(4, 2, **options), inputs=[randn(3, 2, 4)], gradcheck="activation" in options)
module(name, 4, 2, small, torch=encoder_layer(4, 2, **small), inputs=[randn(3, 4)], gradcheck=False)
future = torch.triu(torch.full((3, 3), -torch.inf), 1)
module(name, 4, 2, small, torch=encoder_layer(4, 2, **small), forward=[randn(3, 2, 4), {"isCausal": True}], call=lambda m, x: m(x, future.to(x.dtype)), gradcheck=False)
hide = values([[0, 0, 1], [0, 0, 0]], dtype="bool")
module(name, 4, 2, small, torch=encoder_layer(4, 2, **small), forward=[randn(3, 2, 4), {"srcKeyPaddingMask": hide}],
       call=lambda m, x, p: m(x, src_key_padding_mask=p), gradcheck=False)

name = "nn.TransformerDecoderLayer"
for options in ({}, {"normFirst": True, "activation": "gelu"}, {"batchFirst": True}):
    options = {**small, **options}
    inputs = [randn(2, 3, 4), randn(2, 5, 4)] if "batchFirst" in options else [randn(3, 2, 4), randn(5, 2, 4)]
    module(name, 4, 2, options, torch=decoder_layer(4, 2, **options), inputs=inputs, gradcheck=False)
module(name, 4, 2, small, torch=decoder_layer(4, 2, **small),
       forward=[randn(3, 2, 4), randn(5, 2, 4), {"tgtIsCausal": True, "memoryKeyPaddingMask": padding, "memoryMask": hidden}],
       call=lambda m, x, y, p, h: m(x, y, tgt_mask=future.to(x.dtype), memory_key_padding_mask=p, memory_mask=h), gradcheck=False)

module("nn.TransformerEncoder", made("nn.TransformerEncoderLayer", 4, 2, small), 2,
       torch=nn.TransformerEncoder(encoder_layer(4, 2, **small), 2, enable_nested_tensor=False), inputs=[randn(3, 2, 4)], gradcheck=False)
module("nn.TransformerEncoder", made("nn.TransformerEncoderLayer", 4, 2, small), 2, {"norm": made("nn.LayerNorm", 4)},
       torch=nn.TransformerEncoder(encoder_layer(4, 2, **small), 2, nn.LayerNorm(4), enable_nested_tensor=False),
       forward=[randn(3, 2, 4), {"mask": randn(3, 3, grad=False)}], call=lambda m, x, a: m(x, a), gradcheck=False)
module("nn.TransformerDecoder", made("nn.TransformerDecoderLayer", 4, 2, small), 2, {"norm": made("nn.LayerNorm", 4)},
       torch=nn.TransformerDecoder(decoder_layer(4, 2, **small), 2, nn.LayerNorm(4)), inputs=[randn(3, 2, 4), randn(5, 2, 4)], gradcheck=False)

shape = {"dModel": 4, "nhead": 2, "numEncoderLayers": 1, "numDecoderLayers": 2, **small}
torch_shape = dict(d_model=4, nhead=2, num_encoder_layers=1, num_decoder_layers=2, dim_feedforward=6, dropout=0)
module("nn.Transformer", shape, torch=nn.Transformer(**torch_shape),
       forward=[randn(5, 2, 4), randn(3, 2, 4), {"tgtIsCausal": True, "srcKeyPaddingMask": padding, "memoryKeyPaddingMask": padding}],
       call=lambda m, x, y, p: m(x, y, tgt_mask=future.to(x.dtype), src_key_padding_mask=p, memory_key_padding_mask=p), gradcheck=False)
module("nn.Transformer", {**shape, "batchFirst": True, "normFirst": True}, torch=nn.Transformer(**torch_shape, batch_first=True, norm_first=True),
       inputs=[randn(2, 1, 4), randn(2, 3, 4)], gradcheck=False)
case("nn.Transformer.generateSquareSubsequentMask", 3, torch=lambda: nn.Transformer.generate_square_subsequent_mask(3))


class SwiGLU(nn.Module):
    def __init__(self, dim, hidden_dim, bias=False):
        super().__init__()
        self.gate_proj = nn.Linear(dim, hidden_dim, bias=bias)
        self.up_proj = nn.Linear(dim, hidden_dim, bias=bias)
        self.down_proj = nn.Linear(hidden_dim, dim, bias=bias)

    def forward(self, x):
        return self.down_proj(nn.functional.silu(self.gate_proj(x)) * self.up_proj(x))


module("nn.SwiGLU", 3, 5, torch=SwiGLU(3, 5), inputs=[randn(2, 3)], smooth=True)
module("nn.SwiGLU", 3, 5, {"bias": True}, torch=SwiGLU(3, 5, True), inputs=[randn(2, 4, 3)])


class Gated(nn.Module):
    """An encoder layer without attention's parts that matter here: RMSNorm and a gated feed-forward block."""

    def __init__(self, act):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(4, 2)
        self.linear1 = nn.Linear(4, 12)
        self.linear2 = nn.Linear(6, 4)
        self.norm1 = nn.RMSNorm(4, eps=1e-5)
        self.norm2 = nn.RMSNorm(4, eps=1e-5)
        self.act = act

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.self_attn(y, y, y, need_weights=False)[0]
        a, b = self.linear1(self.norm2(x)).chunk(2, -1)
        return x + self.linear2(self.act(a) * b)


for word, act in (("swiglu", nn.functional.silu), ("geglu", nn.functional.gelu), ("reglu", torch.relu), ("glu", torch.sigmoid)):
    module("nn.TransformerEncoderLayer", 4, 2, {**small, "normFirst": True, "norm": "rms", "activation": word}, torch=Gated(act),
           inputs=[randn(3, 2, 4)], gradcheck=word == "swiglu")

# Positions


def sinusoids(length, dim, base=10000):
    t, i = torch.arange(length, dtype=torch.float64)[:, None], torch.arange(dim)[None]
    angle = t / base ** ((i - i % 2).double() / dim)
    return torch.where(i % 2 == 0, angle.sin(), angle.cos()).float()


def frequencies(dim, base=10000):
    return (base ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)).float()


def rotate(x, f, positions=None, interleaved=False):
    t = torch.arange(x.shape[-2]) if positions is None else positions
    angle = t[..., None].to(x.dtype) * f.to(x.dtype)
    turned, rest = x[..., : 2 * len(f)], x[..., 2 * len(f):]
    z = turned.unflatten(-1, (-1, 2)) if interleaved else turned.unflatten(-1, (2, -1)).transpose(-1, -2)
    a, b = z[..., 0], z[..., 1]
    y = torch.stack((a * angle.cos() - b * angle.sin(), b * angle.cos() + a * angle.sin()), -1)
    y = y.flatten(-2) if interleaved else y.transpose(-1, -2).flatten(-2)
    return torch.cat((y, rest), -1)


def slopes(heads):
    def of(n):
        return [2 ** (-8 * (h + 1) / n) for h in range(n)]
    below = 2 ** math.floor(math.log2(heads))
    return torch.tensor((of(below) + of(2 * below)[0::2])[:heads], dtype=torch.float64)


def alibi(heads, queries, keys, offset=0):
    distance = torch.arange(keys)[None] - torch.arange(offset, offset + queries)[:, None]
    return (slopes(heads)[:, None, None] * distance).float()


def buckets(queries, keys, bidirectional=True, count=32, farthest=128):
    relative = torch.arange(keys)[None] - torch.arange(queries)[:, None]
    result = 0
    if bidirectional:
        count //= 2
        result = (relative > 0).long() * count
        relative = relative.abs()
    else:
        relative = -torch.min(relative, torch.zeros_like(relative))
    exact = count // 2
    far = exact + (torch.log(relative.double() / exact) / math.log(farthest / exact) * (count - exact)).long()
    return result + torch.where(relative < exact, relative, torch.clamp(far, max=count - 1))


case("F.sinusoidalPositions", 7, 6, torch=lambda: sinusoids(7, 6))
case("F.sinusoidalPositions", 3, 5, {"base": 100}, torch=lambda: sinusoids(3, 5, 100))
case("F.rotaryFrequencies", 8, torch=lambda: frequencies(8))
case("F.rotaryFrequencies", 6, {"base": 500}, torch=lambda: frequencies(6, 500))
f = values([1, 0.1], grad=False)
case("F.rotaryEmbedding", randn(2, 3, 4), f, torch=rotate, smooth=True)
case("F.rotaryEmbedding", randn(2, 3, 4), f, {"interleaved": True}, torch=lambda x, f: rotate(x, f, interleaved=True), smooth=True)
case("F.rotaryEmbedding", randn(1, 2, 3, 7), f, {"positions": values([5, 0, 9], dtype="int32")}, torch=rotate)
case("F.rotaryEmbedding", randn(2, 2, 3, 4), f, {"positions": ints(0, 30, 2, 1, 3), "interleaved": True},
     torch=lambda x, f, p: rotate(x, f, p, True))
case("F.rotaryEmbedding", randn(1, 3, 4, dtype="bfloat16", grad=False), f, torch=lambda x, f: rotate(x.float() if x.dtype == torch.bfloat16 else x, f).to(x.dtype))
case("F.alibiBias", 4, 3, 5, torch=lambda: alibi(4, 3, 5))
case("F.alibiBias", 6, 1, 4, {"offset": 3}, torch=lambda: alibi(6, 1, 4, 3))
case("F.alibiSlopes", 12, torch=lambda: [float(s) for s in slopes(12)], dtypes=None)
case("F.relativePositionBuckets", 5, 200, torch=lambda: buckets(5, 200))
case("F.relativePositionBuckets", 40, 3, {"bidirectional": False, "numBuckets": 8, "maxDistance": 20}, torch=lambda: buckets(40, 3, False, 8, 20))


class Sinusoidal(nn.Module):
    def forward(self, x, positions=None):
        table = sinusoids(10, x.shape[-1]).to(x.dtype)
        return x + (table[: x.shape[-2]] if positions is None else table[positions])


class Learned(nn.Module):
    def __init__(self, length, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(length, dim))

    def forward(self, x, positions=None):
        return x + (self.weight[: x.shape[-2]] if positions is None else self.weight[positions])


class Rotary(nn.Module):
    def __init__(self, dim, interleaved=False):
        super().__init__()
        self.dim, self.interleaved = dim, interleaved

    def forward(self, x, positions=None):
        return rotate(x, frequencies(self.dim), positions, self.interleaved)


class RelativeBias(nn.Module):
    def __init__(self, heads, *settings):
        super().__init__()
        self.settings = settings
        self.relative_attention_bias = nn.Embedding(settings[1] if settings else 32, heads)

    def forward(self):
        return self.relative_attention_bias(buckets(4, 6, *self.settings)).permute(2, 0, 1)[None]


at = values([3, 0, 9], dtype="int32")
module("nn.SinusoidalPositions", 4, {"maxLength": 10}, torch=Sinusoidal(), inputs=[randn(2, 3, 4)], smooth=True)
module("nn.SinusoidalPositions", 4, {"maxLength": 10}, torch=Sinusoidal(), forward=[randn(2, 3, 4), {"positions": at}], call=lambda m, x, p: m(x, p))
module("nn.LearnedPositions", 10, 4, torch=Learned(10, 4), inputs=[randn(2, 3, 4)], smooth=True)
module("nn.LearnedPositions", 10, 4, torch=Learned(10, 4), forward=[randn(2, 3, 4), {"positions": at}], call=lambda m, x, p: m(x, p))
module("nn.RotaryEmbedding", 4, torch=Rotary(4), inputs=[randn(2, 3, 4)], smooth=True)
module("nn.RotaryEmbedding", 4, {"interleaved": True}, torch=Rotary(4, True), forward=[randn(2, 3, 6), {"positions": at}], call=lambda m, x, p: m(x, p))
module("nn.RelativePositionBias", 2, torch=RelativeBias(2), forward=[4, 6], call=lambda m: m(), smooth=True)
module("nn.RelativePositionBias", 3, {"bidirectional": False, "numBuckets": 6, "maxDistance": 10}, torch=RelativeBias(3, False, 6, 10),
       forward=[4, 6], call=lambda m: m())
