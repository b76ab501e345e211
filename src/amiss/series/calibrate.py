"""Scores of many views -> one score per step: each in units of its own spread on the training part, the largest wins.

A view that is noisy where all is normal seldom stands out by its own measure, one that is quiet there does at once:
this is what chooses among window lengths and methods, with no labels and no knobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from amiss.series.windows import Stretch, moving_average

TOP = 0.99  #: quantile on the training part that is 1 after calibration; its median is 0
LEAST_SPREAD = 0.05  #: of the distance from that median to the whole series' quantile: no smaller unit

Unit = tuple[float, float]  #: a view's median on the training part, and its spread


def unit_of(view: np.ndarray, train: int) -> Unit:
    """Median and spread of a view (time,) on its first ``train`` steps; NaN are left out."""
    known = view[:train]
    known = known[np.isfinite(known)]
    if not len(known):
        known = np.zeros(1)
    middle, top = np.quantile(known, [0.5, TOP])
    whole = view[np.isfinite(view)]
    floor = LEAST_SPREAD * (np.quantile(whole, TOP) - middle) if len(whole) else 0.0
    return float(middle), float(max(top - middle, floor, 1e-9))


def largest(views: Mapping[str, np.ndarray], units: Mapping[str, Unit]) -> np.ndarray:
    """(time,) largest calibrated view; 0, as ordinary as can be, where no view says anything."""
    best = np.full(len(next(iter(views.values()))), -np.inf)
    for name, view in views.items():
        middle, spread = units[name]
        best = np.fmax(best, (view - middle) / spread)
    return np.where(np.isfinite(best), best, 0.0)


def smooth(score: np.ndarray, period: int, stretches: Sequence[Stretch]) -> np.ndarray:
    """Moving means over half and then a quarter of a period, within each stretch."""
    out = np.empty(len(score))
    for a, b in stretches:
        out[a:b] = moving_average(moving_average(score[a:b], period // 2), period // 4)
    return out
