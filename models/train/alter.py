"""More texts to ask the teachers about: parts of the texts, the texts with some pieces guessed anew, and frequent n-grams alone.

A teacher answers any text, and a student that sees a text in many forms learns what each of its words does to the
answer. The guesses are those of the masked-language model that the step `encoder` leaves.
"""

from __future__ import annotations

import itertools
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch

import data as D
import encoder as E
import wordpiece
from precise import Pieces
from pretrain import Guess

ENDS = set("。！？；，、…~!?;,:：. ")
LEAST_PIECES, MOST_SHARE = 4, 0.7  # of a part
HIDDEN_FROM, HIDDEN_TO = 0.15, 0.45  # share of the pieces that is guessed anew, drawn for each text
LIKELY = 40  # a guess is drawn among so many
NGRAM_ORDERS, NGRAM_CHARS = (2, 3, 4), 200  # characters of an n-gram, and of a text that is looked at
PART = 4_096


def parts(rows: list[np.ndarray], vocabulary: list[str], rng) -> list[np.ndarray]:
    """Of each text of several clauses, a run of some of them."""
    ends = np.array([piece in ENDS for piece in vocabulary])
    made = []
    for row in rows:
        inner = row[1:-1]
        cuts = np.unique(np.concatenate([[0], np.flatnonzero(ends[inner]) + 1, [len(inner)]]))
        if len(cuts) < 3:
            continue
        low = rng.integers(0, len(cuts) - 1)
        high = rng.integers(low + 1, min(len(cuts), low + 4))
        part = inner[cuts[low] : cuts[high]]
        if LEAST_PIECES <= len(part) <= max(LEAST_PIECES, MOST_SHARE * len(inner)):
            made.append(part)
    return made


def guessed(encoder: E.Encoder, guess: Guess, pieces: Pieces, index: np.ndarray, seed: int, tokens: int = 32768) -> list[np.ndarray]:
    """Each text of `index` with a share of its pieces drawn anew, without its marks of start and end."""
    device = pieces.device
    torch.manual_seed(seed)
    encoder, guess = encoder.to(device).eval(), guess.to(device).eval()
    made = []
    with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16):
        for batch in pieces.batches(index, tokens, np.random.default_rng(seed)):
            ids, mask = pieces.batch(batch)
            share = HIDDEN_FROM + (HIDDEN_TO - HIDDEN_FROM) * torch.rand(len(ids), 1, device=device)
            hidden = (ids > wordpiece.SEP) & (torch.rand(ids.shape, device=device) < share)
            states, _ = encoder(torch.where(hidden, wordpiece.UNK, ids), mask)
            logits = guess(states[hidden], encoder.words.weight).float()
            logits[:, : wordpiece.SEP + 1] = -torch.inf
            top = logits.topk(LIKELY, dim=1)
            drawn = top.indices.gather(1, torch.multinomial(top.values.softmax(1), 1))[:, 0]
            altered = ids.masked_scatter(hidden, drawn).cpu().numpy()
            made += [row[1 : length - 1] for row, length in zip(altered, pieces.lengths[batch])]
    return made


def joined(row: np.ndarray, vocabulary: list[str]) -> str:
    """The text of some pieces; white space stands only where two words of Latin letters would grow together."""
    text = ""
    for number in row:
        piece = vocabulary[number]
        if number <= wordpiece.SEP:
            continue
        if piece.startswith("##") and len(piece) > 2:
            text += piece[2:]
        elif text and text[-1].isascii() and text[-1].isalnum() and piece[0].isascii() and piece[0].isalnum():
            text += " " + piece
        else:
            text += piece
    return text


def ngrams(folded: list[str], count: int) -> list[str]:
    """The most frequent n-grams with at least two letters or digits. Asked about one alone, a teacher says what it holds
    by itself: what a rare row of the student's table has too few texts to learn from."""
    counts: Counter[str] = Counter()
    for text in folded:
        text = text[:NGRAM_CHARS]
        for order in NGRAM_ORDERS:
            counts.update(text[at : at + order] for at in range(len(text) - order + 1))
    worded = (ngram for ngram, _ in counts.most_common() if sum(character.isalnum() for character in ngram) >= 2)
    return list(itertools.islice(worded, count))


def _joined(given: tuple[list[np.ndarray], list[str]]) -> list[str]:
    rows, vocabulary = given
    return [joined(row, vocabulary) for row in rows]


def texts_of(rows: list[np.ndarray], vocabulary: list[str]) -> list[str]:
    with ProcessPoolExecutor() as pool:
        return [text for part in pool.map(_joined, [(rows[at : at + PART], vocabulary) for at in range(0, len(rows), PART)]) for text in part]


def _folded(texts: list[str]) -> list[tuple[str, bytes]]:
    folded = [D.fold(text).strip() for text in texts]
    return [(text, D.key(text)) for text in folded]


def new_texts(candidates: list[str], texts: D.Texts, sides: tuple[str, ...]) -> list[str]:
    """Those of `candidates` that are none of `texts`, each once, and whose own hash puts them on one of `sides`: so none
    can be a text that something is measured on."""
    with ProcessPoolExecutor() as pool:
        keyed = lambda given: (pair for part in pool.map(_folded, [given[at : at + PART] for at in range(0, len(given), PART)]) for pair in part)  # noqa: E731
        known = {key for _, key in keyed(texts.folded)}
        made = []
        for text, key in keyed(candidates):
            if text and key not in known and D.side(key) in sides:
                known.add(key)
                made.append(text)
    return made
