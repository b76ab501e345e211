"""Scores of rows as they arrive, by earlier rows alone: what streams share, and ``StreamDetector``."""

from __future__ import annotations

from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import lru_cache
from itertools import pairwise
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from amiss.decision import Decision, Rule
from amiss.errors import ModelFileError, TableError, check_number
from amiss.series.calibrate import unit_of
from amiss.series.clean import (
    BESIDE,
    LEAST_STEPS,
    along_axes,
    as_series,
    channel_axes,
    few_channels,
    filled,
    missing,
    notes_on,
)
from amiss.series.neighbours import LEAST_AXIS
from amiss.series.period import find_period
from amiss.series.windows import AXES_ROWS, LEAST_PARTS, PARTS, window_view

#: rows that are scored at a time, by arrays of this size in which the n-th row of a stream has the place n % BLOCK: the
#: last bits of a matrix product depend on the place, and so not on the row's company
BLOCK = 64
TILE = 16  #: rows of a block that go through a matrix product together
LONGEST = 128
QUANTILES = 2000  #: of the training part's scores, that tell p-values
ALARM = 2.0  #: times the highest score of the training part
BLAMED = 8  #: rows whose channels are looked at, to tell which are to blame


class Step(NamedTuple):
    """What is said of rows, (rows,) each; shares: (rows, channels) how much of it is each channel's, where flagged."""

    score: np.ndarray
    p_value: np.ndarray
    flagged: np.ndarray
    shares: np.ndarray


