"""Labelled texts, folded as the pipeline folds them, and the split that never puts one text on both sides."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ASPECTS = (
    "quality function performance effect authenticity safety appearance response attitude after_sales usability "
    "environment logistics packaging price billing"
).split()
SENTIMENTS = ["positive", "negative", "neutral"]
SEVERITIES = ["urgent", "normal", "minor", "none"]
INTENTS = ["complaint", "suggestion", "question", "praise", "other"]
VALIDITIES = ["valid", "invalid"]
POLARITIES = ["absent", "positive", "negative", "neutral"]
UNKNOWN = -100  # what cross_entropy passes over

TABLE = Path(__file__).resolve().parents[2] / "src" / "normalize" / "tables" / "traditional.txt"
# Sources of two-class polarity; noisier than the labels, four times as many.
WEAK_SOURCES = [
    "ecom_online_shopping_10_cats",
    "review_takeaway_waimai",
    "review_hotel_chnsenticorp_htl",
    "ecom_nlpcc2014_task2",
    "ecom_eprstmt",
    "appreview_smarthome_ios",
    "review_hk_openrice_senti",
]
# Files without a usable label: what they say is learnt from the teachers alone.
UNLABELLED_SOURCES = {
    "complaint_gov_tipdm2020_unlabeled": 5_000,
    "social_car_bdci2018_aspect": 12_000,
    "social_douyin_robotaxi": 8_000,
    "social_weibo_smp2020_ewect": 17_000,
    "social_xhs_notes_2018": 1_800,
    "review_dianping_opinion_target": 10_000,
    "review_hotel_shanghai_dated": 3_000,
    "ecom_catfood_taobao_jd_2025": 6_000,
    "complaint_car_12365auto": 2_000,
}


def _fold_table() -> dict[int, int]:
    table: dict[int, int] = {}
    for code in range(0x80, 0x10FFFF):
        if 0xD800 <= code <= 0xDFFF or 0x3000 <= code < 0x10400:
            continue
        lower = chr(code).lower()
        if len(lower) == 1 and ord(lower) != code:
            table[code] = ord(lower)
    table.update({code: code + 32 for code in range(ord("A"), ord("Z") + 1)})
    for code in range(0xFF01, 0xFF5F):
        half = code - 0xFEE0
        table[code] = table.get(half, half)
    table[0x3000] = 0x20
    pairs = TABLE.read_text(encoding="utf-8").strip()
    table.update({ord(pairs[at]): ord(pairs[at + 1]) for at in range(0, len(pairs) - 1, 2)})
    return table


_FOLD = _fold_table()
_MENTION = re.compile(r"@[^\s@:：，。,]{1,14}[:：\s]?")


def fold(text: str) -> str:
    """The analysis text of the pipeline, nearly: mentions out, then width, case and script folded."""
    if "@" in text:
        text = _MENTION.sub("", text)
    return text.translate(_FOLD)


def key(text: str) -> bytes:
    """Identity of a text for the split: its letters and digits alone."""
    return hashlib.sha1("".join(c for c in fold(text) if c.isalnum()).encode("utf-8", "ignore")).digest()


def in_dev(text_key: bytes) -> bool:
    return text_key[0] % 10 == 0


@dataclass
class Texts:
    """Columns of one kind of data; a head that a text has no label for is UNKNOWN."""

    folded: list[str] = field(default_factory=list)
    keys: list[bytes] = field(default_factory=list)
    sentiment: list[int] = field(default_factory=list)
    severity: list[int] = field(default_factory=list)
    intent: list[int] = field(default_factory=list)
    valid: list[int] = field(default_factory=list)
    polarity: list[int] = field(default_factory=list)
    aspects: list[list[int]] = field(default_factory=list)

    def add(self, text: str, sentiment=UNKNOWN, severity=UNKNOWN, intent=UNKNOWN, valid=UNKNOWN, polarity=UNKNOWN, aspects=None):
        self.folded.append(fold(text))
        self.keys.append(key(text))
        self.sentiment.append(sentiment)
        self.severity.append(severity)
        self.intent.append(intent)
        self.valid.append(valid)
        self.polarity.append(polarity)
        self.aspects.append(aspects if aspects is not None else [UNKNOWN] * len(ASPECTS))

    def __len__(self) -> int:
        return len(self.folded)

    def dev_mask(self) -> np.ndarray:
        return np.array([in_dev(k) for k in self.keys], dtype=bool)


def _lines(path: Path):
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
    with opened as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def read_labelled(directory: Path) -> Texts:
    texts = Texts()
    for row in _lines(directory / "labels" / "train.jsonl.gz"):
        aspects = [0] * len(ASPECTS)
        for aspect in row["aspects"]:
            aspects[ASPECTS.index(aspect["aspect"])] = POLARITIES.index(aspect["polarity"])
        texts.add(
            row["text"],
            sentiment=SENTIMENTS.index(row["sentiment"]),
            severity=SEVERITIES.index(row["severity"]),
            intent=INTENTS.index(row["intent"]),
            valid=0 if row["valid"] else 1,
            aspects=aspects,
        )
    return texts


def read_validity(directory: Path) -> Texts:
    texts = Texts()
    path = directory / "labels" / "validity.jsonl"
    if path.exists():
        for row in _lines(path):
            texts.add(row["text"], valid=0 if row["valid"] else 1)
    return texts


def read_weak(directory: Path, known: set[bytes]) -> Texts:
    """Texts with two-class polarity, 1 positive 0 negative, that are neither labelled (`known`) nor on the dev side."""
    texts = Texts()
    for name in WEAK_SOURCES:
        path = directory / "data" / "raw" / f"{name}.jsonl.gz"
        if not path.exists():
            continue
        for row in _lines(path):
            polarity = _polarity(name, row)
            if polarity is None:
                continue
            text_key = key(row["text"])
            if text_key in known or in_dev(text_key):
                continue
            known.add(text_key)
            texts.add(row["text"][:2000], polarity=polarity)
    return texts


def read_unlabelled(directory: Path, known: set[bytes], into: Texts) -> None:
    """Adds texts without a label to `into`, under the same exclusions as `read_weak`."""
    for name, most in UNLABELLED_SOURCES.items():
        path = directory / "data" / "raw" / f"{name}.jsonl.gz"
        taken = 0
        for row in _lines(path) if path.exists() else ():
            text_key = key(row["text"])
            if text_key in known or in_dev(text_key) or taken == most:
                continue
            known.add(text_key)
            into.add(row["text"][:2000])
            taken += 1


def _polarity(name: str, row: dict) -> int | None:
    if name == "appreview_smarthome_ios":
        stars = row.get("rating")
        return 1 if stars == 5 else 0 if stars in (1, 2) else None
    word = str(row.get("label_name", row.get("label", ""))).lower()
    if word in ("1", "positive", "smile"):
        return 1
    if word in ("0", "negative", "cry"):
        return 0
    return None
