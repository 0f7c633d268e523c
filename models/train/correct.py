"""Corrects finished models in minutes: they go on with invented texts that they misread, under the right labels, and
with their own answers to other texts, so that nothing else moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

import data as D
import fast as student
import precise as reader

LABELLED_SHARE = 2 / 3  # of the other texts
PRECISE = reader.Settings(epochs=2, rate=3e-5, head_rate=1e-4, warm=0.1, average=0.97, dropout=0.0, seed=41)
PRECISE_REPEATS = 8  # of a correction in an epoch
FAST = {"epochs": 3, "rate": 5e-4, "row_rate": 1e-3, "dropout": 0.05, "drop_rows": 0.1, "seed": 41}
FAST_REPEATS = 20


def drawn(texts: D.Texts, known: np.ndarray, count: int) -> np.ndarray:
    """Texts whose answers are to stay, most of them such as are fully labelled."""
    rng = np.random.default_rng(41)
    labelled, other = known[texts.labelled[known]], known[~texts.labelled[known]]
    wanted = min(len(labelled), int(count * LABELLED_SHARE))
    return np.concatenate([rng.choice(labelled, wanted, replace=False), rng.choice(other, min(len(other), count - wanted), replace=False)])


def only_corrections_labelled(texts: D.Texts) -> D.Texts:
    """Of all other texts the model's own answers are all that it is told: their labels would move it, since it has settled between them and its teachers."""
    others = texts.side != D.CORRECTION
    return replace(texts, labels={name: np.where(others.reshape(-1, *[1] * (values.ndim - 1)), D.UNKNOWN, values) for name, values in texts.labels.items()})


def precise(model, pieces: reader.Pieces, texts: D.Texts, again: np.ndarray, corrections: np.ndarray, soft: dict):
    """`soft`: the model's own answers to `again`."""
    drawn_of = lambda epoch, rng: np.concatenate([again, *[corrections] * PRECISE_REPEATS])  # noqa: E731
    return reader.train(model, pieces, only_corrections_labelled(texts), drawn_of, PRECISE, soft)


def fast(net: student.Net, bags: student.Bags, texts: D.Texts, again: np.ndarray, corrections: np.ndarray, soft: dict, device):
    """Likewise; the net and its settings."""
    settings = student.Settings(dimension=net.embedding.embedding_dim, hidden=net.hidden.out_features, **FAST)
    index = np.concatenate([again, *[corrections] * FAST_REPEATS])
    return student.train(net.embedding.num_embeddings, bags, only_corrections_labelled(texts), index, soft, settings, device, start=net), settings
