"""Fine-tunes the encoder: first on everything that has any label, then on the labelled texts with the rest as replay."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

import data as D
import encoder as E

LENGTH_STEP = 8
TEXTS_A_STEP = 96  # what the sum of a batch's losses is divided by; a batch holds as many tokens as fit, not as many texts
WEIGHTS = {"sentiment": 1.0, "severity": 0.8, "intent": 0.8, "valid": 0.5, "aspects": 0.5, "polarity": 1.0, "emotion": 0.5, "car": 0.15}
SMOOTHING = {"sentiment": 0.05, "severity": 0.05, "intent": 0.05, "valid": 0.0, "aspects": 0.0, "emotion": 0.1, "car": 0.0}


@dataclass
class Settings:
    epochs: int
    rate: float
    head_rate: float = 1e-3
    layer_decay: float = 0.85  # of the rate, from each layer to the one below
    dropout: float = 0.1
    weight_decay: float = 0.01
    tokens: int = 4096
    warm: float = 0.06
    consistency: float = 0.0  # R-drop: weight of the divergence between two dropout masks, on fully labelled texts
    average: float = 0.0  # decay of the moving average of the weights that is returned; 0: the last weights
    seed: int = 1


def padded_length(length: int) -> int:
    return -(-length // LENGTH_STEP) * LENGTH_STEP


def batches(lengths: np.ndarray, index: np.ndarray, tokens: int, rng) -> list[np.ndarray]:
    """Batches of few shapes, in random order: what does not fill a batch of its length goes in with the next longer ones.

    The runtime keeps code and buffers for every shape it meets; a shape for each batch costs gigabytes.
    """
    index = rng.permutation(index)
    padded = -(-lengths[index] // LENGTH_STEP) * LENGTH_STEP
    made, left = [], np.zeros(0, dtype=index.dtype)
    for length in range(LENGTH_STEP, int(padded.max()) + LENGTH_STEP, LENGTH_STEP):
        here = np.concatenate([left, index[padded == length]])
        size = max(1, tokens // length)
        full = len(here) // size * size
        made += list(here[:full].reshape(-1, size))
        left = here[full:]
    if len(left):
        made.append(left)
    rng.shuffle(made)
    return made


def padded(rows: list[np.ndarray], index: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    length = padded_length(max(len(rows[k]) for k in index))
    ids = np.zeros((len(index), length), dtype=np.int64)
    for at, k in enumerate(index):
        ids[at, : len(rows[k])] = rows[k]
    ids = torch.from_numpy(ids)
    return ids, ids != 0


def margin_loss(sentiment: torch.Tensor, polarity: torch.Tensor, trust: torch.Tensor) -> torch.Tensor:
    """Two-class polarity as what the sentiment head holds for positive over negative; it says nothing about neutral."""
    known = polarity != D.UNKNOWN
    if not known.any():
        return sentiment.new_zeros(())
    margin, weight, smoothing = sentiment[known, 0] - sentiment[known, 1], trust[known, 0], trust[known, 1]
    target = polarity[known].float() * (1 - smoothing) + 0.5 * smoothing
    return (weight * F.binary_cross_entropy_with_logits(margin, target, reduction="none")).sum()


def loss_of(out: dict[str, torch.Tensor], labels: dict[str, torch.Tensor], trust: torch.Tensor, soft=None) -> torch.Tensor:
    """Sum over the texts of the losses of each head that a text has a label for."""
    total = WEIGHTS["polarity"] * margin_loss(out["sentiment"], labels["polarity"], trust)
    for name, smoothing in SMOOTHING.items():
        target = labels[name].reshape(-1)
        if (target != D.UNKNOWN).any():
            logits = out[name].reshape(len(target), -1)
            total = total + WEIGHTS[name] * F.cross_entropy(logits, target, label_smoothing=smoothing, reduction="sum")
    return total


def divergence(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor], chosen: torch.Tensor) -> torch.Tensor:
    total = torch.zeros(())
    for name in ("sentiment", "severity", "intent", "aspects"):
        p, q = a[name][chosen].log_softmax(-1), b[name][chosen].log_softmax(-1)
        both = F.kl_div(p, q, log_target=True, reduction="sum") + F.kl_div(q, p, log_target=True, reduction="sum")
        total = total + WEIGHTS[name] * both / 2
    return total


def groups(model: E.Model, settings: Settings) -> list[dict]:
    """The rate falls from the heads to the embeddings."""
    decayed: dict[int, list] = {}
    heads = []
    for name, parameter in model.named_parameters():
        if not name.startswith("encoder."):
            heads.append(parameter)
        else:
            depth = int(name.split(".")[2]) + 1 if name.startswith("encoder.layers.") else 0
            decayed.setdefault(depth, []).append(parameter)
    made = [{"params": heads, "lr": settings.head_rate, "weight_decay": settings.weight_decay}]
    for depth, parameters in decayed.items():
        made.append({"params": parameters, "lr": settings.rate * settings.layer_decay ** (E.LAYERS - depth), "weight_decay": settings.weight_decay})
    return made


def train(model: E.Model, rows: list[np.ndarray], texts: D.Texts, draw, settings: Settings, every=None, checkpoint=None) -> E.Model:
    """`draw(epoch, rng)` gives the texts of an epoch (a text may stand there twice). `every(model, words)` is told at the end of each."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    lengths = np.array([len(row) for row in rows])
    labels = {name: torch.from_numpy(values) for name, values in texts.labels.items()}
    trust = torch.from_numpy(texts.trust)
    plan = [batches(lengths, draw(epoch, rng), settings.tokens, rng) for epoch in range(settings.epochs)]
    steps, step = sum(len(epoch) for epoch in plan), 0
    optimizer = torch.optim.AdamW(groups(model, settings), betas=(0.9, 0.98), fused=True)
    warm = max(1, int(settings.warm * steps))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / warm, max(0.0, (steps - s) / (steps - warm))))
    mean = copy.deepcopy(model) if settings.average else None
    started, recent = time.time(), 0.0
    for number, epoch in enumerate(plan):
        model.train()
        total = 0.0
        for batch in epoch:
            index = torch.from_numpy(batch)
            here = {name: values[index] for name, values in labels.items()}
            ids, mask = padded(rows, batch)
            full = here["sentiment"] != D.UNKNOWN
            twice = settings.consistency > 0 and bool(full.any())
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = model(ids, mask, settings.dropout)
                again = model(ids[full], mask[full], settings.dropout) if twice else None
            loss = loss_of(out, here, trust[index])
            if twice:
                loss = loss + settings.consistency * divergence({n: v[full] for n, v in out.items()}, again, torch.ones(int(full.sum()), dtype=torch.bool))
            optimizer.zero_grad()
            (loss / TEXTS_A_STEP).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 3.0)
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) / len(batch)
            recent += float(loss.detach()) / len(batch)
            step += 1
            if mean is not None:
                with torch.no_grad():
                    keep = min(settings.average, (step + 1) / (step + 10))
                    torch._foreach_lerp_(list(mean.parameters()), list(model.parameters()), 1 - keep)
            if step % 50 == 0:
                print(f"step {step} of {steps}, {time.time() - started:.0f} s, loss {recent / 50:.3f}", flush=True)
                recent = 0.0
                if checkpoint:
                    checkpoint(mean or model)
        if every:
            every(mean or model, f"seed {settings.seed} epoch {number} loss {total / len(epoch):.4f}")
    return mean or model


def predict(model: E.Model, rows: list[np.ndarray], index: np.ndarray | None = None, tokens: int = 8192) -> dict[str, np.ndarray]:
    """Logits (and the vector) of each text, in order."""
    model.eval()
    index = np.arange(len(rows)) if index is None else index
    lengths = np.array([len(rows[k]) for k in index])
    made = batches(lengths, np.arange(len(index)), tokens, np.random.default_rng(0))
    order = np.concatenate(made)
    parts: dict[str, list] = {}
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for batch in made:
            out = model(*padded(rows, index[batch]), auxiliary=False)
            for name, values in out.items():
                parts.setdefault(name, []).append(values.float().numpy())
    back = np.empty(len(order), dtype=np.int64)
    back[order] = np.arange(len(order))
    return {name: np.concatenate(values)[back] for name, values in parts.items()}
