"""Trains the shipped model `fast`: hashed character n-grams, one embedding, five heads. See README.md."""

from __future__ import annotations

import argparse
import gzip
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import data as D
import export
import features

HASH_BITS = 18
TOKENIZER = {"orders": 4, "hash_bits": HASH_BITS, "head_chars": 400, "tail_chars": 200}
MAX_ROWS = 65_535  # a row is a u16, 0 is the padding


class Net(nn.Module):
    """Sum of the embeddings over the square root of their number, then a linear and a hidden layer side by side."""

    WIDTHS = {"sentiment": 3, "aspects": 64, "severity": 4, "intent": 5, "valid": 2, "polarity": 2}

    def __init__(self, rows: int, dim: int, hidden: int):
        super().__init__()
        self.embedding = nn.EmbeddingBag(rows, dim, mode="sum")
        nn.init.normal_(self.embedding.weight, 0, 0.05)
        with torch.no_grad():
            self.embedding.weight[0] = 0
        width = sum(self.WIDTHS.values())
        self.hidden = nn.Linear(dim, hidden)
        self.out = nn.Linear(hidden, width)
        self.direct = nn.Linear(dim, width, bias=False)

    def forward(self, rows, offsets, counts, dropout: float):
        x = self.embedding(rows, offsets) / counts.sqrt()[:, None]
        x = F.dropout(x, dropout, self.training)
        h = F.dropout(F.relu(self.hidden(x)), dropout, self.training)
        logits = self.out(h) + self.direct(x)
        return dict(zip(self.WIDTHS, torch.split(logits, list(self.WIDTHS.values()), dim=1)))


@dataclass
class Columns:
    """A set of texts as tensors."""

    rows: list[np.ndarray]
    labels: dict[str, torch.Tensor]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, index: np.ndarray, drop: float = 0.0):
        parts = [self.rows[k] for k in index]
        lengths = np.array([len(part) for part in parts])
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        flat = torch.from_numpy(np.concatenate(parts).astype(np.int64))
        if drop > 0:
            flat = torch.where(torch.rand(len(flat)) > drop, flat, 0)
        counts = torch.from_numpy(np.maximum(lengths, 1).astype(np.float32) * (1 - drop))
        return flat, torch.from_numpy(offsets), counts


def columns(texts: D.Texts, buckets: list[np.ndarray], remap: np.ndarray, mask: np.ndarray) -> Columns:
    keep = np.flatnonzero(mask)
    rows = []
    for k in keep:
        mapped = remap[buckets[k]]
        rows.append(np.unique(mapped[mapped > 0]).astype(np.int32))
    names = ["sentiment", "severity", "intent", "valid", "polarity", "aspects"]
    labels = {name: torch.tensor(np.array(getattr(texts, name))[keep]) for name in names}
    return Columns(rows, labels)


def concatenated(*sets: Columns) -> Columns:
    return Columns(
        [row for s in sets for row in s.rows], {n: torch.cat([s.labels[n] for s in sets]) for n in sets[0].labels}
    )


WEIGHTS = {"sentiment": 1.0, "severity": 0.8, "intent": 0.8, "valid": 0.5, "polarity": 1.0}
# Of the teachers' answers; the aspect head is one answer an aspect.
SOFT_WEIGHTS = {"sentiment": 1.0, "severity": 0.8, "intent": 0.8, "valid": 0.5, "aspects": 6.0}


def loss_of(logits, labels, index, args, soft=None):
    total = torch.zeros(())
    if soft is not None:
        for name, weight in SOFT_WEIGHTS.items():
            target = soft[name][index]
            width = target.shape[-1]
            total = total + weight * F.cross_entropy(logits[name].reshape(-1, width), target.reshape(-1, width))
    for name, weight in WEIGHTS.items():
        target = labels[name][index]
        if (target != D.UNKNOWN).any():
            total = total + weight * F.cross_entropy(logits[name], target, label_smoothing=args.smoothing)
    target = labels["aspects"][index].reshape(-1)
    if (target != D.UNKNOWN).any():
        total = total + args.aspect_weight * F.cross_entropy(logits["aspects"].reshape(-1, 4), target)
    return total


