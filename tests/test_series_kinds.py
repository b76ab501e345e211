"""Contextual and collective anomalies: what is strange by its place or its course, not by its values."""

from __future__ import annotations

import numpy as np
import pytest

from amiss.series.detect import judged
from amiss.series.detector import SeriesDetector
from amiss.series.period import find_period

STEPS, TRAIN, PERIOD = 2400, 900, 60
WHERE = slice(1620, 1740)  #: two periods


def daily(kind: str = "") -> np.ndarray:
    """(time, 2) a double wave that repeats every 60 steps, and another channel; two periods are amiss in one way."""
    rng, t = np.random.default_rng(3), np.arange(STEPS)
    one = np.sin(2 * np.pi * t / PERIOD) + 0.5 * np.sin(4 * np.pi * t / PERIOD + 1)
    two = np.cos(2 * np.pi * t / PERIOD) ** 2
    x = np.column_stack([one, two]) + 0.05 * rng.standard_normal((STEPS, 2))
    inside = np.arange(WHERE.start, WHERE.stop)
    noise = 0.05 * rng.standard_normal(len(inside))
    if kind == "pattern missing":  # a usual value where the pattern should be
        x[WHERE, 0] = one[0] + noise
    elif kind == "flat line":
        x[WHERE, 0] = x[WHERE.start, 0]
    elif kind == "frequency":
        x[WHERE, 0] = np.sin(2 * np.pi * inside / 40) + 0.5 * np.sin(4 * np.pi * inside / 40 + 1) + noise
    elif kind == "level shift":
        x[WHERE, 0] += 0.7
    elif kind == "out of season":  # the right course at the wrong time
        x[WHERE, 0] = x[WHERE.start + 20 : WHERE.stop + 20, 0]
    elif kind == "swapped channels":
        x[WHERE] = x[WHERE][:, ::-1]
    return x


def test_the_season_is_found() -> None:
    assert find_period(daily()) == pytest.approx(PERIOD, abs=1)
    assert find_period(np.random.default_rng(0).standard_normal((STEPS, 1))) == 0


@pytest.mark.parametrize(
    "kind", ["pattern missing", "flat line", "frequency", "level shift", "out of season", "swapped channels"]
)
def test_strange_by_place_or_course(kind: str) -> None:
    x = daily(kind)
    assert np.abs(x[WHERE]).max() <= 1.35 * np.abs(daily()).max(), "no value stands out much by itself"
    detector = SeriesDetector(learned=False).fit(x[:TRAIN])
    look = detector.look(x)
    assert WHERE.start - PERIOD <= look.score.argmax() <= WHERE.stop + PERIOD
    _, flagged = judged(None, look.score, look.ordinary, True, max(detector.windows_))
    assert flagged[WHERE].any()
    far = np.ones(STEPS, bool)
    far[WHERE.start - 2 * PERIOD - 60 : WHERE.stop + 2 * PERIOD + 60] = False
    assert not flagged[far].any()
    if kind != "swapped channels":
        assert look.shares(np.array([look.score.argmax()])).argmax() == 0
