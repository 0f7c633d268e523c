"""Goes on with the encoder's masked-language training on the texts of customers, labelled or not."""

from __future__ import annotations

import time

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

import encoder as E
import wordpiece
from precise import Pieces, falling

MASKED_SHARE = 0.2
# Of the masked pieces: this share is hidden, half of the rest is another piece, the other half stands as it is.
HIDDEN_SHARE = 0.8


class Guess(nn.Module):
    """State → logits of each piece, over the word embeddings."""

    def __init__(self, pieces: int):
        super().__init__()
        self.dense = nn.Linear(E.WIDTH, E.WIDTH)
        self.norm = nn.LayerNorm(E.WIDTH, eps=E.EPSILON)
        self.bias = nn.Parameter(torch.zeros(pieces))

    def forward(self, states: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        return F.linear(self.norm(F.gelu(self.dense(states))), words, self.bias)


def masked(ids: torch.Tensor, pieces: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What the encoder sees, and where it has to guess. An unknown piece stands for the mask: the cut vocabulary has no other."""
    chance = torch.rand(ids.shape, device=ids.device)
    guessed = (ids > wordpiece.SEP) & (chance < MASKED_SHARE)
    hidden = guessed & (chance < MASKED_SHARE * HIDDEN_SHARE)
    other = guessed & ~hidden & (chance < MASKED_SHARE * (1 + HIDDEN_SHARE) / 2)
    seen = torch.where(hidden, wordpiece.UNK, ids)
    return torch.where(other, torch.randint_like(ids, wordpiece.SEP + 1, pieces), seen), guessed


def train(encoder: E.Encoder, pieces: Pieces, index: np.ndarray, epochs: int, rate: float = 3e-4, tokens: int = 32768, seed: int = 1) -> Guess:
    """Changes `encoder` in place; returns what guesses pieces from its states."""
    device = pieces.device
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    count = len(encoder.words.weight)
    encoder.to(device).train()
    guess = Guess(count).to(device)
    parameters = [*encoder.parameters(), *guess.parameters()]
    plan = [pieces.batches(index, tokens, rng) for _ in range(epochs)]
    steps = sum(len(epoch) for epoch in plan)
    optimizer = torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    schedule = falling(optimizer, steps, 0.06)
    started = time.time()
    for number, epoch in enumerate(plan):
        total = torch.zeros((), device=device)
        for batch in epoch:
            ids, mask = pieces.batch(batch)
            seen, guessed = masked(ids, count)
            with torch.autocast(device.type, dtype=torch.bfloat16):
                states, _ = encoder(seen, mask, 0.1)
                logits = guess(states[guessed], encoder.words.weight)
            loss = F.cross_entropy(logits.float(), ids[guessed])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            total += loss.detach()
        print(f"masked-language epoch {number} of {epochs}: loss {float(total) / len(epoch):.4f}, {time.time() - started:.0f} s", flush=True)
    return guess