def predict(net: Net, columns: Columns) -> dict[str, np.ndarray]:
    net.eval()
    parts = []
    with torch.no_grad():
        for start in range(0, len(columns), 512):
            parts.append(net(*columns.batch(np.arange(start, min(start + 512, len(columns)))), 0.0))
    return {name: torch.cat([part[name] for part in parts]).numpy() for name in parts[0]}


def softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def aspects_of(logits: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Polarity index of each aspect as the pipeline decides it: over the threshold, the three most certain."""
    p = softmax(logits.reshape(-1, len(D.ASPECTS), 4))
    present = 1 - p[:, :, 0]
    over = np.where(present >= thresholds, present, -1)
    third = -np.sort(-over, axis=1)[:, 2:3]
    named = (over > 0) & (over >= third)
    return np.where(named, p[:, :, 1:].argmax(2) + 1, 0)


def aspect_scores(found: np.ndarray, truth: np.ndarray):
    """Micro F1 over (aspect, polarity) pairs, positive and negative alone; F1 of each pair."""
    per = []
    hits = made = wanted = 0
    for aspect in range(len(D.ASPECTS)):
        for polarity in (1, 2):
            f, t = found[:, aspect] == polarity, truth[:, aspect] == polarity
            h = int((f & t).sum())
            hits, made, wanted = hits + h, made + int(f.sum()), wanted + int(t.sum())
            per.append((D.ASPECTS[aspect], polarity, 2 * h / max(1, f.sum() + t.sum()), int(t.sum())))
    return 2 * hits / max(1, made + wanted), per


def tuned_thresholds(logits: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """One threshold an aspect: the one with the best F1, held near the common best where labels are few."""
    grid = np.arange(0.20, 0.66, 0.02)
    n = len(D.ASPECTS)
    common = max(grid, key=lambda g: aspect_scores(aspects_of(logits, np.full(n, g)), truth)[0])
    thresholds = np.full(n, common)
    for aspect in range(n):
        def score(g, aspect=aspect):
            trial = thresholds.copy()
            trial[aspect] = g
            return aspect_scores(aspects_of(logits, trial), truth)[0] - 0.002 * abs(g - common)

        thresholds[aspect] = max(grid, key=score)
    return thresholds


def temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The divisor of the logits with the best log-likelihood."""
    def loss(t):
        p = softmax(logits / t)
        return -np.log(p[np.arange(len(truth)), truth] + 1e-9).mean()

    return float(min(np.arange(0.5, 2.51, 0.05), key=loss))


def report(logits, dev: Columns, thresholds=None) -> str:
    words = []
    for name in ("sentiment", "severity", "intent"):
        words.append(f"{name} {(logits[name].argmax(1) == dev.labels[name].numpy()).mean():.4f}")
    truth = dev.labels["aspects"].numpy()
    thresholds = np.full(len(D.ASPECTS), 0.4) if thresholds is None else thresholds
    words.append(f"aspects {aspect_scores(aspects_of(logits['aspects'], thresholds), truth)[0]:.4f}")
    return "  ".join(words)


def soft_labels(teachers: list[Net], texts: Columns) -> dict[str, torch.Tensor]:
    """Mean of the teachers' probabilities, as targets."""
    sums: dict[str, np.ndarray] = {}
    for teacher in teachers:
        logits = predict(teacher, texts)
        for name in SOFT_WEIGHTS:
            p = softmax(logits[name].reshape(len(texts), -1, 4) if name == "aspects" else logits[name])
            sums[name] = sums.get(name, 0) + p / len(teachers)
    return {name: torch.from_numpy(p.astype(np.float32)) for name, p in sums.items()}


def train(net: Net, labelled: Columns, weak: Columns, dev: Columns, args, seed: int, soft=None) -> Net:
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    average = Net(net.embedding.num_embeddings, net.embedding.embedding_dim, net.hidden.out_features)
    average.load_state_dict(net.state_dict())
    others = [p for name, p in net.named_parameters() if not name.startswith("embedding")]
    optimizer = torch.optim.AdamW(
        [{"params": [net.embedding.weight], "lr": args.embedding_rate, "weight_decay": args.embedding_decay}, {"params": others, "lr": args.rate, "weight_decay": 0.01}],
        fused=True,
    )
    steps_an_epoch = -(-len(labelled) // args.batch)
    steps = args.epochs * steps_an_epoch
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(0.02, 1 - step / steps))
    weak_order = rng.permutation(max(1, len(weak)))
    weak_at = step = 0
    for epoch in range(args.epochs):
        net.train()
        order = rng.permutation(len(labelled))
        total = 0.0
        for start in range(0, len(order), args.batch):
            index = order[start : start + args.batch]
            loss = loss_of(net(*labelled.batch(index, args.drop_rows), args.dropout), labelled.labels, torch.from_numpy(index), args)
            if args.weak_weight > 0 and len(weak):
                size = args.batch if soft is None else args.soft_batch
                if weak_at + size > len(weak):
                    weak_at = 0
                index = weak_order[weak_at : weak_at + size]
                weak_at += size
                weight = args.weak_weight if soft is None else args.soft_weight
                logits = net(*weak.batch(index, args.drop_rows), args.dropout)
                loss = loss + weight * loss_of(logits, weak.labels, torch.from_numpy(index), args, soft)
            optimizer.zero_grad()
            loss.backward()
            net.embedding.weight.grad[0] = 0
            optimizer.step()
            schedule.step()
            total += float(loss.detach())
            step += 1
            if step % 4 == 0:
                with torch.no_grad():
                    keep = min(args.average, (step / 4 + 1) / (step / 4 + 10))
                    for mean, now in zip(average.parameters(), net.parameters()):
                        mean.lerp_(now, 1 - keep)
        print(
            f"seed {seed} epoch {epoch} loss {total / steps_an_epoch:.4f}  {report(predict(average, dev), dev)}  cpu {time.process_time():.0f} s",
            flush=True,
        )
    return average


def write_dev(directory: Path, out: Path, keep: set[int]) -> None:
    """The labelled lines of the development split, for `qingting model eval`."""
    with gzip.open(directory / "labels" / "train.jsonl.gz", "rt", encoding="utf-8") as lines, open(out, "w", encoding="utf-8") as kept:
        for number, line in enumerate(lines):
            if number in keep:
                kept.write(line)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="directory with labels/ and, if there, data/raw/")
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "fast")
    parser.add_argument("--version", default="1")
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--embedding-rate", type=float, default=3e-3)
    parser.add_argument("--embedding-decay", type=float, default=0.0)
    parser.add_argument("--dropout", type=float, default=0.3)
    parser.add_argument("--drop-rows", type=float, default=0.3, help="share of the n-grams left out at random")
    parser.add_argument("--smoothing", type=float, default=0.0)
    parser.add_argument("--aspect-weight", type=float, default=6.0)
    parser.add_argument("--weak-weight", type=float, default=0.5)
    parser.add_argument("--average", type=float, default=0.99)
    parser.add_argument("--min-texts", type=int, default=3, help="an n-gram must occur in so many training texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--teachers", type=int, default=3, help="nets whose mean answer teaches the one that ships; 0: none")
    parser.add_argument("--student-epochs", type=int, default=10)
    parser.add_argument("--soft-weight", type=float, default=1.0)
    parser.add_argument("--soft-batch", type=int, default=512)
    parser.add_argument("--write-dev", type=Path, help="write the labelled lines of the development split here")
    parser.add_argument("--no-export", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    labelled, validity = D.read_labelled(args.data), D.read_validity(args.data)
    weak = D.read_weak(args.data, set(labelled.keys) | set(validity.keys)) if args.weak_weight > 0 else D.Texts()
    print(f"{len(labelled)} labelled, {len(validity)} for validity, {len(weak)} with weak polarity", flush=True)

    def hashed(texts):
        return [features.hashed_ngrams(text, **TOKENIZER) for text in texts.folded]

    buckets = {"labelled": hashed(labelled), "validity": hashed(validity), "weak": hashed(weak)}
    dev_mask, validity_dev = labelled.dev_mask(), validity.dev_mask()
    texts_with = np.zeros(2**HASH_BITS, dtype=np.float64)
    for k in np.flatnonzero(~dev_mask):
        texts_with[buckets["labelled"][k]] += 1
    for bucket in buckets["weak"]:
        texts_with[bucket] += 0.25
    known = np.flatnonzero(texts_with >= args.min_texts)
    if len(known) > MAX_ROWS:
        known = np.sort(known[np.argsort(-texts_with[known], kind="stable")[:MAX_ROWS]])
    remap = np.zeros(2**HASH_BITS, dtype=np.int64)
    remap[known] = np.arange(1, len(known) + 1)

    train_set = columns(labelled, buckets["labelled"], remap, ~dev_mask)
    dev = columns(labelled, buckets["labelled"], remap, dev_mask)
    validity_set = columns(validity, buckets["validity"], remap, ~validity_dev)
    validity_dev_set = columns(validity, buckets["validity"], remap, validity_dev)
    weak_set = columns(weak, buckets["weak"], remap, np.ones(len(weak), dtype=bool)) if len(weak) else Columns([], {})
    # the texts labelled for validity alone are few and carry nearly all that is invalid
    train_set = concatenated(train_set, *([validity_set] * 3))
    mean_rows = np.mean([len(rows) for rows in dev.rows])
    print(f"{len(known)} rows, {mean_rows:.0f} a text, features after {time.process_time():.0f} s of cpu", flush=True)

    def fresh(seed: int) -> Net:
        torch.manual_seed(seed)
        return Net(len(known) + 1, args.dim, args.hidden)

    if args.teachers == 0:
        net = train(fresh(args.seed), train_set, weak_set, dev, args, args.seed)
    else:
        teachers = [train(fresh(seed), train_set, weak_set, dev, args, seed) for seed in range(args.seed + 1, args.seed + 1 + args.teachers)]
        together = {name: np.mean([predict(t, dev)[name] for t in teachers], axis=0) for name in SOFT_WEIGHTS}
        print("teachers together:", report(together, dev), flush=True)
        pool = D.Texts()
        D.read_unlabelled(args.data, set(labelled.keys) | set(validity.keys) | set(weak.keys), pool)
        pool_set = columns(pool, hashed(pool), remap, np.ones(len(pool), dtype=bool))
        pool_set = concatenated(weak_set, pool_set)
        del weak_set
        print(f"{len(pool_set)} texts for the student", flush=True)
        args.epochs = args.student_epochs
        net = train(fresh(args.seed), train_set, pool_set, dev, args, args.seed, soft_labels(teachers, pool_set))

    logits = predict(net, dev)
    truth = dev.labels["aspects"].numpy()
    temperatures = {
        name: temperature(logits[name], dev.labels[name].numpy()) for name in ("sentiment", "severity", "intent", "valid")
    }
    temperatures["aspects"] = temperature(logits["aspects"].reshape(-1, 4), truth.reshape(-1))
    temperatures = {name: round(value, 2) for name, value in temperatures.items()}
    logits["aspects"] = logits["aspects"] / temperatures["aspects"]
    thresholds = tuned_thresholds(logits["aspects"], truth)
    print("tuned:", report(logits, dev, thresholds), temperatures)
    invalid = softmax(predict(net, validity_dev_set)["valid"])[:, 1]
    is_invalid = validity_dev_set.labels["valid"].numpy() == 1
    dev_invalid = softmax(logits["valid"])[:, 1]
    for threshold in (0.3, 0.5, 0.7):
        found = invalid > threshold
        print(
            f"invalid over {threshold}: precision {(found & is_invalid).sum() / max(1, found.sum()):.3f} recall {(found & is_invalid).sum() / max(1, is_invalid.sum()):.3f}"
            f" of {is_invalid.sum()} in {len(is_invalid)}; {int((dev_invalid > threshold).sum())} of {len(dev_invalid)} labelled texts, {int((dev.labels['valid'] == 1).sum())} are"
        )
    if args.write_dev:
        keep = [k for k in np.flatnonzero(dev_mask)]
        write_dev(args.data, args.write_dev, set(keep))

    def answer(rows: np.ndarray) -> np.ndarray:
        one = Columns([rows], {})
        return softmax(predict(net, one)["sentiment"][0] / temperatures["sentiment"])

    if not args.no_export:
        export.write(args.out, args.version, net, remap, thresholds, temperatures, TOKENIZER, answer)


if __name__ == "__main__":
    main()
