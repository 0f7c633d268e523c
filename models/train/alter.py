"""More texts to ask the teachers about: parts of the texts, and the texts with some pieces guessed anew.

A teacher answers any text, and a student that sees a text in many forms learns what each of its words does to the
answer. The guesses are those of the masked-language model that the step `encoder` leaves.
"""

from __future__ import annotations

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
            states = encoder(torch.where(hidden, wordpiece.UNK, ids), mask)
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


def _texts(given: tuple[list[np.ndarray], list[str]]) -> list[tuple[str, bytes]]:
    rows, vocabulary = given
    texts = [D.fold(joined(row, vocabulary)).strip() for row in rows]
    return [(text, D.key(text)) for text in texts]


def _keys(texts: list[str]) -> list[bytes]:
    return [D.key(text) for text in texts]


def new_texts(rows: list[np.ndarray], vocabulary: list[str], texts: D.Texts, sides: tuple[str, ...]) -> list[str]:
    """The texts of `rows` that are none of `texts`, each once, and whose own hash puts them on one of `sides`: so none
    can be a text that something is measured on."""
    with ProcessPoolExecutor() as pool:
        known = {key for part in pool.map(_keys, [texts.folded[at : at + PART] for at in range(0, len(texts), PART)]) for key in part}
        made = []
        for part in pool.map(_texts, [(rows[at : at + PART], vocabulary) for at in range(0, len(rows), PART)]):
            for text, key in part:
                if text and key not in known and D.side(key) in sides:
                    known.add(key)
                    made.append(text)
    return made
