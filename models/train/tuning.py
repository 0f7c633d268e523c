"""What is chosen once a graph is there, by its answers on the side that judges: the offset and the curve of the sentiment,
temperatures and thresholds; and the figures of the cards."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING

import numpy as np

import data as D
import measure as M

if TYPE_CHECKING:
    from train import Work


def valid_threshold(p_invalid: np.ndarray, truth: np.ndarray, least: float = 0.95) -> float:
    """Of p(valid), the highest under which at least `least` of what is thrown out deserves it."""
    for threshold in np.arange(0.60, 0.19, -0.05):
        found = p_invalid > 1 - threshold
        if found.any() and (truth[found] == 1).mean() >= least:
            return round(float(threshold), 2)
    return 0.20


def judged(work: Work, side: str) -> np.ndarray:
    """Texts that were labelled for validity alone, about half of them junk; where there are none, all that have such a label."""
    path = work.arguments.data / "labels" / "validity.jsonl"
    mine = (work.texts.side == side) & (work.texts.labels["valid"] != D.UNKNOWN)
    if path.exists():
        known = {D.fold(json.loads(line)["text"][: D.MOST_CHARS]) for line in path.read_text(encoding="utf-8").splitlines() if line}
        mine &= np.array([text in known for text in work.texts.folded])
    return np.flatnonzero(mine)


def calibrated(work: Work, answer) -> tuple[M.Calibration, float]:
    """Temperatures, aspect thresholds and the threshold of validity, all chosen on the side that judges."""
    texts = work.texts
    index = work.measured(work.judge)
    labelled = index[texts.labelled[index]]
    logits = answer(labelled)
    calibration = M.Calibration.chosen(logits, {name: values[labelled] for name, values in texts.labels.items()})
    alone = judged(work, work.judge)
    p = calibration.probabilities(answer(alone))["valid"][:, 1]
    return calibration, valid_threshold(p, texts.labels["valid"][alone])


def tuned(work: Work, name: str, answer, curve: bool) -> tuple[M.Mended, M.Calibration, float]:
    """All that is chosen on the side that judges, by `answer` of a graph in which nothing is mended; kept for the figures."""
    index = work.measured(work.judge)
    plain = answer(index)
    mended = M.Mended.chosen(plain["sentiment"], work.texts.subset(index), curve)
    print(f"{name}: {mended}", flush=True)
    calibration, threshold = calibrated(work, lambda index: (out := answer(index)) | {"sentiment": mended.applied(out["sentiment"])})
    (work.directory / f"{name}-tuned.pickle").write_bytes(pickle.dumps((calibration, threshold, plain, curve)))
    return mended, calibration, threshold


def show(work: Work, name: str, answer) -> None:
    """Figures with intervals; they go into the cards. Of both splits, or after a refit of the one that was not learnt."""
    calibration, threshold, plain, curve = pickle.loads((work.directory / f"{name}-tuned.pickle").read_bytes())
    texts = work.texts
    for side in ("test",) if work.arguments.refit else ("dev", "test"):
        index = work.measured(side)
        subset, logits = texts.subset(index), answer(index)
        report = M.report(logits, subset, calibration)
        print(f"{name} {side}: {report}", flush=True)
        if side == work.judge:
            report = M.halves_report(plain, subset, curve)
            print(f"{name} {side}, each half with what the other half chose: {report}", flush=True)
        for head in report.outcomes:
            print("  %s %.4f (%.3f to %.3f, %d texts)" % (head, report.values[head], *report.interval(head), len(report.outcomes[head])))
        alone = judged(work, side)
        print("  " + M.validity(calibration.probabilities(answer(alone))["valid"][:, 1], texts.labels["valid"][alone], threshold))
        p = calibration.probabilities(logits)
        groups = [(source, subset.source == source) for source in sorted(set(subset.source))]
        lengths = np.array([len(text) for text in subset.folded])
        groups += [(f"{low} to {high} characters", (lengths >= low) & (lengths < high)) for low, high in ((0, 20), (20, 60), (60, 150), (150, 400), (400, 9_999))]
        for words, mask in groups:
            mask = mask & subset.labelled
            if mask.sum() >= 30:
                part = M.Report({head: values[mask] for head, values in p.items()}, subset.subset(np.flatnonzero(mask)), calibration.thresholds)
                print(f"  | {words} | {mask.sum()} | " + " | ".join(f"{part.values[head]:.3f}" for head in ("sentiment", "aspects", "severity", "intent")) + " |", flush=True)
