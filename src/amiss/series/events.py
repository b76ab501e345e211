"""Flagged steps -> events: stretches with a start, an end, a peak and the channels to blame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from amiss.series.vus import stretches


@dataclass(frozen=True)
class Event:
    """first, last, peak: steps, inclusive. score, p_value: at the peak. channels: (place, share), the largest first."""

    first: int
    last: int
    peak: int
    score: float
    p_value: float
    channels: tuple[tuple[int, float], ...] = ()

    @property
    def steps(self) -> int:
        return self.last - self.first + 1


def events_of(flagged: np.ndarray, score: np.ndarray, p_value: np.ndarray, gap: int = 0) -> list[Event]:
    """Events in order of time; all arrays (time,). gap: stretches with at most so many other steps between are one."""
    first, last = stretches(flagged)
    if not len(first):
        return []
    apart = first[1:] - last[:-1] - 1 > gap
    first, last = first[np.concatenate([[True], apart])], last[np.concatenate([apart, [True]])]
    found = []
    for a, b in zip(first.tolist(), last.tolist()):
        peak = a + int(np.argmax(score[a : b + 1]))
        found.append(Event(a, b, peak, float(score[peak]), float(p_value[peak])))
    return found
