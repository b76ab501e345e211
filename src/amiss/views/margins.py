"""How far out a row lies in every column alone: tails of the columns' empirical distributions (Li et al., 2022)."""

from __future__ import annotations

import numpy as np


def fit(rows: np.ndarray) -> np.ndarray:
    """(rows, columns) the columns of training rows, each in order."""
    return np.sort(rows, axis=0)


def score(ordered: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(rows,) the sum over columns of minus the logs of both tails; higher = further out in more columns."""
    count, result = len(ordered), np.zeros(len(rows))
    for column, values in zip(ordered.T, rows.T):
        below = np.searchsorted(column, values, "right") + 0.5
        above = count - np.searchsorted(column, values, "left") + 0.5
        result -= np.log(np.minimum(below / (count + 1), 1)) + np.log(np.minimum(above / (count + 1), 1))
    return result
