"""The encoder of bge-small-zh-v1.5 in PyTorch, with the heads of the stage on top."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F
from onnx import numpy_helper

WIDTH, LAYERS, ATTENTION_HEADS, INNER = 512, 4, 8, 2048
EPSILON = 1e-12

# Answers of the heads that ship, then of those for training alone.
ANSWERS = {"sentiment": 3, "severity": 4, "intent": 5, "valid": 2}
AUXILIARY = {"emotion": 6, "car": 40}
ASPECT_COUNT, ASPECT_ANSWERS = 16, 4


class _Dropout:
    """Dropout out of a pool of masks made once: drawing them anew takes a sixth of the training time on a CPU."""

    SIZE = 1 << 23

    def __init__(self):
        self.pools: dict[tuple, torch.Tensor] = {}

    def __call__(self, x: torch.Tensor, share: float, training: bool) -> torch.Tensor:
        if not training or share == 0:
            return x
        if x.numel() > self.SIZE // 2 or x.device.type != "cpu":
            return F.dropout(x, share)
        pool = self.pools.get((share, x.dtype))
        if pool is None:
            pool = self.pools[share, x.dtype] = ((torch.rand(self.SIZE) >= share).float() / (1 - share)).to(x.dtype)
        start = int(torch.randint(self.SIZE - x.numel(), ()))
        return x * pool[start : start + x.numel()].view(x.shape)


dropout_of = _Dropout()


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.attention_out = nn.Linear(WIDTH, WIDTH)
        self.attention_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.inner = nn.Linear(WIDTH, INNER)
        self.outer = nn.Linear(INNER, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)

    def forward(self, x, mask, dropout: float):
        batch, length, _ = x.shape
        q, k, v = self.qkv(x).view(batch, length, 3, ATTENTION_HEADS, -1).permute(2, 0, 3, 1, 4)
        if x.device.type == "cpu":
            # written out: the fused kernel's backward pass is ten times slower there
            weights = (q @ k.transpose(2, 3) * (WIDTH // ATTENTION_HEADS) ** -0.5 + mask).softmax(3)
            attended = weights.to(v.dtype) @ v
        else:
            attended = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
        attended = self.attention_out(attended.transpose(1, 2).reshape(batch, length, WIDTH))
        x = self.attention_norm(x + dropout_of(attended, dropout, self.training))
        return self.norm(x + dropout_of(self.outer(F.gelu(self.inner(x))), dropout, self.training))


def halved(x: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The mean of each two neighbouring states; one that is left over at the end of a text stays as it is."""
    if x.shape[1] % 2:
        x, mask = F.pad(x, (0, 0, 0, 1)), F.pad(mask, (0, 1))
    weight = mask.to(x.dtype)[:, :, None]
    weighted = x * weight
    count = (weight[:, 0::2] + weight[:, 1::2]).clamp(min=1)
    return (weighted[:, 0::2] + weighted[:, 1::2]) / count, mask[:, 0::2] | mask[:, 1::2]


class Encoder(nn.Module):
    """`halve_after`: number of the layer (from 1) after which each two states become one, 0 for never."""

    def __init__(self, pieces: int, positions: int, halve_after: int = 0):
        super().__init__()
        self.halve_after = halve_after
        self.words = nn.Embedding(pieces, WIDTH)
        self.positions = nn.Embedding(positions, WIDTH)  # the one token type is added into these
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(self, ids, mask, dropout: float = 0.0):
        """ids [batch, length], mask [batch, length] of bool → hidden states and their mask."""
        x = self.norm(self.words(ids) + self.positions.weight[: ids.shape[1]])
        x = dropout_of(x, dropout, self.training)
        bias = _bias(mask, x)
        for number, layer in enumerate(self.layers, 1):
            x = layer(x, bias, dropout)
            if number == self.halve_after:
                x, mask = halved(x, mask)
                bias = _bias(mask, x)
        return x, mask


