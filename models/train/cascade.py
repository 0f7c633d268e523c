"""Chooses for which answers of `fast` a text is passed on to `precise`: a function of the text alone."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np

import data as D
from measure import HEADS, Report

KEYS = ("sentiment_below", "intent_below", "severity_below", "urgent_from", "aspect_within")
NEVER = {"sentiment_below": 0.0, "intent_below": 0.0, "severity_below": 0.0, "urgent_from": 2.0, "aspect_within": -1.0}
GRID = {
    "sentiment_below": (0.0, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9),
    "intent_below": (0.0, 0.5, 0.6, 0.7, 0.8),
    "severity_below": (0.0, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7),
    "urgent_from": (2.0,),
    "aspect_within": (-1.0, 0.02, 0.04, 0.06, 0.08, 0.1, 0.12, 0.15, 0.2),
}


def signals(p: dict[str, np.ndarray], thresholds: np.ndarray) -> dict[str, np.ndarray]:
    """What each rule looks at; a rule holds where its signal is below (urgent: at or above) its value."""
    return {
        "sentiment_below": p["sentiment"].max(1),
        "intent_below": p["intent"].max(1),
        "severity_below": p["severity"].max(1),
        "urgent_from": p["severity"][:, 0],
        "aspect_within": np.abs(1 - p["aspects"][:, :, 0] - thresholds).min(1),
    }


def passed_on(signal: dict[str, np.ndarray], rule: dict[str, float]) -> np.ndarray:
    rule = NEVER | rule
    hit = signal["urgent_from"] >= rule["urgent_from"]
    for key in KEYS:
        if key != "urgent_from":
            hit = hit | (signal[key] < rule[key] if key != "aspect_within" else signal[key] <= rule[key])
    return hit


def outcome(fast: Report, precise: Report, hits: dict[str, np.ndarray], name: str) -> float:
    """Score of the cascade on one head, out of what both reports hold for each text."""
    hit, a, b = hits["labelled" if name in (*HEADS, "aspects") else name], fast.outcomes[name], precise.outcomes[name]
    return Report._value(np.where(hit[:, None] if a.ndim == 2 else hit, b, a))


def subsets(texts: D.Texts, hit: np.ndarray) -> dict[str, np.ndarray]:
    from measure import PUBLIC

    made = {"labelled": hit[texts.labelled]}
    for name, source in PUBLIC.items():
        made[name] = hit[(texts.source == source) & (texts.labels["polarity"] != D.UNKNOWN)]
    return made


def choose(texts: D.Texts, fast: Report, precise: Report, signal: dict[str, np.ndarray], slack: float) -> list[tuple[float, float, dict]]:
    """(share passed on, worst loss against `precise`, rule), the rules that no other beats in both, by share."""
    names = [name for name in (*HEADS, "aspects", "shopping", "waimai") if name in fast.outcomes]
    found = []
    for values in itertools.product(*(GRID[key] for key in KEYS)):
        rule = dict(zip(KEYS, values))
        hit = passed_on(signal, rule)
        hits = subsets(texts, hit)
        share = float(hits["labelled"].mean())
        worst = max(precise.values[name] - outcome(fast, precise, hits, name) for name in names)
        found.append((share, max(worst, slack), rule))
    found.sort(key=lambda entry: (entry[0], entry[1]))
    best, kept = np.inf, []
    for entry in found:
        if entry[1] < best - 1e-9:
            best = entry[1]
            kept.append(entry)
    return kept


def write(out: Path, version: str, rule: dict[str, float]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    lines = [
        "# Which texts `precise` answers; see models/cascade/README.md. Written by models/train/cascade.py.",
        'schema = "qingting.model/1"',
        'name = "cascade"',
        f'version = "{version}"',
        'language = "zh"',
        "",
        "[cascade]",
        'fast = "fast"',
        'precise = "precise"',
        "",
        "[cascade.pass_on]",
        *[f"{key} = {rule[key]:.2f}" for key in KEYS if rule.get(key, NEVER[key]) != NEVER[key]],
        "",
    ]
    (out / "manifest.toml").write_text("\n".join(lines), encoding="utf-8")
