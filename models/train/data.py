"""All texts, folded as the pipeline folds them, with whatever labels each has, and the split that keeps a text on one side.

A text is one row however many files hold it: its labels are merged, so that a weakly labelled copy of a labelled
text can never stand on the other side of the split.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from dataclasses import dataclass
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

# Heads for training alone: what weakly labelled files say beside a polarity.
EMOTIONS = ["happy", "angry", "neutral", "sad", "fear", "surprise"]
CAR_ASPECTS = ["动力", "价格", "油耗", "操控", "舒适性", "配置", "安全性", "内饰", "外观", "空间"]

# Invented texts that some model misread, with the right labels, in the form of labels/train.jsonl.gz.
CORRECTIONS = Path(__file__).with_name("corrections.jsonl")
CORRECTION, KEPT = "correction", "kept"  # their sides: three of four are learnt, by the second byte of the key
TABLE = Path(__file__).resolve().parents[2] / "src" / "normalize" / "tables" / "traditional.txt"

# Files of two-class polarity and how far their labels are trusted: (weight of the loss, label smoothing).
POLARITY_TRUST = {
    "ecom_online_shopping_10_cats": (1.0, 0.05),
    "review_takeaway_waimai": (1.0, 0.05),
    "review_hotel_chnsenticorp_htl": (1.0, 0.05),
    "ecom_eprstmt": (1.0, 0.02),
    "review_hk_openrice_senti": (1.0, 0.05),
    "social_car_bdci2018_aspect": (0.5, 0.1),
    "appreview_smarthome_ios": (0.7, 0.1),
    "review_restaurant_asap_sample": (0.7, 0.1),
    "ecom_nlpcc2014_task2": (0.4, 0.2),
    "social_weibo_senti100k_subset": (0.4, 0.2),
    "review_hotel_shanghai_dated": (0.3, 0.1),
}
# In this order, so that where two files hold a text the better label stays. Not read: the gov file that is cut into words.
FILES = [
    *POLARITY_TRUST,
    "social_weibo_smp2020_ewect",
    "complaint_gov_tipdm2020_labeled",
    "complaint_gov_tipdm2020_unlabeled",
    "complaint_car_12365auto",
    "complaint_heimao",
    "social_douyin_robotaxi",
    "social_xhs_notes_2018",
    "social_xhs_shanghai_bars",
    "ecom_catfood_taobao_jd_2025",
    "ecom_jd_phone_2024",
    "review_dianping_opinion_target",
    "review_hk_openrice_polyu_aspects",
]
MOST_CHARS = 2_000  # of a text; the models see less
SIDES = {0: "dev", 1: "test"}  # first byte of the key modulo 10; the rest is train


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
_MARKUP = re.compile(r"<[^<>]{1,200}>")
_DROPPED = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0e\ufeff]")


def fold(text: str) -> str:
    """The analysis text of the pipeline, nearly: mentions and markup out, then width, case and script folded."""
    if "@" in text:
        text = _MENTION.sub("", text)
    if "<" in text:
        text = _MARKUP.sub(" ", text)
    return _DROPPED.sub("", text).translate(_FOLD)


def key(text: str) -> bytes:
    """Identity of a text for the split: its letters and digits alone; of a text without any, what it is."""
    folded = fold(text)
    return hashlib.sha1(("".join(c for c in folded if c.isalnum()) or folded).encode("utf-8", "ignore")).digest()


def side(text_key: bytes) -> str:
    return SIDES.get(text_key[0] % 10, "train")


LABEL_WIDTHS = {
    "sentiment": 0, "severity": 0, "intent": 0, "valid": 0, "aspects": len(ASPECTS),
    "polarity": 0, "emotion": 0, "car": len(CAR_ASPECTS),
}


@dataclass
class Texts:
    """Columns; a label that a text lacks is UNKNOWN."""

    folded: list[str]
    source: np.ndarray  # of str: the first file that holds the text
    side: np.ndarray  # of str
    line: np.ndarray  # in labels/train.jsonl.gz, -1 for others
    trust: np.ndarray  # float32 [n, 2]: weight and smoothing of the polarity
    labels: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.folded)

    @property
    def labelled(self) -> np.ndarray:
        """Of the texts that carry the full set of labels."""
        return self.labels["sentiment"] != UNKNOWN

    def subset(self, index: np.ndarray) -> "Texts":
        return Texts(
            [self.folded[k] for k in index], self.source[index], self.side[index], self.line[index], self.trust[index],
            {name: values[index] for name, values in self.labels.items()},
        )

    def plus(self, other: "Texts") -> "Texts":
        return Texts(
            self.folded + other.folded,
            *(np.concatenate([getattr(self, name), getattr(other, name)]) for name in ("source", "side", "line", "trust")),
            {name: np.concatenate([values, other.labels[name]]) for name, values in self.labels.items()},
        )


def unlabelled(folded: list[str], source: str) -> Texts:
    """Texts without any label; `source` is their side too."""
    return _columns([{"text": text, "source": source, "side": source} for text in folded])


def _columns(rows: list[dict]) -> Texts:
    """`rows`: folded text, source and side of each, and whatever labels it has."""
    labels = {}
    for name, width in LABEL_WIDTHS.items():
        missing = [UNKNOWN] * width if width else UNKNOWN
        labels[name] = np.array([row.get(name, missing) for row in rows], dtype=np.int64).reshape(len(rows), *([width] if width else []))
    return Texts(
        folded=[row["text"] for row in rows],
        source=np.array([row["source"] for row in rows]),
        side=np.array([row["side"] for row in rows]),
        line=np.array([row.get("line", -1) for row in rows]),
        trust=np.array([row.get("trust", (1.0, 0.0)) for row in rows], dtype=np.float32).reshape(len(rows), 2),
        labels=labels,
    )


def _lines(path: Path):
    opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
    with opened as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


class _Gatherer:
    def __init__(self):
        self.rows: dict[bytes, dict] = {}

    def row(self, text: str, source: str) -> dict:
        text = text[:MOST_CHARS]
        text_key = key(text)
        found = self.rows.get(text_key)
        if found is None:
            found = {"text": fold(text), "source": source, "side": side(text_key)}
            self.rows[text_key] = found
        return found


def read(directory: Path) -> Texts:
    """Everything in `directory`: labels/train.jsonl.gz, labels/validity.jsonl and data/raw/*.jsonl.gz where they are there.

    The public two-class sets are read first, so that `source` names them for the texts they share with others.
    """
    gather = _Gatherer()
    for name in FILES:
        path = directory / "data" / "raw" / f"{name}.jsonl.gz"
        for raw in _lines(path) if path.exists() else ():
            row = gather.row(raw["text"], name)
            polarity = _polarity(name, raw)
            if polarity is not None and "polarity" not in row:
                row["polarity"], row["trust"] = polarity, POLARITY_TRUST[name]
            if name == "social_weibo_smp2020_ewect" and raw.get("label_name") in EMOTIONS:
                row.setdefault("emotion", EMOTIONS.index(raw["label_name"]))
            if name == "social_car_bdci2018_aspect" and raw.get("label") in (-1, 0, 1) and raw.get("category") in CAR_ASPECTS:
                car = row.setdefault("car", [0] * len(CAR_ASPECTS))
                car[CAR_ASPECTS.index(raw["category"])] = {1: 1, -1: 2, 0: 3}[raw["label"]]
    for row in gather.rows.values():
        # one line a text × aspect: the polarity of a car post is the one that all its lines agree on
        if "car" in row and "polarity" not in row:
            said = {value for value in row["car"] if value in (1, 2)}
            if len(said) == 1 and 3 not in row["car"]:
                row["polarity"], row["trust"] = (1 if said == {1} else 0), POLARITY_TRUST["social_car_bdci2018_aspect"]
    for raw in _lines(directory / "labels" / "validity.jsonl") if (directory / "labels" / "validity.jsonl").exists() else ():
        gather.row(raw["text"], raw["source_file"])["valid"] = 0 if raw["valid"] else 1
    for number, raw in enumerate(_lines(directory / "labels" / "train.jsonl.gz")):
        row = gather.row(raw["text"], raw["source_file"])
        row.update(_full_labels(raw), line=number)
        row.setdefault("valid", 0 if raw["valid"] else 1)
    return _columns(list(gather.rows.values()))


def corrections(directory: Path, known: set[str]) -> Texts:
    """Those that ship and those of `directory`/labels/corrections.jsonl; but none of the folded texts `known`, which stand
    on a side already."""
    own, rows, known = directory / "labels" / "corrections.jsonl", [], set(known)
    for raw in [*_lines(CORRECTIONS), *(_lines(own) if own.exists() else ())]:
        folded, learnt = fold(raw["text"]), key(raw["text"])[1] % 4 > 0
        if folded not in known:
            known.add(folded)
            rows.append({"text": folded, "source": "corrections", "side": CORRECTION if learnt else KEPT, "valid": 0 if raw["valid"] else 1, **_full_labels(raw)})
    return _columns(rows)


def _full_labels(raw: dict) -> dict:
    aspects = [0] * len(ASPECTS)
    for aspect in raw["aspects"]:
        aspects[ASPECTS.index(aspect["aspect"])] = POLARITIES.index(aspect["polarity"])
    return {
        "sentiment": SENTIMENTS.index(raw["sentiment"]), "severity": SEVERITIES.index(raw["severity"]),
        "intent": INTENTS.index(raw["intent"]), "aspects": aspects,
    }


def _polarity(name: str, row: dict) -> int | None:
    if name not in POLARITY_TRUST or name == "social_car_bdci2018_aspect":
        return None
    if name in ("appreview_smarthome_ios", "review_restaurant_asap_sample", "review_hotel_shanghai_dated"):
        stars = row.get("rating")
        return None if stars is None else 1 if stars >= 4.5 else 0 if stars <= 2.5 else None
    word = str(row.get("label_name", row.get("label", ""))).lower()
    if word in ("1", "positive", "smile"):
        return 1
    if word in ("0", "negative", "cry"):
        return 0
    return None
