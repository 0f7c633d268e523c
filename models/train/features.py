"""Hashed character n-grams, defined exactly as in src/classify/tokenize/ngrams.rs; vectors.json holds both to it."""

from __future__ import annotations

import numpy as np

TEXT_START = 0x02
TEXT_END = 0x03
SEED = np.uint32(0x811C9DC5)
PRIME = np.uint32(0x01000193)
MIX = np.uint32(0x2C1B3C6D)


def code_points(text: str, head_chars: int, tail_chars: int) -> np.ndarray:
    """The characters that are looked at, as uint32: white space runs are one space, digits are all `0`, a text
    longer than head + tail keeps its head and its tail; a start and an end mark stand around it."""
    raw = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    space = (raw == 0x20) | ((raw >= 0x09) & (raw <= 0x0D)) | (raw == 0xA0) | (raw == 0x3000)
    points = np.where(space, np.uint32(0x20), raw)
    points = np.where((raw >= 0x30) & (raw <= 0x39), np.uint32(0x30), points)
    keep = np.ones(len(points), dtype=bool)
    keep[1:] = ~(space[1:] & space[:-1])
    points = points[keep]
    if len(points) and points[0] == 0x20:
        points = points[1:]
    if len(points) and points[-1] == 0x20:
        points = points[:-1]
    if len(points) > head_chars + tail_chars:
        points = np.concatenate([points[:head_chars], points[len(points) - tail_chars:]])
    return np.concatenate([[TEXT_START], points, [TEXT_END]]).astype(np.uint32)


def hashed_ngrams(text: str, orders: int, hash_bits: int, head_chars: int, tail_chars: int) -> np.ndarray:
    """Bucket of every n-gram of 1 to `orders` characters, each bucket once, sorted."""
    points = code_points(text, head_chars, tail_chars)
    buckets = []
    state = np.full(len(points), SEED, dtype=np.uint32)
    with np.errstate(over="ignore"):
        for order in range(orders):
            count = len(points) - order
            if count <= 0:
                break
            state = (state[:count] ^ points[order:]) * PRIME
            mixed = (state ^ (state >> np.uint32(15))) * MIX
            buckets.append((mixed >> np.uint32(32 - hash_bits)).astype(np.uint32))
    return np.unique(np.concatenate(buckets)) if buckets else np.zeros(0, dtype=np.uint32)
