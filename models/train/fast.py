"""Trains the student: a bag of hashed n-grams that learns the teacher's answers on all texts beside the labels."""

from __future__ import annotations

import copy
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import data as D
import features
from precise import margin_loss, soft_loss

TOKENIZER = {"orders": 4, "hash_bits": 20, "head_chars": 400, "tail_chars": 200}
MOST_ROWS = 65_535  # a row is a u16, 0 is the padding
WIDTHS = {"sentiment": 3, "aspects": 64, "severity": 4, "intent": 5, "valid": 2}
SOFT = {"sentiment": 1.0, "severity": 0.8, "intent": 0.8, "valid": 0.5, "aspects": 0.5}


@dataclass
class Settings:
    dimension: int = 96
    hidden: int = 384
    epochs: int = 10
    batch: int = 1024
    rate: float = 2.5e-3
    row_rate: float = 4e-3
    warm_steps: int = 200  # at most, and a twentieth of all
    dropout: float = 0.3
    drop_rows: float = 0.3  # share of the n-grams left out at random
    soft: float = 1.0
    hard: float = 1.0
    weak: float = 1.5
    average: float = 0.99
    repeat_labelled: int = 2  # times a labelled text stands in an epoch
    least_texts: float = 2.0
    altered_an_epoch: int = 500_000  # texts without labels in an epoch, others in the next until all have stood once
    seed: int = 1


class Net(nn.Module):
    """Sum of the rows over the square root of their number, then a linear and a hidden layer side by side."""

    def __init__(self, rows: int, settings: Settings):
        super().__init__()
        width = sum(WIDTHS.values())
        self.embedding = nn.EmbeddingBag(rows, settings.dimension, mode="sum")
        nn.init.normal_(self.embedding.weight, 0, 0.05)
        with torch.no_grad():
            self.embedding.weight[0] = 0
        self.hidden = nn.Linear(settings.dimension, settings.hidden)
        self.out = nn.Linear(settings.hidden, width)
        self.direct = nn.Linear(settings.dimension, width, bias=False)

    def forward(self, rows, offsets, counts, dropout: float = 0.0):
        x = self.embedding(rows, offsets) / counts.sqrt()[:, None]
        x = F.dropout(x, dropout, self.training)
        h = F.dropout(F.relu(self.hidden(x)), dropout, self.training)
        logits = self.out(h) + self.direct(x)
        return dict(zip(WIDTHS, torch.split(logits, list(WIDTHS.values()), dim=1)))


def _hashed(texts: list[str]) -> list[np.ndarray]:
    return [features.hashed_ngrams(text, **TOKENIZER).astype(np.int32) for text in texts]


class Bags:
    """The n-grams of all texts, one after the other."""

    PART = 4_096

    def __init__(self, flat: np.ndarray, ends: np.ndarray):
        self.flat, self.ends = flat, ends
        self.lengths = np.diff(ends)

    @classmethod
    def of(cls, texts: list[str]) -> "Bags":
        parts = [texts[start : start + cls.PART] for start in range(0, len(texts), cls.PART)]
        if len(parts) > 2:
            with ProcessPoolExecutor() as pool:
                made = [row for part in pool.map(_hashed, parts) for row in part]
        else:
            made = _hashed(texts)
        return cls(np.concatenate(made), np.cumsum([0] + [len(row) for row in made]))

    def row(self, k: int) -> np.ndarray:
        return self.flat[self.ends[k] : self.ends[k + 1]]

    def mapped(self, remap: np.ndarray) -> "Bags":
        """Buckets → rows, the unknown ones left out. No row stands for two buckets, so a text has each once."""
        rows = remap[self.flat]
        known = rows > 0
        kept_before = np.concatenate([[0], np.cumsum(known)])
        return Bags(rows[known], kept_before[self.ends])

    def weights(self, weight: np.ndarray) -> np.ndarray:
        """How many texts hold a bucket, each text counted by its weight."""
        return np.bincount(self.flat, weights=np.repeat(weight, self.lengths), minlength=2 ** TOKENIZER["hash_bits"])

    def on(self, device: torch.device) -> "Batches":
        return Batches(self, device)


class Batches:
    """The same on the device, given out by batches."""

    def __init__(self, bags: Bags, device: torch.device):
        self.device = device
        self.flat = torch.from_numpy(bags.flat).to(device)
        self.starts = torch.from_numpy(bags.ends[:-1]).to(device)
        self.lengths = bags.lengths

    def batch(self, index: np.ndarray, drop: float = 0.0):
        """Rows one after the other, where each text begins, and how many it holds."""
        total = int(self.lengths[index].sum())
        lengths = torch.from_numpy(self.lengths[index]).to(self.device)
        offsets = lengths.cumsum(0) - lengths
        shift = self.starts[torch.from_numpy(index).to(self.device)] - offsets
        flat = self.flat[torch.repeat_interleave(shift, lengths, output_size=total) + torch.arange(total, device=self.device)].long()
        if drop > 0:
            flat = torch.where(torch.rand(total, device=self.device) > drop, flat, 0)
        return flat, offsets, lengths.clamp(min=1).float() * (1 - drop)