@dataclass(kw_only=True, eq=False)
class Stream:
    """What detectors of streams share: scaling, missing values, blocks of a fixed place, and state.

    After fit: ``threshold_``, fixed before the stream begins; ``warm_up_``, rows until all views take part;
    ``notes_`` on what was done to the training part; ``arrays_``, what was learned and where the stream is, by name.
    """

    causal: ClassVar[bool] = True
    STEADY: ClassVar[tuple[str, ...]] = ("centre", "scale", "axes", "*/axes")  #: arrays that no row changes
    NEEDED: ClassVar[tuple[str, ...]] = (
        "centre",
        "scale",
        "held",
        "seen",
        "blamed",
        "history",
    )  #: all have these

    def __post_init__(self) -> None:
        self._memo: Any = None  # what follows from the arrays, and is asked for often

    def fit(self, series: Any, slots: np.ndarray | None = None) -> Self:
        """Learn from series (time,) or (time, channels), ordinary rows; slots as in :meth:`step`. Raises TableError for
        fewer than 16 steps."""
        x = as_series(series)
        if len(x) < LEAST_STEPS:
            raise TableError("the series is too short to learn from", required=f"at least {LEAST_STEPS} steps",
                             found=f"{len(x)}")  # fmt: skip
        self.notes_ = notes_on(x)
        x = filled(x)
        centre, scale = x.mean(0), x.std(0)
        scale = np.where(scale > 1e-9 * np.abs(centre), scale, 0.1 * np.maximum(np.abs(centre), 1))  # it stood still
        self.arrays_: dict[str, np.ndarray] = {"centre": centre, "scale": scale, "held": x[-1], "seen": np.array(0)}
        z = ((x - centre) / scale).astype(np.float32)
        axes = channel_axes(z)
        if axes is not None:
            self.arrays_["axes"] = axes
        self.arrays_["blamed"] = np.zeros((0, x.shape[1]), np.float32)
        self.windows_: tuple[int, ...] = ()
        self.warm_up_, self.threshold_ = 0, 0.0
        self._learn(few_channels(z, axes), slots)
        self.arrays_["held"] = x[-1]
        self._start = self._copied()
        return self.reset()  # arrays in memory as a model's from a file are: products' last bits depend on their order

    def reset(self) -> Self:
        """Back to where ``fit`` or ``from_state`` left the stream."""
        self.arrays_ = {name: array.copy() for name, array in self._start.items()}
        self._memo = None
        return self

    def update(self, rows: Any) -> np.ndarray:
        """(rows,) float64 scores of the next rows, (rows,) or (rows, channels); higher = more anomalous."""
        return self.step(rows).score

    def step(self, rows: Any, slots: np.ndarray | None = None) -> Step:
        """Scores, p-values and verdicts of the next rows, (rows,) or (rows, channels).

        slots: (rows,) int, their places in the season, where time tells; counted on by rows where it does not.
        """
        x = as_series(rows)
        channels = len(self.arrays_["centre"])
        if x.shape[1] != channels:
            raise TableError("the rows have other channels than the training part",
                             required=f"{channels} channels", found=f"{x.shape[1]}")  # fmt: skip
        x = self._held(x)
        z = ((x - self.arrays_["centre"]) / self.arrays_["scale"]).astype(np.float32)
        return self._stream(z, z, slots)

    def forget(self) -> None:
        """Time has jumped: no window spans the jump, the next rows are the first ones of their windows."""
        self.arrays_["history"] = self.arrays_["history"][:0]

    def _stream(self, z: np.ndarray, rows: np.ndarray, slots: np.ndarray | None) -> Step:
        """Block by block; z (rows, channels), of which shares are told, and the rows that are looked at."""
        seen = int(self.arrays_["seen"])
        cuts = [0, *range(-seen % BLOCK or BLOCK, len(z), BLOCK), len(z)]
        said = []
        for a, b in pairwise(cuts):
            place = (seen + a) % BLOCK
            said.append(self._block(self._few(rows[a:b], place), place, None if slots is None else slots[a:b]))
            self.arrays_["seen"] = np.array(seen + b)
        score, p_value, flagged = (np.concatenate(parts) for parts in zip(*said))
        return Step(score, p_value, flagged, self._shares(z, flagged))

    def _few(self, rows: np.ndarray, place: int) -> np.ndarray:
        """Rows (rows, channels) of a block as they are looked at: by products whose shapes never change."""
        axes = self.arrays_.get("axes")
        if axes is None or rows.shape[1] != len(axes):  # few channels, or the training part, which is reduced already
            return rows
        mine = slice(place, place + len(rows))
        whole = np.zeros((BLOCK, rows.shape[1]), np.float32)
        whole[mine] = rows
        few = np.zeros((BLOCK, axes.shape[1] + BESIDE), np.float32)
        for tile in tiles(mine):
            few[tile] = few_channels(whole[tile], axes)
        return few[mine]

    def _shares(self, z: np.ndarray, flagged: np.ndarray) -> np.ndarray:
        """(rows, channels): squared deviations from the training part's middle over the last few rows."""
        both = np.concatenate([self.arrays_["blamed"], z])
        before = len(self.arrays_["blamed"])
        self.arrays_["blamed"] = both[max(len(both) - BLAMED + 1, 0) :].copy()
        shares = np.zeros(z.shape)
        for row in np.flatnonzero(flagged):
            gap = (both[max(row + before - BLAMED + 1, 0) : row + before + 1].astype(float) ** 2).mean(0)
            shares[row] = gap / gap.sum() if gap.sum() > 0 else 0.0
        return shares

    def _held(self, x: np.ndarray) -> np.ndarray:
        """Missing values at the last known one."""
        known = np.where(missing(x), 0, np.arange(1, len(x) + 1)[:, None])
        x = np.take_along_axis(np.vstack([self.arrays_["held"], x]), np.maximum.accumulate(known), axis=0)
        self.arrays_["held"] = x[-1]
        return x

    def _learn(self, z: np.ndarray, slots: np.ndarray | None) -> None:
        """Learn from z (steps, channels)."""
        raise NotImplementedError

    def _block(
        self, z: np.ndarray, place: int, slots: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        """Scores, p-values and verdicts of rows z (rows, channels), of which the first has that place in its block."""
        raise NotImplementedError

    # --- state ------------------------------------------------------------------------------------------------------

    def _copied(self, live: bool = False) -> dict[str, np.ndarray]:
        names = [n for n in self.arrays_ if not live or not any(fnmatchcase(n, steady) for steady in self.STEADY)]
        return {name: self.arrays_[name].copy() for name in names}

    def live(self) -> dict[str, np.ndarray]:
        """Where the stream is: the arrays that rows change, by name."""
        return self._copied(live=True)

    def go_on(self, live: dict[str, np.ndarray]) -> None:
        """Go on from what :meth:`live` gave. Raises ModelFileError for what does not fit this detector."""
        mine = self.live()
        if set(live) != set(mine) or any(live[k].dtype != mine[k].dtype for k in mine):
            raise ModelFileError("the state of the stream belongs to another model")
        self.arrays_ |= {name: array.copy() for name, array in live.items()}
        self._memo = None

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(what JSON holds, arrays by name), the rows seen so far included: a stream goes on where it was."""
        parameters = {f.name: getattr(self, f.name) for f in fields(self)}
        state = {"parameters": parameters, "windows": list(self.windows_), "threshold": self.threshold_,
                 "notes": self.notes_}  # fmt: skip
        return state, self._copied()

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Inverse of :meth:`to_state`. Raises ModelFileError where a part is absent."""
        absent = [name for name in cls.NEEDED if name not in arrays]
        if absent:
            raise ModelFileError(
                "the model's streams are of another version of amiss", required=", ".join(cls.NEEDED),
                found=f"no {', '.join(absent)}", hint="fit it again",
            )  # fmt: skip
        try:
            self = cls(**state["parameters"])
            self.windows_, self.threshold_ = tuple(state["windows"]), float(state["threshold"])
            self.notes_, self._start = list(state["notes"]), dict(arrays)
            self.warm_up_ = self.windows_[-1]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelFileError("the state of a stream detector is damaged", found=repr(error)) from error
        return self.reset()


@dataclass(kw_only=True, eq=False)
class StreamDetector(Stream):
    """Windows that end at a row, compared with the windows of a clean training part, at several lengths.

    Causal: a row's score depends on the training part and on earlier rows of the stream, nothing else; the same rows
    give the same bits, one by one or all at once. A view has nothing to say until its window is full: the score is 0
    for the first few rows, and all views take part after ``warm_up_`` rows. Missing values are held at the
    last known one. Less accurate than :class:`SeriesDetector`, which may look ahead. Fails on drift: take
    :class:`~amiss.series.drift.DriftDetector` then, or fit again.

    references: windows of the training part that are kept for each length.
    After fit: ``threshold_``, twice the highest score of the training part, fixed before the stream begins.
    """

    STEADY = (*Stream.STEADY, "*/*", "ordinary")

    references: int = 1024

    def _learn(self, z: np.ndarray, slots: np.ndarray | None) -> None:
        check_number("references", self.references, 2, whole=True)
        period = find_period(z)
        longest = max(min(LONGEST, len(z) // 3), 4)
        self.windows_ = tuple(sorted({max(4, min(m, longest)) for m in (8, 32, 64, *([period] if period else []))}))
        self.warm_up_ = self.windows_[-1]
        for length in self.windows_:
            self._learn_length(z, length)
        a = self.arrays_
        a["history"], a["ordinary"] = z[:0].copy(), self._ordinary(z)
        self.threshold_ = ALARM * max(float(a["ordinary"].max()), 0.0)

    def _block(
        self, z: np.ndarray, place: int, slots: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
        n, longest = len(z), self.windows_[-1]
        history = self.arrays_["history"]
        both = np.concatenate([history, z])
        self.arrays_["history"] = both[-(longest - 1) :].copy()
        score = np.full(n, -np.inf)
        for length in self.windows_:
            have = min(n, len(both) - length + 1)  # rows whose window is full
            if have < 1:
                continue
            rows = np.zeros((BLOCK, length, z.shape[1]), np.float32)
            mine = slice(place + n - have, place + n)
            rows[mine] = window_view(both, length)[-have:]
            for name, view in self._views(rows, length, mine).items():
                middle, spread = self.arrays_[f"{length}/{name}"]
                score[n - have :] = np.maximum(score[n - have :], (view[mine] - middle) / spread)
        score = np.where(np.isfinite(score), score, 0.0)
        return score, self._p_values(score), score > self.threshold_

    def _p_values(self, score: np.ndarray) -> np.ndarray:
        """By tails fitted to the scores of the training part."""
        if not len(self.arrays_["ordinary"]):
            return np.ones(len(score))
        if self._memo is None:
            ordered = np.sort(self.arrays_["ordinary"])  # a few quantiles of them do as well
            few = ordered[np.linspace(0, len(ordered) - 1, min(len(ordered), QUANTILES)).astype(int)]
            self._memo = Decision.learn(Rule(), few, None)
        told: Decision = self._memo
        return told.tail_p_values(score)

    def _learn_length(self, z: np.ndarray, length: int) -> None:
        """References, axes and units of one window length."""
        windows = window_view(z, length)
        at = self._chosen(len(windows))
        f = described(windows[at], length)
        if f.shape[1] > PARTS:
            _, axes = np.linalg.eigh(np.cov(f[:AXES_ROWS].T))
            self.arrays_[f"{length}/axes"] = np.ascontiguousarray(axes[:, -PARTS:].astype(np.float32))
            f = along_axes(f, self.arrays_[f"{length}/axes"])
        variance, turn = np.linalg.eigh(np.atleast_2d(np.cov(f.T)))
        variance = np.maximum(variance, LEAST_AXIS * variance[-1] + 1e-12)
        self.arrays_[f"{length}/mean"] = f.mean(0)
        self.arrays_[f"{length}/whiten"] = (turn / np.sqrt(variance * len(variance))).astype(np.float32)
        self.arrays_[f"{length}/table"] = np.vstack([f.T, -0.5 * (f * f).sum(1)])
        near = np.empty(len(f))  # a reference is no neighbour of windows that share steps with it
        for i, row in enumerate(f):
            square = ((f - row) ** 2).sum(1)
            near[i] = np.sqrt(square[_apart(at, at[i], length)].min(initial=np.inf))
        lengths = np.sqrt((((f - f.mean(0)) @ self.arrays_[f"{length}/whiten"]) ** 2).sum(1))
        for name, view in (("near", near), ("maha", lengths)):
            self.arrays_[f"{length}/{name}"] = np.array(unit_of(view, len(view)))

    def _chosen(self, windows: int) -> np.ndarray:
        """Which windows of the training part are references."""
        return np.unique(np.linspace(0, windows - 1, min(windows, self.references)).astype(int))

    def _ordinary(self, z: np.ndarray) -> np.ndarray:
        """(steps,) the training part's own scores. Its windows are no neighbours of references that share their steps:
        they would be their own, and what is ordinary would look nearer than it is."""
        a, score = self.arrays_, np.zeros(len(z))
        for length in self.windows_:
            windows, table = window_view(z, length), a[f"{length}/table"]
            at = self._chosen(len(windows))
            for first in range(0, len(windows), BLOCK):
                places = np.arange(first, min(first + BLOCK, len(windows)))
                own = along_axes(described(windows[places], length), a.get(f"{length}/axes"))
                by = np.column_stack([own, np.ones(len(own), np.float32)]) @ table
                by[~_apart(at[None], places[:, None], length)] = -np.inf
                far = np.sqrt(np.maximum((own * own).sum(1) - 2 * by.max(1), 0))
                t = (own - a[f"{length}/mean"]) @ a[f"{length}/whiten"]
                for view, name in ((np.where(np.isfinite(far), far, 0), "near"), (np.sqrt((t * t).sum(1)), "maha")):
                    middle, spread = a[f"{length}/{name}"]
                    mine = slice(first + length - 1, first + length - 1 + len(places))
                    score[mine] = np.maximum(score[mine], (view - middle) / spread)
        return score

    def _views(self, rows: np.ndarray, length: int, mine: slice) -> dict[str, np.ndarray]:
        """(BLOCK,) distances of the windows (BLOCK, length, channels) that are ``mine``; shapes never change."""
        a, near, maha = self.arrays_, np.zeros(BLOCK), np.zeros(BLOCK)
        for tile in tiles(mine):
            own = along_axes(described(rows[tile], length), a.get(f"{length}/axes"))
            near[tile] = nearest(own, a[f"{length}/table"])[0]
            t = (own - a[f"{length}/mean"]) @ a[f"{length}/whiten"]
            maha[tile] = np.sqrt((t * t).sum(1))
        return {"near": near, "maha": maha}


def _apart(at: np.ndarray, place: np.ndarray, length: int) -> np.ndarray:
    """Which windows that begin at ``at`` share less than half of their steps with one that begins at ``place``."""
    return np.abs(at - place) >= max(length // 2, 1)


def tiles(mine: slice) -> list[slice]:
    """The tiles of a block in which rows of ``mine`` lie."""
    return [slice(i, i + TILE) for i in range(mine.start - mine.start % TILE, mine.stop, TILE)]


def nearest(f: np.ndarray, table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances of f (rows, numbers) to the nearest column of a table of references, and what they are by: both
    (rows,). table: (numbers + 1, references), the last row minus half of the squared length."""
    best = (np.column_stack([f, np.ones(len(f), np.float32)]) @ table).max(1)
    return np.sqrt(np.maximum((f * f).sum(1) - 2 * best, 0)), best


def described(windows: np.ndarray, length: int) -> np.ndarray:
    """(windows, numbers) float32 as :func:`.windows.describe`, each window by itself: no running sums."""
    first, weight = _parts(length, min(length, max(PARTS // windows.shape[2], LEAST_PARTS)))
    sums = windows if len(first) == length else np.add.reduceat(windows, first, axis=1)
    return (sums * weight).reshape(len(windows), -1)


@lru_cache
def _parts(length: int, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """First steps of the parts of a window, and what their sums count: (parts, 1)."""
    edges = np.linspace(0, length, parts + 1).round().astype(int)
    return edges[:-1], (1 / np.sqrt(np.diff(edges) * length)).astype(np.float32)[:, None]
