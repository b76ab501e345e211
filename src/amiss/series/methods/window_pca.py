"""Principal components of windows: no network, and hard to beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.errors import check_number
from amiss.series.base import Prepared, Report, SeriesLearner, shares_of
from amiss.series.methods.reconstructor import OVERLAP, covering
from amiss.series.methods.windows import check_window, over_period, window_of
from amiss.series.windows import window_view

MOST_WINDOWS, MOST_NUMBERS = 4000, 512  #: that components are taken from; numbers of a window, of all channels
BLOCK = 4096


@dataclass(kw_only=True, eq=False)
class WindowPCA(SeriesLearner):
    """Windows that do not vary together as those of the training part do: Mahalanobis lengths, by their components.

    A window is whitened (the symmetric way, so that every number stays with its step and channel); the squares are what
    is strange about each. Weak components count as much as strong ones, floored at ``floor`` of the strongest.

    Finds broken rhythms and points. Fails where ordinary windows form several groups. Looks ahead.
    Reference: Shyu et al., 2003, on sub-sequences.

    window: steps (8 to 128; 0: by the period). Cost: less than a second.
    """

    window: int = 0
    floor: float = 1e-3

    def _learn(self, z: np.ndarray, known: np.ndarray, report: Report | None) -> None:
        y, _ = self._reduced(z, known)
        window = window_of(self.window, self.period_, len(y))
        while window * y.shape[1] > MOST_NUMBERS and window > 8:
            window //= 2
        self.windows_ = (window,)
        windows = window_view(y, window)
        rows = windows[np.linspace(0, len(windows) - 1, min(len(windows), MOST_WINDOWS)).astype(int)]
        flat = rows.reshape(len(rows), -1).astype(np.float64)
        mean = flat.mean(0)
        variance, axes = np.linalg.eigh(np.cov((flat - mean).T))
        kept = np.maximum(variance, self.floor * variance[-1] + 1e-12)
        whiten = (axes / np.sqrt(kept)) @ axes.T
        main = axes[:, np.cumsum(variance) > 0.05 * variance.sum()]  # all but the last twentieth
        self.arrays_ |= {"mean": mean, "whiten": whiten, "main": main}

    def _look(self, p: Prepared) -> Any:
        y, _ = self._reduced(p.z, p.known)
        window, channels = self.windows_[0], y.shape[1]
        if len(y) < window:
            y = np.pad(y, ((0, window - len(y)), (0, 0)), mode="edge")
        parts, total = np.zeros((2, *y.shape))
        count = np.zeros(len(y))
        windows = window_view(y, window)
        places = np.minimum(covering(p.stretches, window, max(window // OVERLAP, 1)), len(windows) - 1)
        for i in range(0, len(places), BLOCK):
            mine = places[i : i + BLOCK]
            flat = windows[mine].reshape(len(mine), -1) - self.arrays_["mean"]
            square = ((flat @ self.arrays_["whiten"]) ** 2).reshape(len(mine), window, channels)
            said = (flat @ self.arrays_["main"]) @ self.arrays_["main"].T + self.arrays_["mean"]
            said = said.reshape(square.shape)
            for k in range(window):
                np.add.at(count, mine + k, 1)
                parts[mine + k] += square[:, k]
                total[mine + k] += said[:, k]
        count = np.maximum(count, 1)[:, None]
        parts, expected = (each[: len(p.z)] / count[: len(p.z)] for each in (parts, total))
        parts = over_period(parts, p, self.period_)
        axes = self.arrays_.get("axes")
        by_channel = parts if axes is None else parts @ axes.T**2
        return (
            np.sqrt(parts.mean(1)), lambda steps: shares_of(by_channel[steps]),
            lambda: self._restored(expected).astype(np.float32),
        )  # fmt: skip

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_window(self.window)
        check_number("floor", self.floor, 0, 1)
