"""The score of the Numenta Anomaly Benchmark: early marks earn, false marks cost (Lavin and Ahmad, 2015)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

PROBATION, PROBATION_MOST = 0.15, 5000  #: share of a series (of at most so many rows) in which nothing counts


class Profile(NamedTuple):
    """What a hit earns, and what a false mark and a missed window cost."""

    hit: float = 1.0
    false: float = 0.11
    missed: float = 1.0


STANDARD = Profile()
FEW_FALSE = Profile(false=0.22)  #: "reward low FP rate"

Windows = Sequence[tuple[int, int]]  #: first and last rows of the labelled windows, both inclusive


def nab_score(
    series: Sequence[tuple[np.ndarray, Windows]], threshold: float | None = None, profile: Profile = STANDARD
) -> tuple[float, float]:
    """(score, threshold) of a corpus: 0 = a detector that marks nothing, 100 = every window at its first row, no more.

    series: a score (rows,) and its windows for each series. Rows of score >= threshold are marks. Without a threshold
    the best one for the whole corpus is taken, as the benchmark does; with one fixed in advance the score is honest.
    """
    scores, values, owners, windows = _pool(series, profile)
    seen = len(np.unique(owners[owners >= 0]))  # windows wholly inside the probation do not count as missed
    order = np.argsort(-scores, kind="stable")
    scores, values, owners = scores[order], values[order], owners[order]
    gain = np.where(owners < 0, values, 0.0)
    best: dict[int, float] = {}
    for i in np.flatnonzero(owners >= 0):  # a window is worth its best mark so far, and costs before the first
        before = best.get(owners[i], -profile.missed)
        if values[i] > before:
            gain[i], best[owners[i]] = values[i] - before, values[i]
    total = np.concatenate([[0.0], gain.cumsum()]) - profile.missed * seen
    if threshold is None:
        ends = np.flatnonzero(np.concatenate([[True], scores[1:] != scores[:-1], [True]]))  # between distinct scores
        taken = int(ends[np.argmax(total[ends])])
        threshold = float(scores[taken - 1]) if taken > 0 else float("inf")
    else:
        taken = int(np.sum(scores >= threshold))
    perfect = windows * profile.hit + seen * profile.missed
    return float(100 * (total[taken] + profile.missed * seen) / perfect), threshold


def row_values(rows: int, windows: Windows, profile: Profile = STANDARD) -> tuple[np.ndarray, np.ndarray]:
    """Value of a mark at each row, and the window it lies in: both (rows,); -1 = in none, -2 = in the probation.

    A mark in a window earns by how early it is; one outside costs by how far it is past the window before it.
    """
    value, owner, row = np.full(rows, -profile.false), np.full(rows, -1), np.arange(rows)
    for k, (first, last) in enumerate(sorted(windows)):
        width = last - first + 1
        inside = slice(first, last + 1)
        value[inside] = profile.hit * _sigmoid(-(last - row[inside] + 1) / width) / _sigmoid(np.array(-1.0))
        owner[inside] = k
        value[last + 1 :] = profile.false * _sigmoid((row[last + 1 :] - last) / max(width - 1, 1))
    owner[row < min(int(PROBATION * rows), PROBATION * PROBATION_MOST)] = -2
    return value, owner


def _pool(
    series: Sequence[tuple[np.ndarray, Windows]], profile: Profile
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Scores, values and windows of all rows outside the probation, and the number of windows."""
    scores, values, owners, windows = [], [], [], 0
    for score, marked in series:
        value, owner = row_values(len(score), marked, profile)
        keep = owner != -2
        scores.append(np.asarray(score, float)[keep])
        values.append(value[keep])
        owners.append(np.where(owner[keep] >= 0, owner[keep] + windows, -1))
        windows += len(marked)
    return np.concatenate(scores), np.concatenate(values), np.concatenate(owners), windows


def _sigmoid(y: np.ndarray) -> np.ndarray:
    """2 sigmoid(-5 y) - 1, and -1 from three widths past the window on."""
    return np.where(y >= 3, -1.0, 2 / (1 + np.exp(5 * np.minimum(y, 3))) - 1)
