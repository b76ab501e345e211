"""Why a stretch is strange: the channels to blame, their values, and what would have been typical."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.report.strings import say
from amiss.series.events import Event

CHANNELS, LEAST_SHARE = 3, 0.05  #: channels that are told of an event, and the least share of one


@dataclass(frozen=True)
class Cause:
    """A channel's part in an event. step: where it is farthest from what is typical; value: there; low, high: typical
    there. share: of the score."""

    channel: str
    step: int
    value: float
    low: float
    high: float
    share: float

    @property
    def outside(self) -> bool:
        """Whether the value itself is unusual, not only the course of values."""
        return not self.low <= self.value <= self.high

    def told(self, when: str, lang: str = "en") -> str:
        """A sentence: channel, time, value and typical values."""
        words = {"channel": self.channel, "when": when, "share": f"{self.share:.0%}"}
        numbers = {k: f"{v:.4g}" for k, v in (("value", self.value), ("low", self.low), ("high", self.high))}
        return say("series.outside" if self.outside else "series.inside", lang, **words, **numbers)


def causes_of(
    event: Event, share: np.ndarray, x: np.ndarray, band: tuple[np.ndarray, np.ndarray], channels: list[str]
) -> list[Cause]:
    """The channels to blame, the first most. share: (channels,). x, and band's low and high: (time, channels)."""
    found, steps = [], np.arange(event.first, event.last + 1)
    for i in np.argsort(-share, kind="stable")[:CHANNELS].tolist():
        mine, low, high = (each[steps, i] for each in (x, *band))
        if share[i] <= LEAST_SHARE or not np.isfinite(mine).any():
            continue
        beyond = np.maximum(mine - high, low - mine) / np.maximum(high - low, 1e-300)
        at = int(np.nanargmax(beyond))
        found.append(
            Cause(channels[i], int(steps[at]), float(mine[at]), float(low[at]), float(high[at]), float(share[i]))
        )
    return found
