"""Score -> minus the log of its upper-tail probability, so that unlike scores can be added."""

from __future__ import annotations

import numpy as np

TAIL = 0.1  #: share of the scores that the Pareto tail is fitted to
LEAST = 10


def fit(scores: np.ndarray) -> dict[str, np.ndarray]:
    """Learn from honest scores (rows,) > 0 of training rows.

    Ranks within, and a Pareto tail beyond the 90 % quantile by Hill's estimator (Hill, 1975).
    """
    ordered = np.sort(scores.astype(np.float64))
    count = min(max(int(TAIL * len(ordered)), LEAST), len(ordered) // 2)
    start = ordered[-count - 1]
    slope = max(float(np.log(np.maximum(ordered[len(ordered) - count :], start) / start).mean()), 1e-3)
    return {
        "ordered": ordered,
        "start": np.asarray(start),
        "share": np.asarray(count / len(ordered)),
        "slope": np.asarray(slope),
    }


def surprise(tail: dict[str, np.ndarray], scores: np.ndarray) -> np.ndarray:
    """(rows,) minus the log of the share of training rows that score as high."""
    ordered, start, share = tail["ordered"], tail["start"], tail["share"]
    below = (np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")) / 2
    inner = -np.log(np.maximum(1 - below / len(ordered), share))
    beyond = np.log(np.maximum(scores, start) / start) / tail["slope"] - np.log(share)
    return np.where(scores > start, beyond, inner)
