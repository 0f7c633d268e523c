"""From logits to answers, scores and calibration, by the definitions of src/classify/{decode,evaluate}.rs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import data as D

MOST_ASPECTS = 3
BINS = 15
HEADS = ("sentiment", "severity", "intent")
PUBLIC = {"shopping": "ecom_online_shopping_10_cats", "waimai": "review_takeaway_waimai"}

Logits = dict[str, np.ndarray]


def softmax(logits: np.ndarray) -> np.ndarray:
    e = np.exp(logits - logits.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def aspects_of(p: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Polarity index of each aspect: over its threshold, the three most certain."""
    present = 1 - p[:, :, 0]
    over = np.where(present >= thresholds, present, -1)
    third = -np.sort(-over, axis=1)[:, MOST_ASPECTS - 1 : MOST_ASPECTS]
    named = (over > 0) & (over >= third)
    return np.where(named, p[:, :, 1:].argmax(2) + 1, 0)


def aspect_counts(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """[texts, 3]: hits, answered, labelled (aspect, polarity) pairs, positive and negative alone."""
    answered, labelled = (found == 1) | (found == 2), (truth == 1) | (truth == 2)
    return np.stack([(answered & (found == truth)).sum(1), answered.sum(1), labelled.sum(1)], axis=1)


def micro_f1(counts: np.ndarray) -> float:
    hits, answered, labelled = counts.sum(0)
    return 2 * hits / max(1, answered + labelled)


def pair_scores(found: np.ndarray, truth: np.ndarray) -> dict[tuple[str, str], tuple[float, int]]:
    """(aspect, polarity) → F1 and how many are labelled so."""
    scores = {}
    for number, aspect in enumerate(D.ASPECTS):
        for polarity in (1, 2):
            f, t = found[:, number] == polarity, truth[:, number] == polarity
            scores[aspect, D.POLARITIES[polarity]] = (2 * (f & t).sum() / max(1, f.sum() + t.sum()), int(t.sum()))
    return scores


def negative_macro_f1(found: np.ndarray, truth: np.ndarray, least: int = 20) -> float:
    scores = pair_scores(found, truth)
    known = [f1 for (_, polarity), (f1, n) in scores.items() if polarity == "negative" and n >= least]
    return float(np.mean(known)) if known else float("nan")


def calibration_error(p: np.ndarray, truth: np.ndarray) -> float:
    """Expected calibration error of the answer's probability, bins of equal mass."""
    confidence, right = p.max(1), p.argmax(1) == truth
    order = np.argsort(confidence, kind="stable")
    error = 0.0
    for part in np.array_split(order, BINS):
        if len(part):
            error += len(part) / len(order) * abs(confidence[part].mean() - right[part].mean())
    return float(error)


def best_temperature(logits: np.ndarray, truth: np.ndarray) -> float:
    """The divisor of the logits with the best log-likelihood."""

    def loss(t: float) -> float:
        p = softmax(logits / t)
        return -np.log(p[np.arange(len(truth)), truth] + 1e-9).mean()

    return round(float(min(np.arange(0.4, 3.01, 0.02), key=loss)), 2)


def curved(logits: np.ndarray, curve: tuple[float, float]) -> np.ndarray:
    """Logits by how far they are below the largest, d → -(a d + b d²): the order stays, and with it every answer.

    A net that learnt from smoothed labels is too sure where it doubts and not sure enough where it knows; one
    temperature mends the one at the cost of the other.
    """
    d = logits.max(-1, keepdims=True) - logits
    return -(curve[0] * d + curve[1] * d * d)


def best_curve(logits: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """The curve with the best log-likelihood."""

    def loss(curve: tuple[float, float]) -> float:
        p = softmax(curved(logits, curve))
        return -np.log(p[np.arange(len(truth)), truth] + 1e-9).mean()

    grid = [(a, b) for a in np.arange(0.1, 1.31, 0.05) for b in np.arange(0.0, 0.41, 0.02)]
    a, b = min(grid, key=loss)
    return round(float(a), 2), round(float(b), 2)


def best_offset(logits: np.ndarray, texts: D.Texts) -> float:
    """What is added to the logit of positive: that with the best likelihood of all that the head is asked, the three
    classes of the labelled texts and the two of the public sets.

    The weakly labelled texts know no neutral and hold more praise than the labelled ones; a head that learnt from both
    says positive too often. Without public sets nothing speaks against less and less of it: the logit stays as it is.
    """
    labelled, polarity = texts.labelled, texts.labels["polarity"]
    truth = texts.labels["sentiment"][labelled]
    public = [np.flatnonzero((texts.source == source) & (polarity != D.UNKNOWN)) for source in PUBLIC.values()]
    public = [index for index in public if len(index)]
    if not public:
        return 0.0

    def loss(offset: float) -> float:
        shifted = logits + np.array([offset, 0, 0])
        p = softmax(shifted[labelled])
        both = [np.logaddexp(0, np.where(polarity[index] == 1, -1, 1) * (shifted[index, 0] - shifted[index, 1])).mean() for index in public]
        return -np.log(p[np.arange(len(truth)), truth] + 1e-9).mean() + np.mean(both)

    return round(float(min(np.arange(-0.6, 0.61, 0.05), key=loss)), 2)


@dataclass(frozen=True)
class Mended:
    """What the graph does to the logits of the sentiment, after `offset` is added to positive."""

    offset: float = 0.0
    curve: tuple[float, float] = (1.0, 0.0)

    @classmethod
    def chosen(cls, logits: np.ndarray, texts: D.Texts, curve: bool) -> "Mended":
        offset = best_offset(logits, texts)
        shifted = cls(offset).applied(logits)[texts.labelled]
        return cls(offset, best_curve(shifted, texts.labels["sentiment"][texts.labelled]) if curve else (1.0, 0.0))

    def applied(self, logits: np.ndarray) -> np.ndarray:
        return curved(logits + np.array([self.offset, 0, 0], logits.dtype), self.curve)


def best_thresholds(p: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """One threshold an aspect, by F1; held near the common best, the more so the fewer labels there are.

    Chosen on one half and checked on the other, thresholds without this pull lose what they win.
    """
    grid = np.arange(0.20, 0.70, 0.02)
    count = len(D.ASPECTS)
    common = max(grid, key=lambda g: micro_f1(aspect_counts(aspects_of(p, np.full(count, g)), truth)))
    thresholds = np.full(count, common)
    for aspect in range(count):

        def score(g: float) -> float:
            trial = thresholds.copy()
            trial[aspect] = g
            return micro_f1(aspect_counts(aspects_of(p, trial), truth)) - 0.004 * abs(g - common)

        thresholds[aspect] = max(grid, key=score)
    return np.round(thresholds, 2)


class Calibration:
    """What a manifest holds: a temperature a head and a threshold an aspect."""

    def __init__(self, temperatures: dict[str, float] | None = None, thresholds: np.ndarray | None = None):
        self.temperatures = temperatures or {}
        self.thresholds = np.full(len(D.ASPECTS), 0.4) if thresholds is None else np.asarray(thresholds)

    @classmethod
    def chosen(cls, logits: Logits, labels: dict[str, np.ndarray]) -> "Calibration":
        temperatures = {name: best_temperature(logits[name], labels[name]) for name in (*HEADS, "valid")}
        temperatures["aspects"] = best_temperature(logits["aspects"].reshape(-1, 4), labels["aspects"].reshape(-1))
        made = cls(temperatures)
        made.thresholds = best_thresholds(made.probabilities(logits)["aspects"], labels["aspects"])
        return made

    def probabilities(self, logits: Logits) -> dict[str, np.ndarray]:
        return {
            name: softmax(values.reshape(len(values), -1, 4) / self.temperatures.get(name, 1.0) if name == "aspects" else values / self.temperatures.get(name, 1.0))
            for name, values in logits.items()
            if name in (*HEADS, "valid", "aspects")
        }


class Report:
    """Figures of one set of texts. `outcomes` holds a value (or counts) for each text, for the bootstrap.

    `thresholds` of the aspects: the same for all texts, or a row for each.
    """

    def __init__(self, p: dict[str, np.ndarray], texts: D.Texts, thresholds: np.ndarray):
        self.outcomes: dict[str, np.ndarray] = {}
        self.values: dict[str, float] = {}
        labelled = texts.labelled
        if labelled.any():
            for name in HEADS:
                self.outcomes[name] = (p[name].argmax(1) == texts.labels[name])[labelled]
            truth = texts.labels["aspects"][labelled]
            found = aspects_of(p["aspects"][labelled], thresholds[labelled] if thresholds.ndim == 2 else thresholds)
            self.outcomes["aspects"] = aspect_counts(found, truth)
            self.values["negative_macro"] = negative_macro_f1(found, truth)
            self.values["ece"] = calibration_error(p["sentiment"][labelled], texts.labels["sentiment"][labelled])
        for name, source in PUBLIC.items():
            public = (texts.source == source) & (texts.labels["polarity"] != D.UNKNOWN)
            if public.any():
                self.outcomes[name] = ((p["sentiment"][:, 0] > p["sentiment"][:, 1]) == (texts.labels["polarity"] == 1))[public]
        for name, outcome in self.outcomes.items():
            self.values[name] = self._value(outcome)

    @staticmethod
    def _value(outcome: np.ndarray) -> float:
        return float(outcome.mean()) if outcome.ndim == 1 else micro_f1(outcome)

    def interval(self, name: str, rounds: int = 1000, seed: int = 1) -> tuple[float, float]:
        """95 % bootstrap interval over texts."""
        outcome, rng = self.outcomes[name], np.random.default_rng(seed)
        drawn = [self._value(outcome[rng.integers(0, len(outcome), len(outcome))]) for _ in range(rounds)]
        return float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))

    def __str__(self) -> str:
        order = ["sentiment", "aspects", "negative_macro", "severity", "intent", "shopping", "waimai", "ece"]
        return "  ".join(f"{name} {self.values[name]:.4f}" for name in order if name in self.values)


def report(logits: Logits, texts: D.Texts, calibration: Calibration | None = None) -> Report:
    calibration = calibration or Calibration()
    return Report(calibration.probabilities(logits), texts, calibration.thresholds)


def halves_report(logits: Logits, texts: D.Texts, curve: bool) -> Report:
    """Of the texts that offset, curve, temperatures and thresholds were chosen on: each half of them is answered with
    those that the other half chose. `logits`: before anything was mended."""
    half = np.arange(len(texts)) % 2
    p: dict[str, np.ndarray] = {}
    thresholds = np.zeros((len(texts), len(D.ASPECTS)))
    for side in (0, 1):
        chooses, asked = np.flatnonzero(half != side), half == side
        mended = logits | {"sentiment": Mended.chosen(logits["sentiment"][chooses], texts.subset(chooses), curve).applied(logits["sentiment"])}
        labelled = chooses[texts.labelled[chooses]]
        calibration = Calibration.chosen({name: values[labelled] for name, values in mended.items()}, {name: values[labelled] for name, values in texts.labels.items()})
        for name, values in calibration.probabilities({name: values[asked] for name, values in mended.items()}).items():
            p.setdefault(name, np.zeros((len(texts), *values.shape[1:]), values.dtype))[asked] = values
        thresholds[asked] = calibration.thresholds
    return Report(p, texts, thresholds)


def validity(p_invalid: np.ndarray, truth: np.ndarray, threshold: float) -> str:
    found, wanted = p_invalid > 1 - threshold, truth == 1
    hits = int((found & wanted).sum())
    return f"invalid: precision {hits / max(1, found.sum()):.3f} recall {hits / max(1, wanted.sum()):.3f} of {wanted.sum()} in {len(truth)}"
