"""The WordPiece tokenizer of the encoder, over a vocabulary cut to what Chinese customer text uses."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
PAD, UNK, CLS, SEP = range(4)
LONGEST_WORD = 100  # characters; a longer one is [UNK]
LEAST_COUNT = 2  # of a piece that is not ASCII, over all texts
LEAST_EMOJI = 15
MOST_EMOJI = 200


def tokenizer(vocabulary: list[str]) -> Tokenizer:
    """BERT's basic tokenizer (controls out, Chinese characters apart, accents off, lower case) and greedy longest pieces."""
    model = models.WordPiece(
        {piece: number for number, piece in enumerate(vocabulary)}, unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD
    )
    built = Tokenizer(model)
    built.normalizer = normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True)
    built.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return built


def _is_emoji(character: str) -> bool:
    code = ord(character)
    return 0x1F300 <= code <= 0x1FAFF and not 0x1F3FB <= code <= 0x1F3FF or 0x2600 <= code <= 0x27BF


def cut_vocabulary(original: list[str], texts: list[str]) -> tuple[list[str], list[str]]:
    """The pieces to keep, the special ones first, and pictographs to add, each as a word and as a continuation.

    The original vocabulary knows few pictographs, and customers say with one what others say with a word.
    """
    counts: Counter[int] = Counter()
    full = tokenizer(original)
    for start in range(0, len(texts), 4096):
        for encoding in full.encode_batch(texts[start : start + 4096], add_special_tokens=False):
            counts.update(encoding.ids)
    known = set(original)
    kept = SPECIAL + [
        piece
        for number, piece in enumerate(original)
        if piece not in SPECIAL
        and not (piece.startswith("[") and piece.endswith("]") and len(piece) > 2)
        and (counts[number] >= LEAST_COUNT or (counts[number] and piece.isascii()) or (len(piece) == 1 and piece.isascii()))
    ]
    pictographs = Counter(character for text in texts for character in text if ord(character) >= 0x2600 and _is_emoji(character))
    added = []
    for character, count in pictographs.most_common(MOST_EMOJI):
        if count >= LEAST_EMOJI:
            added += [piece for piece in (character, "##" + character) if piece not in known]
    return kept, added


def read_vocabulary(tokenizer_json: Path) -> list[str]:
    pieces = json.loads(tokenizer_json.read_text(encoding="utf-8"))["model"]["vocab"]
    return sorted(pieces, key=pieces.get)


def encode(built: Tokenizer, texts: list[str], head: int, tail: int) -> list[np.ndarray]:
    """[CLS] pieces [SEP]; of a longer text the first `head` and the last `tail` pieces."""
    rows = []
    for start in range(0, len(texts), 4096):
        for encoding in built.encode_batch(texts[start : start + 4096], add_special_tokens=False):
            ids = encoding.ids
            if len(ids) > head + tail:
                ids = ids[:head] + ids[len(ids) - tail :]
            rows.append(np.array([CLS, *ids, SEP], dtype=np.int16))
    return rows
