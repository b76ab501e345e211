"""``SeriesDetector``: points, stretches and channels of a series that are amiss, learned from the series itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.series.base import Prepared, Report, SeriesLearner, choose, shares_of
from amiss.series.blame import blame
from amiss.series.calibrate import TOP, Unit, largest, smooth, unit_of
from amiss.series.clean import few_channels
from amiss.series.period import benchmark_period
from amiss.series.views import Frame, learned_length, views, window_lengths
from amiss.series.windows import Stretch, blocks_of

NET_CHANNELS = 8  #: the learned view is left out for more channels: it costs seconds there and brings nothing
LEAST = 1e-3  #: no smaller score goes into a product
BLOCK = 250_000  #: a longer series is compared block by block, so that time grows with its length, and memory does not


@dataclass(kw_only=True, eq=False)
class SeriesDetector(SeriesLearner):
    """Windows unlike all others, at several lengths at once, each judged by its own spread where all is normal.

    1. Channels are scaled by their deviation in the training part, whose period is found.
    2. For windows of 8, 32, 64, 128 steps, a period and two: distance to the nearest and to the fifth nearest window
       elsewhere, Mahalanobis length, and, up to 8 channels, distance in a learned embedding (:mod:`.patches`).
    3. Each is averaged over the windows that cover a step and put in units of its spread on the training part; the
       largest wins, and is smoothed over a part of the period.

    Finds points, unusual stretches and values that are usual at other times only. Fails where the same anomaly comes
    back five times or more, and where an ordinary value at an ordinary place is the anomaly.

    references: 'series' compares a window with the whole series that is scored, training part included, and needs no
        clean training part; such a score looks ahead. 'prefix' compares with the training part alone (one-class), which
        is better where that part is clean and much of the rest is not; of several channels the score is then the
        geometric mean with that of whitened windows (:class:`~amiss.series.methods.window_pca.WindowPCA`).
    learned: whether the embedding is trained. random_state: same number, same bits.

    Not causal: a step's score uses later steps, too, with either references.
    After fit: ``period_`` in steps (0: none), ``windows_``, ``notes_`` on what was done to the training part.
    """

    references: str = "series"
    learned: bool = True

    def _learn(self, z: np.ndarray, known: np.ndarray, report: Report | None) -> None:
        z = few_channels(z, self.axes_)
        self.windows_ = window_lengths(self.period_, len(z))
        longest = self.windows_[-1]
        if longest < 128:
            self.notes_.append(f"the training part has {len(z):,} steps: no window is longer than {longest}")
        if self.learned and z.shape[1] <= NET_CHANNELS:
            from amiss.series.patches import learn

            self.arrays_ |= learn(z, learned_length(self.windows_), self.random_state, report)

    @property
    def axes_(self) -> np.ndarray | None:
        """Principal axes that stand for many channels."""
        return self.arrays_.get("axes")

    @property
    def weights_(self) -> dict[str, np.ndarray] | None:
        """The embedding's, by name."""
        return {name: array for name, array in self.arrays_.items() if name != "axes"} or None

    def _look(self, p: Prepared) -> Any:
        score = self._mixed(few_channels(p.z, self.axes_), p.stretches)
        # a short training part often shows no period
        score = smooth(score, benchmark_period(p.z), p.stretches)
        train = p.train if self.references == "prefix" else None
        if train is not None and p.z.shape[1] > 1:  # what whitening sees is how channels go together
            score = np.sqrt(np.maximum(score, LEAST) * self._whitened(p))

        def shares(steps: np.ndarray) -> np.ndarray:
            return shares_of(blame(p.z, self.windows_, p.stretches, steps, train))

        return score, shares, self._typical(p)

    def _whitened(self, p: Prepared) -> np.ndarray:
        """(time,) what :class:`~amiss.series.methods.window_pca.WindowPCA` says, about 1 where it is rare."""
        from amiss.series.methods.window_pca import WindowPCA

        score: np.ndarray = WindowPCA().fit(self.prefix_)._look(p)[0]  # quick, and of the training part alone
        return score / max(float(np.quantile(score[: p.train], TOP)), LEAST)

    def _mixed(self, z: np.ndarray, stretches: tuple[Stretch, ...]) -> np.ndarray:
        """(time,) largest calibrated view of z (time, channels), block by block where it is long."""
        train = len(self.prefix_)
        prefix = self.references == "prefix"
        out, units = np.empty(len(z)), dict[str, Unit]()
        for low, high in blocks_of(len(z), BLOCK):
            head = (
                min(train, BLOCK // 2) if prefix and low else 0
            )  # other blocks are compared with the training part, too
            part = np.concatenate([z[:head], z[low:high]]) if head else z[low:high]
            inside = [
                (max(a, low) - low + head, min(b, high) - low + head) for a, b in stretches if a < high and b > low
            ]
            inside = [(0, head)] * bool(head) + inside
            frame = Frame(self.windows_, head or min(train, len(part)), tuple(inside), prefix)
            found = views(part, frame, self.weights_)
            if not low:
                units = {name: unit_of(view, frame.train) for name, view in found.items()}
            out[low:high] = largest({k: v for k, v in found.items() if k in units}, units)[head:]
        return out

    def _check_parameters(self) -> None:
        super()._check_parameters()
        choose("references", self.references, ("series", "prefix"))
