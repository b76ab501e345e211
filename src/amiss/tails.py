"""p-values that go on beyond the held-out rows, by tails fitted to the bulk of their scores.

Plain conformal p-values end at 1 / (held-out rows + 1), and where the held-out rows hold the anomalies too, none is
ever small enough for Benjamini and Hochberg. Generalised Pareto tails go through three quantiles each (Pickands, 1975),
never lighter than exponential: one through the middle, which few anomalies reach, and one further out, so that a tail
that grows heavier outwards is not taken for evidence; the larger p-value counts. Fails where scores have a second
cluster (a rare kind of normal row) beyond all the quantiles, and has little power where more than a twentieth of the
rows are anomalies.
"""

from __future__ import annotations

import numpy as np

#: quantiles through which tails are fitted, whose upper shares halve; a p-value is the largest that any of them gives
LEVELS = ((0.5, 0.75, 0.875), (0.8, 0.9, 0.95))
STEEPEST = 2.0  #: shape of a tail, at most
LIGHT = 1e-6  #: shapes up to this are exponential
TINY = 1e-12


def through(scores: np.ndarray) -> list[np.ndarray]:
    """Of scores (n,), where each of the tails goes through."""
    return [np.quantile(scores, levels) for levels in LEVELS]


def fitted(quantiles: list[np.ndarray], score: np.ndarray, below: np.ndarray) -> np.ndarray:
    """(rows,) p-values of score (rows,) by all tails; below the quantiles, ``below`` (rows,) is kept."""
    found = [_pareto(three, score, levels[0], below) for levels, three in zip(LEVELS, quantiles)]
    return np.asarray(np.maximum.reduce(found))


def _pareto(quantiles: np.ndarray, score: np.ndarray, level: float, below: np.ndarray) -> np.ndarray:
    """The same by one tail. level: of the first quantile."""
    q1, q2, q3 = quantiles
    if q2 <= q1:
        return below
    shape = float(np.clip(np.log2(max((q3 - q2) / max(q2 - q1, TINY), TINY)), 0, STEEPEST))
    scale = (q2 - q1) * shape / (2**shape - 1) if shape > LIGHT else (q2 - q1) / np.log(2)
    excess = np.maximum(score - q1, 0) / scale
    tail = (1 - level) * ((1 + shape * excess) ** (-1 / shape) if shape > LIGHT else np.exp(-excess))
    return np.where(score > q1, tail, below)
