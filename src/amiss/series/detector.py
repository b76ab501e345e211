"""``SeriesDetector``: points, stretches and channels of a series that are amiss, learned from the series itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from amiss.errors import ModelFileError, OptionError, TableError, check_number
from amiss.series.blame import blame
from amiss.series.calibrate import Unit, largest, smooth, unit_of
from amiss.series.clean import LEAST_STEPS, along_axes, as_series, channel_axes, filled, notes_on
from amiss.series.period import benchmark_period, find_period
from amiss.series.views import SHORTEST, Frame, learned_length, views, window_lengths
from amiss.series.windows import Stretch, blocks_of, stretches_of
from amiss.train import Progress

NET_CHANNELS = 8  #: the learned view is left out for more channels: it costs seconds there and brings nothing
BLOCK = 250_000  #: a longer series is compared block by block, so that time grows with its length, and memory does not
STILL = 1e-3  #: a channel whose deviation in training is a smaller share of that in the scored series stood still


@dataclass(kw_only=True, eq=False)
class SeriesDetector:
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
        is better where that part is clean and much of the rest is not.
    learned: whether the embedding is trained. random_state: same number, same bits.

    Not causal: a step's score uses later steps, too, with either references.
    After fit: ``period_`` in steps (0: none), ``windows_``, ``notes_`` on what was done to the training part.
    """

    causal: ClassVar[bool] = False

    references: str = "series"
    learned: bool = True
    random_state: int = 0

    def fit(
        self, series: Any, train: int | None = None, *, report: Callable[[Progress], None] | None = None
    ) -> SeriesDetector:
        """Learn from the first ``train`` steps of series (time,) or (time, channels); from all of them for None.

        Missing and infinite values are filled by straight lines, and said so in ``notes_``. Raises TableError for what
        is no series of numbers or is shorter than 16 steps, OptionError for a parameter out of range.
        """
        self._check_parameters()
        x = as_series(series)
        if train is not None:
            check_number("train", train, LEAST_STEPS, len(x), whole=True)
            x = x[:train]
        if len(x) < LEAST_STEPS:
            raise TableError("the series is too short to learn from", required=f"at least {LEAST_STEPS} steps",
                             found=f"{len(x)}")  # fmt: skip
        self.notes_ = notes_on(x)
        x = filled(x)
        self.prefix_, self.centre_, self.scale_ = x, x.mean(0), x.std(0)
        z = self._standardised(x)
        self.axes_ = channel_axes(z)
        z = along_axes(z, self.axes_)
        self.period_ = find_period(z)
        self.windows_ = window_lengths(self.period_, len(x))
        longest = self.windows_[-1]
        if longest < 128:
            self.notes_.append(f"the training part has {len(x):,} steps: no window is longer than {longest}")
        self.weights_: dict[str, np.ndarray] | None = None
        if self.learned and z.shape[1] <= NET_CHANNELS:
            from amiss.series.patches import learn

            self.weights_ = learn(z, learned_length(self.windows_), self.random_state, report)
        return self

    def anomaly_score(self, series: Any) -> np.ndarray:
        """(time,) float64 scores of series (time,) or (time, channels); higher = more anomalous, about 1 is rare.

        A series that begins with the training part is taken to be that series; another one is compared with the
        training part, too, and no window spans both. See :meth:`score_steps` for the training part's own scores.
        """
        return self.score_steps(series)[0]

    def score_steps(self, series: Any, breaks: Any = ()) -> tuple[np.ndarray, np.ndarray]:
        """Scores of the steps (time,), and those of the training part (train,), which tell what is ordinary.

        breaks: steps (ascending) before which time jumps; no window spans one.
        """
        whole, first, stretches = self._whole(series, breaks)
        score = self._mixed(along_axes(self._standardised(whole), self.axes_), stretches)
        score = smooth(score, benchmark_period(whole), stretches)  # a short training part often shows no period
        return score[first:], score[: len(self.prefix_)]

    def contributions(self, series: Any, steps: Any, breaks: Any = ()) -> np.ndarray:
        """(steps, channels) shares of the channels in what is strange about the given steps of series; see
        :func:`amiss.series.blame.blame`. Costs milliseconds a step: ask for the peaks of events."""
        whole, first, stretches = self._whole(series, breaks)
        frame = Frame(self.windows_, len(self.prefix_), tuple(stretches), self.references == "prefix")
        return blame(self._standardised(whole), frame, np.asarray(steps, int) + first)

    def _whole(self, series: Any, breaks: Any) -> tuple[np.ndarray, int, list[Stretch]]:
        """The training part and series one after the other, unless series begins with it; where series begins;
        and the stretches without a break."""
        x = as_series(series)
        if x.shape[1] != self.prefix_.shape[1]:
            raise TableError("the series has other channels than the training part",
                             required=f"{self.prefix_.shape[1]} channels", found=f"{x.shape[1]}")  # fmt: skip
        train, last = len(self.prefix_), self.prefix_[-1]
        first = 0 if self._continues(x) else train
        x = filled(x, last)
        whole = np.concatenate([self.prefix_, x[train - first :]])
        borders = [int(b) + first for b in breaks] + [first]
        return whole, first, stretches_of(borders, len(whole), 2 * SHORTEST)

    def _mixed(self, z: np.ndarray, stretches: list[Stretch]) -> np.ndarray:
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

    def _standardised(self, x: np.ndarray) -> np.ndarray:
        """By the training part; a channel that stood still there, by its spread in x."""
        whole = x.std(0)
        scale = np.where(self.scale_ > STILL * whole, self.scale_, whole)
        return ((x - self.centre_) / np.where(scale > 0, scale, 1)).astype(np.float32)

    def _continues(self, x: np.ndarray) -> bool:
        """Whether x begins with the training part."""
        n = len(self.prefix_)
        return len(x) >= n and np.array_equal(filled(x[:n]), self.prefix_)

    def _check_parameters(self) -> None:
        if self.references not in ("series", "prefix"):
            raise OptionError("references are not understood", required="'series' or 'prefix'",
                              found=repr(self.references))  # fmt: skip
        check_number("random_state", self.random_state, 0, 2**32 - 1, whole=True)

    # --- state ------------------------------------------------------------------------------------------------------

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(what JSON holds, arrays by name) of a fitted detector."""
        state = {
            "parameters": {f.name: getattr(self, f.name) for f in fields(self)},
            "windows": list(self.windows_), "period": self.period_, "notes": self.notes_,
        }  # fmt: skip
        arrays = {"prefix": self.prefix_, "centre": self.centre_, "scale": self.scale_}
        arrays |= {} if self.axes_ is None else {"axes": self.axes_}
        return state, arrays | {f"weights/{k}": v for k, v in (self.weights_ or {}).items()}

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> SeriesDetector:
        """Inverse of :meth:`to_state`. Raises ModelFileError where a part is absent."""
        try:
            self = cls(**state["parameters"])
            self.windows_ = tuple(int(w) for w in state["windows"])
            self.period_ = int(state["period"])
            self.notes_ = [str(note) for note in state["notes"]]
            self.prefix_, self.centre_, self.scale_ = arrays["prefix"], arrays["centre"], arrays["scale"]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError("the state of a series detector is damaged", found=repr(error)) from error
        self.axes_ = arrays.get("axes")
        weights = {k.removeprefix("weights/"): v for k, v in arrays.items() if k.startswith("weights/")}
        self.weights_ = weights or None
        return self
