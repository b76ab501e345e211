"""What a model keeps of a series to score its rows as they come."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from amiss.series.drift import DriftDetector
from amiss.series.frame import BREAK, EVEN, EXACT, MOST_FILLED, Series
from amiss.series.stream import StreamDetector

DAY, SLOTS = 86_400.0, (4, 1440)  #: seconds; steps that a day may have to be looked at as a season
MOST_LEARNED = 20_000  #: last steps of the training part that streams learn from


@dataclass
class Live:
    """The streams of one series: one compares with the training part, one with what was usual of late.

    unit: seconds (or units of the time column) between rows. limit: a longer step is a gap.
    """

    fixed: StreamDetector
    adaptive: DriftDetector
    unit: float
    limit: float

    @classmethod
    def learn(cls, series: Series, train: int | None, dated: bool) -> Live:
        """From the first ``train`` steps, all for None. dated: times are seconds."""
        train = len(series.values) if train is None else train
        x, times = (part[max(train - MOST_LEARNED, 0) : train] for part in (series.values, series.times))
        gaps = np.diff(times)
        unit = float(np.median(gaps)) if len(gaps) else 0.0
        count = np.round(gaps / unit) if unit > 0 else np.zeros(0)
        even = len(count) > 0 and (np.abs(gaps / unit - np.maximum(count, 1)) < EXACT).mean() >= EVEN
        day = round(DAY / unit) if dated and even and SLOTS[0] <= DAY / unit <= SLOTS[1] else 0
        limit = ((MOST_FILLED + 1.5) if even else BREAK) * unit
        live = cls(StreamDetector(), DriftDetector(season=day), unit, limit)
        live.fixed.fit(x)
        live.adaptive.fit(x, live.slots(times))
        return live

    def slots(self, times: np.ndarray) -> np.ndarray | None:
        """(rows,) places in the day; None where a day is no season."""
        day = self.adaptive.season
        if not day:
            return None
        return np.floor(np.nan_to_num(times) % DAY / self.unit + 0.01).astype(np.int64) % day

    def to_state(self, prefix: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(what JSON holds, arrays by name)."""
        state: dict[str, Any] = {"unit": self.unit, "limit": self.limit}
        arrays: dict[str, np.ndarray] = {}
        for name, stream in (("fixed", self.fixed), ("adaptive", self.adaptive)):
            state[name], own = stream.to_state()
            arrays |= {f"{prefix}{name}/{key}": array for key, array in own.items()}
        return state, arrays

    @classmethod
    def from_state(cls, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> Live:
        """Inverse of :meth:`to_state`, of which ``prefix`` was taken away."""
        own: dict[str, dict[str, np.ndarray]] = {"fixed": {}, "adaptive": {}}
        for key, array in arrays.items():
            name, _, rest = key.partition("/")
            own[name][rest] = array
        fixed = StreamDetector.from_state(state["fixed"], own["fixed"])
        adaptive = DriftDetector.from_state(state["adaptive"], own["adaptive"])
        return cls(fixed, adaptive, float(state["unit"]), float(state["limit"]))
