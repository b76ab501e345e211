"""How loud each of several kinds of classifier speaks: as those rows say that none of them has learned from."""

from __future__ import annotations

import itertools

import numpy as np

PARTS = 5  #: shares are so many-ths
DRAWS = 15  #: of as many held-out rows, with replacement
LEAST = 0.05  #: share below which a kind is not heard


def shares(scores: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(kinds,) shares of the kinds in a weighted mean of their scores; they add up to 1.

    scores: (kinds, rows) log-odds by each kind, of rows that it held out. y: (rows,) 1 for an anomaly. Those shares are
    taken whose weighted mean has the best average precision, on average over draws of the rows (Breiman, 1996, of
    stacking and of bagging): the best of one draw alone would follow its noise.
    """
    kinds = len(scores)
    mixes = np.array([m for m in itertools.product(range(PARTS + 1), repeat=kinds) if sum(m) == PARTS]) / PARTS
    rng = np.random.default_rng(0)
    drawn = np.zeros((DRAWS, len(y)), np.float32)
    for value in (0, 1):
        rows = np.flatnonzero(y == value)
        for draw in drawn:
            draw += np.bincount(rng.choice(rows, len(rows)), minlength=len(y))
    precision = np.array([_average_precisions(mix @ scores, y, drawn) for mix in mixes])
    best = precision >= precision.max(0) - 1e-9  # several mixes rank the rows alike where the anomalies are few
    share = np.mean([mixes[column].mean(0) for column in best.T], 0)
    share[share < LEAST] = 0
    return share / share.sum()


def _average_precisions(score: np.ndarray, y: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """(draws,) average precision of the rows, each as often as ``drawn`` (draws, rows) has it."""
    order = np.argsort(-score, kind="stable")
    often, found = drawn[:, order], drawn[:, order] * (y[order] == 1)
    precise = np.cumsum(found, 1, dtype=np.float64) / np.maximum(np.cumsum(often, 1, dtype=np.float64), 1)
    return (found * precise).sum(1) / found.sum(1)