def remap_of(buckets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Bucket → row. The frequent ones stand first, so that the rows that a text needs lie close together."""
    remap = np.zeros(2 ** TOKENIZER["hash_bits"], dtype=np.int32)
    remap[buckets[np.argsort(-weights[buckets], kind="stable")]] = np.arange(1, len(buckets) + 1)
    return remap


def most_frequent(weights: np.ndarray, least: float, most: int) -> np.ndarray:
    known = np.flatnonzero(weights >= least)
    return known if len(known) <= most else known[np.argsort(-weights[known], kind="stable")[:most]]


def most_telling(scout: Net, scout_remap: np.ndarray, weights: np.ndarray, most: int) -> np.ndarray:
    """The buckets that move the answers most: what a row adds to the logits, times how often it does.

    `scout` is a narrow net that was trained on far more n-grams than the one that ships can hold.
    """
    buckets = np.flatnonzero(scout_remap)
    with torch.no_grad():
        moved = scout.direct(scout.embedding.weight).norm(dim=1).cpu().numpy()[scout_remap[buckets]]
    value = moved * np.sqrt(weights[buckets])
    return buckets[np.argsort(-value, kind="stable")[:most]]


def train(rows: int, bags: Bags, texts: D.Texts, index: np.ndarray, soft: dict[str, torch.Tensor], settings: Settings, device: torch.device, every=None, altered: np.ndarray | None = None, start: Net | None = None) -> Net:
    """`soft`: the teachers' probabilities for each text of `texts`; `index`: the texts to learn from; of those of
    `altered`, which have no labels, each epoch takes a part; `start`: a net to go on from."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    net = (Net(rows, settings) if start is None else copy.deepcopy(start)).to(device)
    mean = copy.deepcopy(net)
    batches = bags.on(device)
    labels = {name: torch.from_numpy(values).to(device) for name, values in texts.labels.items()}
    trust = torch.from_numpy(texts.trust).to(device)
    others = [p for name, p in net.named_parameters() if not name.startswith("embedding")]
    optimizer = torch.optim.AdamW(
        [{"params": [net.embedding.weight], "lr": settings.row_rate, "weight_decay": 0.0}, {"params": others, "lr": settings.rate, "weight_decay": 0.01}],
        fused=True,
    )
    labelled = index[texts.labelled[index] | (texts.labels["valid"][index] != D.UNKNOWN)]
    drawn = np.concatenate([index, *[labelled] * (settings.repeat_labelled - 1)])
    altered = np.zeros(0, np.int64) if altered is None else altered
    shares = max(1, -(-len(altered) // settings.altered_an_epoch))
    parts = [altered[at::shares] for at in range(shares)]
    steps = sum(-(-(len(drawn) + len(parts[epoch % len(parts)])) // settings.batch) for epoch in range(settings.epochs))
    warm = max(1, min(settings.warm_steps, steps // 20))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min((step + 1) / warm, max(0.005, 1 - step / steps)))
    step, started = 0, time.time()
    for epoch in range(settings.epochs):
        net.train()
        total = torch.zeros((), device=device)
        order = rng.permutation(np.concatenate([drawn, parts[epoch % len(parts)]]))
        for start in range(0, len(order), settings.batch):
            part = order[start : start + settings.batch]
            at = torch.from_numpy(part).to(device)
            out = net(*batches.batch(part, settings.drop_rows), settings.dropout)
            loss = settings.weak * margin_loss(out["sentiment"], labels["polarity"][at], trust[at])
            for name, weight in SOFT.items():
                logits = out[name].reshape(-1, 4) if name == "aspects" else out[name]
                target = labels[name][at].reshape(-1)
                loss = loss + settings.hard * weight * F.cross_entropy(logits, target, reduction="sum", ignore_index=D.UNKNOWN)
                loss = loss + settings.soft * weight * soft_loss(logits, soft[name][at])
            optimizer.zero_grad()
            (loss / len(part)).backward()
            net.embedding.weight.grad[0] = 0
            optimizer.step()
            schedule.step()
            total += loss.detach() / len(part)
            step += 1
            if step % 4 == 0:
                with torch.no_grad():
                    keep = min(settings.average, (step / 4 + 1) / (step / 4 + 10))
                    torch._foreach_lerp_(list(mean.parameters()), list(net.parameters()), 1 - keep)
        if every:
            every(mean, f"epoch {epoch} loss {float(total) * settings.batch / len(order):.4f}, {time.time() - started:.0f} s")
    return mean


def predict(net: Net, bags: Bags, device: torch.device) -> dict[str, np.ndarray]:
    net = net.to(device).eval()
    batches, parts = bags.on(device), []
    with torch.no_grad():
        for start in range(0, len(bags.lengths), 1024):
            parts.append(net(*batches.batch(np.arange(start, min(start + 1024, len(bags.lengths))))))
    return {name: torch.cat([part[name] for part in parts]).cpu().numpy() for name in parts[0]}
