"""Fine-tunes the encoder on everything that has any label, on the answers of teachers where there are some."""

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
SOFT_HEADS = ("sentiment", "severity", "intent", "valid", "aspects")


@dataclass
class Settings:
    epochs: int
    rate: float
    head_rate: float = 1e-3
    layer_decay: float = 0.85  # of the rate, from each layer to the one below
    dropout: float = 0.1
    weight_decay: float = 0.01
    tokens: int = 8192
    warm: float = 0.06
    consistency: float = 0.0  # R-drop: weight of the divergence between two dropout masks, on fully labelled texts
    soft: float = 1.0  # weight of the teachers' answers, where there are any
    average: float = 0.0  # decay of the moving average of the weights that is returned; 0: the last weights
    seed: int = 1


def padded_length(length: int) -> int:
    return -(-length // LENGTH_STEP) * LENGTH_STEP


class Pieces:
    """The pieces of all texts in one matrix on the device, 0 where a text has ended."""

    def __init__(self, rows: list[np.ndarray], device: torch.device | str):
        self.lengths = np.array([len(row) for row in rows])
        ids = np.zeros((len(rows), padded_length(int(self.lengths.max()))), dtype=np.int16)
        for at, row in enumerate(rows):
            ids[at, : len(row)] = row
        self.ids = torch.from_numpy(ids).to(device)

    @property
    def device(self) -> torch.device:
        return self.ids.device

    def batch(self, index: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        length = padded_length(int(self.lengths[index].max()))
        ids = self.ids[torch.from_numpy(index).to(self.device), :length].long()
        return ids, ids != 0

    def batches(self, index: np.ndarray, tokens: int, rng) -> list[np.ndarray]:
        """Batches of few shapes, in random order: what does not fill a batch of its length goes in with the next longer ones.

        The runtime keeps code and buffers for every shape it meets; a shape for each batch costs gigabytes.
        """
        index = rng.permutation(index)
        padded = -(-self.lengths[index] // LENGTH_STEP) * LENGTH_STEP
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


def drawer(texts: D.Texts, learnt: np.ndarray, epochs: int, weak_rounds: int):
    """Which texts each epoch is made of: all labelled ones, and of the weakly labelled ones a part that changes."""
    labelled = np.flatnonzero(learnt & texts.labelled)
    invalid = labelled[texts.labels["valid"][labelled] == 1]
    validity = np.flatnonzero(learnt & ~texts.labelled & (texts.labels["valid"] != D.UNKNOWN))
    other = np.any([(texts.labels[name] != D.UNKNOWN).reshape(len(texts), -1).any(1) for name in ("polarity", "emotion", "car")], axis=0)
    weak = np.flatnonzero(learnt & ~texts.labelled & other)
    weak = np.random.default_rng(7).permutation(weak)

    def drawn(epoch: int, rng) -> np.ndarray:
        # junk is rare: it and the texts labelled for it alone stand in three times
        part = np.concatenate([weak] * weak_rounds)[epoch::epochs] if weak_rounds else weak[:0]
        return np.concatenate([labelled, *[invalid] * 2, *[validity] * 3, part])

    return drawn


def margin_loss(sentiment: torch.Tensor, polarity: torch.Tensor, trust: torch.Tensor) -> torch.Tensor:
    """Two-class polarity as what the sentiment head holds for positive over negative; it says nothing about neutral."""
    known, smoothing = polarity != D.UNKNOWN, trust[:, 1]
    target = polarity.clamp(min=0).float() * (1 - smoothing) + 0.5 * smoothing
    loss = F.binary_cross_entropy_with_logits(sentiment[:, 0] - sentiment[:, 1], target, reduction="none")
    return (trust[:, 0] * loss * known).sum()


def soft_loss(logits: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
    """Cross entropy against answers of a teacher; a row of NaN is a text that none was asked about."""
    probabilities = probabilities.reshape(logits.shape).float()
    answered = ~probabilities[:, :1].isnan()
    return -(torch.where(answered, probabilities, 0.0) * logits.log_softmax(-1)).sum()


def loss_of(out: dict[str, torch.Tensor], labels: dict[str, torch.Tensor], trust: torch.Tensor, soft: dict[str, torch.Tensor], share: float) -> torch.Tensor:
    """Sum over the texts of the losses of each head that a text has a label or a teacher's answer for.

    Everything is masked and nothing is picked out: on a GPU a pick waits for the device.
    """
    total = WEIGHTS["polarity"] * margin_loss(out["sentiment"], labels["polarity"], trust)
    for name, smoothing in SMOOTHING.items():
        target = labels[name].reshape(-1)
        logits = out[name].reshape(len(target), -1)
        total = total + WEIGHTS[name] * F.cross_entropy(logits, target, label_smoothing=smoothing, reduction="sum", ignore_index=D.UNKNOWN)
        if name in soft:
            total = total + share * WEIGHTS[name] * soft_loss(logits, soft[name])
    return total


def divergence(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> torch.Tensor:
    total = a["sentiment"].new_zeros(())
    for name in ("sentiment", "severity", "intent", "aspects"):
        p, q = a[name].log_softmax(-1), b[name].log_softmax(-1)
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


def falling(optimizer: torch.optim.Optimizer, steps: int, warm_share: float) -> torch.optim.lr_scheduler.LRScheduler:
    """Rises over the first steps, then falls to nothing."""
    warm = max(1, int(warm_share * steps))
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: min((s + 1) / warm, max(0.0, (steps - s) / max(1, steps - warm))))


def train(model: E.Model, pieces: Pieces, texts: D.Texts, draw, settings: Settings, soft: dict[str, torch.Tensor] | None = None, every=None) -> E.Model:
    """`draw(epoch, rng)` gives the texts of an epoch (a text may stand there twice). `every(model, words)` is told at the end of each.

    `soft`: the teachers' probabilities for every text, NaN where none was asked.
    """
    device = pieces.device
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    model = model.to(device)
    labels = {name: torch.from_numpy(values).to(device) for name, values in texts.labels.items()}
    trust = torch.from_numpy(texts.trust).to(device)
    plan = [pieces.batches(draw(epoch, rng), settings.tokens, rng) for epoch in range(settings.epochs)]
    steps, step = sum(len(epoch) for epoch in plan), 0
    optimizer = torch.optim.AdamW(groups(model, settings), betas=(0.9, 0.98), fused=True)
    schedule = falling(optimizer, steps, settings.warm)
    mean = copy.deepcopy(model) if settings.average else None
    started = time.time()
    for number, epoch in enumerate(plan):
        model.train()
        total = torch.zeros((), device=device)
        for batch in epoch:
            index = torch.from_numpy(batch).to(device)
            here = {name: values[index] for name, values in labels.items()}
            ids, mask = pieces.batch(batch)
            full = np.flatnonzero(texts.labels["sentiment"][batch] != D.UNKNOWN) if settings.consistency > 0 else []
            with torch.autocast(device.type, dtype=torch.bfloat16):
                out = model(ids, mask, settings.dropout)
                again = model(ids[full], mask[full], settings.dropout) if len(full) else None
            loss = loss_of(out, here, trust[index], {name: values[index] for name, values in (soft or {}).items()}, settings.soft)
            if again is not None:
                loss = loss + settings.consistency * divergence({name: values[full] for name, values in out.items()}, again)
            optimizer.zero_grad()
            (loss / TEXTS_A_STEP).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 3.0)
            optimizer.step()
            schedule.step()
            total += loss.detach() / len(batch)
            step += 1
            if mean is not None:
                with torch.no_grad():
                    keep = min(settings.average, (step + 1) / (step + 10))
                    torch._foreach_lerp_(list(mean.parameters()), list(model.parameters()), 1 - keep)
            if step % 100 == 0 and device.type == "cpu":
                print(f"step {step} of {steps}, {time.time() - started:.0f} s", flush=True)
        if every:
            every(mean or model, f"seed {settings.seed} epoch {number} loss {float(total) / len(epoch):.4f} {time.time() - started:.0f} s")
    return mean or model


def predict(model: E.Model, pieces: Pieces, index: np.ndarray, tokens: int = 8192) -> dict[str, np.ndarray]:
    """Logits of each text of `index`, in order."""
    device = pieces.device
    model = model.to(device).eval()
    made = pieces.batches(index, tokens, np.random.default_rng(0))
    place = np.empty(len(pieces.lengths), dtype=np.int64)
    place[np.concatenate(made)] = np.arange(len(index))
    parts: dict[str, list] = {}
    with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16):
        for batch in made:
            for name, values in model(*pieces.batch(batch), auxiliary=False).items():
                if name != "vector":
                    parts.setdefault(name, []).append(values.float())
    return {name: torch.cat(values).cpu().numpy()[place[index]] for name, values in parts.items()}
