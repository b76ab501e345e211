"""The matrix profile: how far a window's shape is from the most similar other one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.errors import check_number
from amiss.series.base import Prepared, Report, SeriesLearner, choose, shares_of
from amiss.series.methods.windows import check_window, over_period, window_of
from amiss.series.neighbours import nearest_apart
from amiss.series.windows import to_steps, window_starts, window_view

PAIRS = 2.5e8  #: pairs of windows that are compared, all channels together; beyond, windows are taken at a stride
LEAST_DEVIATION = 0.01  #: of the channel's, added to a window's: what hardly moves has no shape


@dataclass(kw_only=True, eq=False)
class MatrixProfile(SeriesLearner):
    """Windows whose shape, less level and size, is like no other of the same channel (Yeh et al., ICDM 2016).

    Exact, by blocks of matrix products, up to some 16,000 steps of one channel; beyond, windows are taken at a stride.

    Finds shapes that occur once. Fails on level shifts and points, which it does not see, and where the same anomaly
    occurs twice. Looks ahead.

    window: steps (8 to 128; 0: by the period). references: 'series' compares with the whole series, 'prefix' with the
    training part alone. Cost: grows with the square of the length.
    """

    window: int = 0
    references: str = "series"

    def _learn(self, z: np.ndarray, known: np.ndarray, report: Report | None) -> None:
        self.windows_ = (window_of(self.window, self.period_, len(z)),)

    def _look(self, p: Prepared) -> Any:
        y, _ = self._reduced(p.z, p.known)
        length = min(self.windows_[0], len(y))
        prefix = self.references == "prefix"
        share = min(1.0, p.train / len(y)) if prefix else 1.0
        stride = max(1, int(np.ceil(np.sqrt(len(y) ** 2 * share * y.shape[1] / PAIRS))))
        starts = window_starts(p.stretches, length, stride)
        references = max(int((starts <= p.train - length).sum()) if prefix else len(starts), 1)
        parts = np.zeros(y.shape)
        for channel, column in enumerate(y.T):
            windows = window_view(column[:, None], length)[starts][..., 0]
            windows = windows - windows.mean(1, keepdims=True)
            windows /= windows.std(1, keepdims=True) + LEAST_DEVIATION
            far, _ = nearest_apart(
                windows / np.float32(np.sqrt(length)), references, max(length // 2 // stride, 1), 1, 1
            )
            parts[:, channel] = np.nan_to_num(to_steps(far, starts, length, p.stretches, len(y))) ** 2
        parts = over_period(parts, p, self.period_)
        axes = self.arrays_.get("axes")
        by_channel = parts if axes is None else parts @ axes.T**2
        return np.sqrt(parts.mean(1)), lambda steps: shares_of(by_channel[steps]), self._typical(p)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_window(self.window)
        choose("references", self.references, ("series", "prefix"))
        check_number("random_state", self.random_state, 0, 2**32 - 1, whole=True)