def _bias(mask: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """What is added to the attention of each state: nothing, or so much that it is not seen."""
    kind = torch.bfloat16 if torch.is_autocast_enabled(x.device.type) else x.dtype
    return torch.zeros(mask.shape, dtype=kind, device=x.device).masked_fill(~mask, -1e4)[:, None, None, :]


class Model(nn.Module):
    """Each head looks at the text with a query of its own, and at [CLS]."""

    def __init__(self, pieces: int, positions: int, halve_after: int = 0):
        super().__init__()
        self.encoder = Encoder(pieces, positions, halve_after)
        self.queries = nn.Parameter(torch.randn(WIDTH, ASPECT_COUNT + len(ANSWERS)) * 0.02)
        self.aspect_w = nn.Parameter(torch.randn(ASPECT_COUNT, 2 * WIDTH, ASPECT_ANSWERS) * 0.02)
        self.aspect_b = nn.Parameter(torch.tensor([2.0, 0.0, 0.0, -1.0]).repeat(ASPECT_COUNT, 1))
        self.heads = nn.ModuleDict({name: nn.Linear(2 * WIDTH, width) for name, width in ANSWERS.items()})
        self.auxiliary = nn.ModuleDict({name: nn.Linear(WIDTH, width) for name, width in AUXILIARY.items()})

    def forward(self, ids, mask, dropout: float = 0.0, auxiliary: bool = True):
        x, mask = self.encoder(ids, mask, dropout)
        x = x.float()
        with torch.autocast(x.device.type, enabled=False):
            scores = (x @ self.queries).masked_fill(~mask[:, :, None], -1e4)
            seen = scores.softmax(1).transpose(1, 2) @ x
            cls = x[:, 0]
            both = torch.cat([seen, cls[:, None].expand(-1, seen.shape[1], -1)], 2)
            both = dropout_of(both, dropout, self.training)
            out = {"aspects": torch.einsum("bad,adk->bak", both[:, :ASPECT_COUNT], self.aspect_w) + self.aspect_b}
            for number, name in enumerate(ANSWERS):
                out[name] = self.heads[name](both[:, ASPECT_COUNT + number])
            if auxiliary:
                for name, head in self.auxiliary.items():
                    out[name] = head(cls)
            else:
                out["vector"] = F.normalize(cls, dim=1)
        return out


def initializers(path: Path) -> dict[str, np.ndarray]:
    """The weights of the ONNX file by the names that PyTorch gave them; a MatMul's is named by its node."""
    graph = onnx.load(str(path)).graph
    values = {value.name: value for value in graph.initializer}
    named = {name: numpy_helper.to_array(value) for name, value in values.items() if not name.startswith("onnx::")}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in values:
            name = node.name.strip("/").removesuffix("/MatMul").replace("/", ".") + ".weight"
            named[name] = numpy_helper.to_array(values[node.input[1]]).T
    return named


def load_pretrained(encoder: Encoder, weights: dict[str, np.ndarray], kept: np.ndarray) -> None:
    """`kept`: row of the original word embeddings of each piece; further pieces start as the unknown one."""
    t = lambda name: torch.tensor(weights[name].copy())  # noqa: E731
    with torch.no_grad():
        words = t("embeddings.word_embeddings.weight")
        encoder.words.weight[: len(kept)] = words[torch.from_numpy(kept)]
        unknown = encoder.words.weight[1]
        encoder.words.weight[len(kept) :] = unknown + 0.02 * torch.randn(len(encoder.words.weight) - len(kept), WIDTH)
        count = len(encoder.positions.weight)
        encoder.positions.weight[:] = t("embeddings.position_embeddings.weight")[:count] + t("embeddings.token_type_embeddings.weight")[0]
        pairs = [(encoder.norm, "embeddings.LayerNorm")]
        for number, layer in enumerate(encoder.layers):
            at = f"encoder.layer.{number}."
            for part in ("weight", "bias"):
                getattr(layer.qkv, part)[:] = torch.cat([t(f"{at}attention.self.{name}.{part}") for name in ("query", "key", "value")])
            pairs += [
                (layer.attention_out, at + "attention.output.dense"),
                (layer.attention_norm, at + "attention.output.LayerNorm"),
                (layer.inner, at + "intermediate.dense"),
                (layer.outer, at + "output.dense"),
                (layer.norm, at + "output.LayerNorm"),
            ]
        for module, name in pairs:
            module.weight[:] = t(name + ".weight")
            module.bias[:] = t(name + ".bias")
