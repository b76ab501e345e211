"""What all detectors of series share: how a series is prepared, and what can be asked about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from amiss.errors import ModelFileError, OptionError, TableError, check_number
from amiss.params import flatten, unflatten
from amiss.series.clean import LEAST_STEPS, as_series, channel_axes, few_channels, filled, missing, notes_on
from amiss.series.period import find_period
from amiss.series.typical import typical
from amiss.series.windows import Stretch, stretches_of

if TYPE_CHECKING:  # not at run time: what only looks at rows does without jax
    from amiss.train import Progress

STILL = 1e-3  #: a channel whose deviation in training is a smaller share of that in the scored series stood still
SHORTEST = 4
BAND = (0.01, 0.99)  #: shares of the ordinary steps under a channel's typical low, and under its high

Report = Callable[["Progress"], None]


@dataclass(frozen=True)
class Prepared:
    """A series as a detector looks at it, behind the training part unless it begins with that.

    z: (time, channels) float32, standardised, without gaps. known: (time, channels) bool, where z was measured.
    stretches: parts without a break. train: steps of the training part. first: where the series that was asked about
    begins: 0 or ``train``. scale: (channels,) one unit of z.
    """

    z: np.ndarray
    known: np.ndarray
    stretches: tuple[Stretch, ...]
    train: int
    first: int
    scale: np.ndarray


@dataclass(frozen=True)
class Look:
    """What a detector says of a series; what costs time is computed when it is asked for.

    score: (time,). ordinary: (train,) the training part's own scores. shares: steps -> (steps, channels), how much of
    the score is each channel's, rows sum to 1 or are 0. band: () -> (low, high), (time, channels) each, in the
    channels' own units: between them lie 98 of 100 ordinary values at that place. causal: no later step takes part.
    """

    score: np.ndarray
    ordinary: np.ndarray
    shares: Callable[[np.ndarray], np.ndarray]
    band: Callable[[], tuple[np.ndarray, np.ndarray]]
    causal: bool = False


@dataclass(kw_only=True, eq=False)
class SeriesLearner:
    """Common part of the detectors of series. A detector says what to learn (``_learn``) and how to look (``_look``).

    causal: whether a step's score is independent of later steps. After fit: ``period_`` in steps (0: none),
    ``windows_``, ``notes_`` on what was done to the training part, ``arrays_`` that were learned, by name.
    """

    causal: ClassVar[bool] = False

    random_state: int = 0

    def fit(self, series: Any, train: int | None = None, *, report: Report | None = None) -> Self:
        """Learn from the first ``train`` steps of series (time,) or (time, channels); from all of them for None.

        Missing and infinite values are filled by straight lines, and said so in ``notes_``. Raises TableError for what
        is no series of numbers or is shorter than 16 steps, OptionError for a parameter out of range.
        """
        self._check_parameters()
        x = as_series(series)
        if train is not None:
            check_number("train", train, 1, len(x), whole=True)
            x = x[:train]
        if len(x) < LEAST_STEPS:
            what = "series" if train is None else "training part"
            raise TableError(f"the {what} is too short to learn from", required=f"at least {LEAST_STEPS} steps",
                             found=f"{len(x)}")  # fmt: skip
        self.notes_, self.gone_ = notes_on(x), missing(x)
        x = filled(x)
        self.prefix_, self.centre_, self.scale_ = x, x.mean(0), x.std(0)
        z = ((x - self.centre_) / self._unit(x)).astype(np.float32)
        axes = channel_axes(z)
        self.arrays_: dict[str, Any] = {} if axes is None else {"axes": axes}
        self.period_ = find_period(few_channels(z, axes))
        self.windows_: tuple[int, ...] = ()
        self._learn(z, ~self.gone_, report)
        return self

    def anomaly_score(self, series: Any) -> np.ndarray:
        """(time,) float64 scores of series (time,) or (time, channels); higher = more anomalous, about 1 is rare.

        A series that begins with the training part is taken to be that series; another one is compared with the
        training part, too, and no window spans both. See :meth:`score_steps` for the training part's own scores.
        """
        return self.look(series).score

    def score_steps(self, series: Any, breaks: Any = ()) -> tuple[np.ndarray, np.ndarray]:
        """Scores of the steps (time,), and those of the training part (train,), which tell what is ordinary.

        breaks: steps (ascending) before which time jumps; no window spans one.
        """
        found = self.look(series, breaks)
        return found.score, found.ordinary

    def contributions(self, series: Any, steps: Any, breaks: Any = ()) -> np.ndarray:
        """(steps, channels) shares of the channels in what is strange about the given steps of series."""
        return self.look(series, breaks).shares(np.asarray(steps, int))

    def look(self, series: Any, breaks: Any = ()) -> Look:
        """All that can be said of series (time,) or (time, channels): :class:`Look`."""
        p = self.prepare(series, breaks)
        score, shares, expected = self._look(p)
        centre = self.centre_

        def band() -> tuple[np.ndarray, np.ndarray]:
            middle = expected()
            gap = np.where(p.known, p.z - middle, np.nan)[: p.train][self._held_out(p.train)]
            low, high = (np.nan_to_num(each) for each in _quantiles(gap, BAND))
            return tuple((middle[p.first :] + edge) * p.scale + centre for edge in (low, high))

        return Look(
            score[p.first :], score[: p.train], lambda steps: shares(np.asarray(steps, int) + p.first), band,
            bool(self.causal),
        )  # fmt: skip

    def prepare(self, series: Any, breaks: Any = ()) -> Prepared:
        """The training part and series one after the other, unless series begins with it."""
        x = as_series(series)
        if x.shape[1] != self.prefix_.shape[1]:
            raise TableError("the series has other channels than the training part",
                             required=f"{self.prefix_.shape[1]} channels", found=f"{x.shape[1]}")  # fmt: skip
        train, last = len(self.prefix_), self.prefix_[-1]
        n = min(train, len(x))
        first = 0 if n == train and np.array_equal(filled(x[:n]), self.prefix_) else train
        known = np.concatenate([~self.gone_, ~missing(x)[train - first :]])
        x = np.concatenate([self.prefix_, filled(x, last)[train - first :]])
        borders = [int(b) + first for b in breaks] + [first]
        stretches = stretches_of(borders, len(x), 2 * SHORTEST)
        scale = self._unit(x)
        z = ((x - self.centre_) / scale).astype(np.float32)
        return Prepared(z, known, tuple(stretches), train, first, scale)

    def _unit(self, x: np.ndarray) -> np.ndarray:
        """(channels,) by the training part; of a channel that stood still there, its spread in x, or where scores are
        causal a tenth of its value."""
        other = 0.1 * np.maximum(np.abs(self.centre_), 1) if self.causal else x.std(0)
        still = self.scale_ <= (1e-9 * np.abs(self.centre_) if self.causal else STILL * other)
        scale = np.where(still, other, self.scale_)
        return np.where(scale > 0, scale, 1)

    def _learn(self, z: np.ndarray, known: np.ndarray, report: Report | None) -> None:
        """Learn from z (train, channels), known (train, channels)."""
        raise NotImplementedError

    def _look(
        self, p: Prepared
    ) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray], Callable[[], np.ndarray]]:  # fmt: skip
        """Scores (time,); steps -> shares; () -> what was to be expected (time, channels), in units of z."""
        raise NotImplementedError

    def _reduced(self, z: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """z and known along the principal axes that stand for many channels; as they are where there are few."""
        axes = self.arrays_.get("axes")
        if axes is None:
            return z, known
        return z @ axes, np.repeat(known.mean(1, keepdims=True) > 0.5, axes.shape[1], 1)

    def _restored(self, y: np.ndarray) -> np.ndarray:
        """What was said along the axes (..., axes) -> of the channels (..., channels)."""
        axes = self.arrays_.get("axes")
        return y if axes is None else y @ axes.T

    def _typical(self, p: Prepared) -> Callable[[], np.ndarray]:
        """What steps like these have elsewhere, where a method does not say itself what it expects."""
        return lambda: typical(p.z, p.stretches, self.period_, p.train)

    def _held_out(self, train: int) -> np.ndarray:
        """(train,) bool: steps of the training part whose values a method did not learn from."""
        return np.ones(train, bool)

    def _check_parameters(self) -> None:
        check_number("random_state", self.random_state, 0, 2**32 - 1, whole=True)

    # --- state ------------------------------------------------------------------------------------------------------

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(what JSON holds, arrays by name) of a fitted detector."""
        state = {
            "parameters": {f.name: getattr(self, f.name) for f in fields(self)},
            "period": self.period_, "windows": list(self.windows_), "notes": self.notes_,
        }  # fmt: skip
        own = {"prefix": self.prefix_, "gone": self.gone_, "centre": self.centre_, "scale": self.scale_}
        return state, own | {f"learned/{name}": array for name, array in flatten(self.arrays_).items()}

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Inverse of :meth:`to_state`. Raises ModelFileError where a part is absent."""
        try:
            self = cls(**state["parameters"])
            self.period_, self.notes_ = int(state["period"]), [str(note) for note in state["notes"]]
            self.windows_ = tuple(int(w) for w in state["windows"])
            self.prefix_, self.gone_ = arrays["prefix"], arrays["gone"]
            self.centre_, self.scale_ = arrays["centre"], arrays["scale"]
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError("the state of a series detector is damaged", found=repr(error)) from error
        learned = {k.removeprefix("learned/"): v for k, v in arrays.items() if k.startswith("learned/")}
        self.arrays_ = unflatten(learned)
        return self


def choose(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise OptionError where value is none of those allowed."""
    if value not in allowed:
        raise OptionError(f"{name} is not understood", required=" or ".join(map(repr, allowed)), found=repr(value))


def shares_of(parts: np.ndarray) -> np.ndarray:
    """(steps, channels) parts of a score, none negative -> shares; a row of zeros stays one."""
    whole = parts.sum(1, keepdims=True)
    return np.divide(parts, whole, out=np.zeros(parts.shape), where=whole > 0)


def _quantiles(gap: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """(levels, channels), over known steps; NaN where a channel has none."""
    found = np.full((len(levels), gap.shape[1]), np.nan)
    for channel, column in enumerate(gap.T):
        column = column[np.isfinite(column)]
        if len(column):
            found[:, channel] = np.quantile(column, levels)
    return found
