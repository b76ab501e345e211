"""``StreamDetector``: scores of rows as they arrive, by earlier rows alone."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np

from amiss.errors import ModelFileError, TableError, check_number
from amiss.series.calibrate import unit_of
from amiss.series.clean import LEAST_STEPS, as_series, filled, missing, notes_on
from amiss.series.neighbours import LEAST_AXIS
from amiss.series.period import find_period
from amiss.series.windows import AXES_ROWS, LEAST_PARTS, PARTS, window_view

#: rows that are scored at a time, by arrays of this size in which the n-th row of a stream has the place n % BLOCK: the
#: last bits of a matrix product depend on the place, and so not on the row's company
BLOCK = 64
LONGEST = 128


@dataclass(kw_only=True, eq=False)
class StreamDetector:
    """Windows that end at a row, compared with the windows of a clean training part, at several lengths.

    Causal: a row's score depends on the training part and on earlier rows of the stream, nothing else; the same rows
    give the same bits, one by one or all at once. A view has nothing to say until its window is full: the score is 0
    for the first few rows, and all views take part after ``warm_up_`` rows. Missing values are held at the
    last known one. Less accurate than :class:`SeriesDetector`, which may look ahead. Fails on drift: fit again then.

    references: windows of the training part that are kept for each length.
    After fit: ``threshold_``, twice the highest score of the training part, fixed before the stream begins.
    """

    references: int = 1024

    def fit(self, series: Any) -> StreamDetector:
        """Learn from series (time,) or (time, channels), ordinary rows. Raises TableError for fewer than 16 steps."""
        check_number("references", self.references, 2, whole=True)
        x = as_series(series)
        if len(x) < LEAST_STEPS:
            raise TableError("the series is too short to learn from", required=f"at least {LEAST_STEPS} steps",
                             found=f"{len(x)}")  # fmt: skip
        self.notes_ = notes_on(x)
        x = filled(x)
        centre, scale = x.mean(0), x.std(0)
        scale = np.where(scale > 1e-9 * np.abs(centre), scale, 0.1 * np.maximum(np.abs(centre), 1))  # it stood still
        self.arrays_: dict[str, np.ndarray] = {"centre": centre, "scale": scale, "last": x[-1]}
        z = ((x - centre) / scale).astype(np.float32)
        period = find_period(z)
        longest = max(min(LONGEST, len(x) // 3), 4)
        self.windows_ = tuple(sorted({max(4, min(m, longest)) for m in (8, 32, 64, *([period] if period else []))}))
        self.warm_up_ = self.windows_[-1]
        for length in self.windows_:
            self._learn(z, length)
        self.reset()
        score = self.update(x)
        self.threshold_ = 2 * max(float(score.max()), 0.0)
        self.reset()
        return self

    def reset(self) -> StreamDetector:
        """Forget the rows of the stream, not what was learned."""
        self.arrays_["history"] = np.zeros((0, len(self.arrays_["centre"])), np.float32)
        self.arrays_["held"], self.arrays_["seen"] = self.arrays_["last"], np.array(0)
        return self

    def update(self, rows: Any) -> np.ndarray:
        """(rows,) float64 scores of the next rows, (rows,) or (rows, channels); higher = more anomalous."""
        x = as_series(rows)
        if x.shape[1] != len(self.arrays_["centre"]):
            raise TableError("the rows have other channels than the training part",
                             required=f"{len(self.arrays_['centre'])} channels", found=f"{x.shape[1]}")  # fmt: skip
        x = self._held(x)
        z = ((x - self.arrays_["centre"]) / self.arrays_["scale"]).astype(np.float32)
        seen = int(self.arrays_["seen"])
        cuts = [0, *range(-seen % BLOCK or BLOCK, len(z), BLOCK), len(z)]
        scores = [self._block(z[a:b], (seen + a) % BLOCK) for a, b in pairwise(cuts)]
        self.arrays_["seen"] = np.array(seen + len(z))
        return np.concatenate(scores)

    def _held(self, x: np.ndarray) -> np.ndarray:
        """Missing values at the last known one."""
        known = np.where(missing(x), 0, np.arange(1, len(x) + 1)[:, None])
        x = np.take_along_axis(np.vstack([self.arrays_["held"], x]), np.maximum.accumulate(known), axis=0)
        self.arrays_["held"] = x[-1]
        return x

    def _block(self, z: np.ndarray, place: int) -> np.ndarray:
        """Scores of rows z (rows, channels), of which the first has that place in its block; they become history."""
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
            for name, view in self._views(rows, length).items():
                middle, spread = self.arrays_[f"{length}/{name}"]
                score[n - have :] = np.maximum(score[n - have :], (view[mine] - middle) / spread)
        return np.where(np.isfinite(score), score, 0.0)

    def _learn(self, z: np.ndarray, length: int) -> None:
        """References, axes and units of one window length."""
        windows = window_view(z, length)
        at = np.unique(np.linspace(0, len(windows) - 1, min(len(windows), self.references)).astype(int))
        f = _described(windows[at], length)
        if f.shape[1] > PARTS:
            _, axes = np.linalg.eigh(np.cov(f[:AXES_ROWS].T))
            self.arrays_[f"{length}/axes"] = np.ascontiguousarray(axes[:, -PARTS:].astype(np.float32))
            f = f @ self.arrays_[f"{length}/axes"]
        variance, turn = np.linalg.eigh(np.atleast_2d(np.cov(f.T)))
        variance = np.maximum(variance, LEAST_AXIS * variance[-1] + 1e-12)
        self.arrays_[f"{length}/mean"] = f.mean(0)
        self.arrays_[f"{length}/whiten"] = (turn / np.sqrt(variance * len(variance))).astype(np.float32)
        self.arrays_[f"{length}/table"] = np.column_stack([f, -0.5 * (f * f).sum(1)])
        near = np.empty(len(f))  # a reference is no neighbour of windows that share steps with it
        for i, row in enumerate(f):
            square = ((f - row) ** 2).sum(1)
            near[i] = np.sqrt(square[np.abs(at - at[i]) >= max(length // 2, 1)].min(initial=np.inf))
        lengths = np.sqrt((((f - f.mean(0)) @ self.arrays_[f"{length}/whiten"]) ** 2).sum(1))
        for name, view in (("near", near), ("maha", lengths)):
            self.arrays_[f"{length}/{name}"] = np.array(unit_of(view, len(view)))

    def _views(self, rows: np.ndarray, length: int) -> dict[str, np.ndarray]:
        """(BLOCK,) distances of windows (BLOCK, length, channels); the shapes never change."""
        f = _described(rows, length)
        if f"{length}/axes" in self.arrays_:
            f = f @ self.arrays_[f"{length}/axes"]
        best = (self.arrays_[f"{length}/table"] @ np.column_stack([f, np.ones(len(f), np.float32)]).T).max(0)
        near = np.sqrt(np.maximum((f * f).sum(1) - 2 * best, 0))
        t = (f - self.arrays_[f"{length}/mean"]) @ self.arrays_[f"{length}/whiten"]
        return {"near": near, "maha": np.sqrt((t * t).sum(1))}

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(what JSON holds, arrays by name), the rows seen so far included: a stream goes on where it was."""
        parameters = {f.name: getattr(self, f.name) for f in fields(self)}
        state = {"parameters": parameters, "windows": list(self.windows_), "threshold": self.threshold_,
                 "notes": self.notes_}  # fmt: skip
        return state, dict(self.arrays_)

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> StreamDetector:
        """Inverse of :meth:`to_state`. Raises ModelFileError where a part is absent."""
        try:
            self = cls(**state["parameters"])
            self.windows_, self.threshold_ = tuple(state["windows"]), float(state["threshold"])
            self.notes_, self.arrays_ = list(state["notes"]), dict(arrays)
            self.warm_up_ = self.windows_[-1]
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelFileError("the state of a stream detector is damaged", found=repr(error)) from error
        return self


def _described(windows: np.ndarray, length: int) -> np.ndarray:
    """(windows, numbers) float32 as :func:`.windows.describe`, each window by itself: no running sums."""
    parts = min(length, max(PARTS // windows.shape[2], LEAST_PARTS))
    edges = np.linspace(0, length, parts + 1).round().astype(int)
    width = np.diff(edges).astype(np.float32)
    sums = np.add.reduceat(windows, edges[:-1], axis=1)
    return (sums / np.sqrt(width * length)[None, :, None]).astype(np.float32).reshape(len(windows), -1)
