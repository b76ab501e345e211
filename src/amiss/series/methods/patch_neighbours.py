"""A learned embedding of windows, and the distance there to those of the training part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.errors import check_number
from amiss.series.base import Prepared, Report, SeriesLearner, shares_of
from amiss.series.methods.windows import check_window, over_period, window_of
from amiss.series.patches import embedded, embeddings, learn
from amiss.series.windows import Stretch, to_steps, window_starts, window_view

MOST_WINDOWS = 20_000  #: that are embedded; beyond, windows are taken at a stride
MOST_REFERENCES = 4096
BLOCK = 2048


@dataclass(kw_only=True, eq=False)
class PatchNeighbours(SeriesLearner):
    """Windows far, in an embedding that a small convolutional network learned, from those of the training part.

    The network learns to recognise a window's neighbours in time; see :mod:`amiss.series.patches`, after PaAno. The
    score is the mean distance to the ``k`` nearest windows of the training part that do not overlap.

    Finds shapes that the training part does not have. Fails where that part is polluted, or short beside the
    series' changes. Looks ahead.

    window: steps (8 to 128; 0: by the period). k: neighbours. Cost: seconds, and a product of windows and references.
    """

    window: int = 0
    k: int = 3

    def _learn(self, z: np.ndarray, known: np.ndarray, report: Report | None) -> None:
        y, _ = self._reduced(z, known)
        self.windows_ = (window_of(self.window, self.period_, len(y)),)
        net = learn(y, self.windows_[0], self.random_state, report)
        places = np.unique(np.linspace(0, len(y) - self.windows_[0], MOST_REFERENCES).astype(int))
        self.arrays_ |= {"net": net, "places": places, "references": embeddings(net, y, places, self.windows_[0])}

    def _nearest(self, e: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean distances of embeddings (windows, numbers) at ``places`` to their neighbours, and the nearest one."""
        theirs, at = self.arrays_["references"], self.arrays_["places"]
        far, best = np.empty(len(e)), np.empty(len(e), int)
        k = min(self.k, len(theirs))
        for i in range(0, len(e), BLOCK):
            square = 2 - 2 * e[i : i + BLOCK] @ theirs.T  # embeddings have unit length
            square[np.abs(places[i : i + BLOCK, None] - at[None]) < max(self.windows_[0] // 2, 1)] = 4
            far[i : i + BLOCK] = np.sqrt(np.maximum(np.partition(square, k - 1, 1)[:, :k], 0)).mean(1)
            best[i : i + BLOCK] = square.argmin(1)
        return far, best

    def _look(self, p: Prepared) -> Any:
        y, _ = self._reduced(p.z, p.known)
        length = min(self.windows_[0], len(y))
        stretches: tuple[Stretch, ...] = p.stretches
        starts = window_starts(stretches, length, max(1, len(y) // MOST_WINDOWS))
        far, _ = self._nearest(embeddings(self.arrays_["net"], y, starts, length), starts)
        score = np.nan_to_num(to_steps(far, starts, length, stretches, len(y)))

        def shares(steps: np.ndarray) -> np.ndarray:
            """How much nearer a window comes when a channel is made that of its neighbour."""
            if p.z.shape[1] == 1:
                return np.ones((len(steps), 1))
            at = np.clip(steps - length // 2, 0, len(y) - length)
            windows = window_view(p.z, length)
            mine = np.array(windows[at])
            far, best = self._nearest(self._embedded(mine), at)
            other, gain = windows[self.arrays_["places"][best]], np.empty((len(steps), p.z.shape[1]))
            for channel in range(p.z.shape[1]):
                changed = mine.copy()
                changed[..., channel] = other[..., channel]
                gain[:, channel] = far - self._nearest(self._embedded(changed), at)[0]
            return shares_of(np.maximum(gain, 0))

        return over_period(score[:, None], p, self.period_)[:, 0], shares, self._typical(p)

    def _embedded(self, windows: np.ndarray) -> np.ndarray:
        axes = self.arrays_.get("axes")
        return embedded(self.arrays_["net"], windows if axes is None else windows @ axes)

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_window(self.window)
        check_number("k", self.k, 1, whole=True)
