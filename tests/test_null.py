"""p-values of ordinary new rows are uniform, whatever the detector, and stay so when a model is saved and loaded.

The tolerance is the two-sample Kolmogorov-Smirnov distance that is passed once in a thousand draws: 1.95 times
sqrt(1 / held-out rows + 1 / scored rows) (Smirnov, 1948), as the held-out rows are a sample, too.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import numpy as np
import pytest

import amiss
from amiss import detectors
from test_bad_input import NAMES

QUICK = {"n_estimators": 2, "steps": 40, "hidden": (16, 4), "representations": 4}
MIXING = np.random.default_rng(1).normal(size=(2, 5))


def draw(rows: int, seed: int) -> np.ndarray:
    """Columns that follow two hidden causes."""
    rng = np.random.default_rng([5, seed])
    return rng.normal(size=(rows, 2)) @ MIXING + 0.3 * rng.normal(size=(rows, 5))


def fit(name: str, rows: int) -> amiss.Model:
    default = name == "AnomalyDetector"
    known = {} if default else inspect.signature(detectors.find(name)).parameters
    quick = {key: value for key, value in QUICK.items() if key in known}
    return amiss.fit(draw(rows, 0), detector=None if default else name, parameters=quick, seed=0)


def distance(p: np.ndarray) -> float:
    """Of the p-values' distribution from the uniform one."""
    at = np.linspace(0, 1, 1001)
    return float(np.abs(np.searchsorted(np.sort(p), at, side="right") / len(p) - at).max())


BY_FOLDS = [(name, 400) for name in ("AnomalyDetector", "NearestNeighbours", "LUNAR", "DeepSVDD")]


@pytest.mark.parametrize(("name", "rows"), [*((name, 5200) for name in NAMES), *BY_FOLDS])
def test_p_values_are_uniform(name: str, rows: int, tmp_path: Path) -> None:
    model, new = fit(name, rows), draw(2000, 1)
    held = len(model.decision.held)
    assert held >= min(rows, 500)
    p = model.score(new)["p_value"].to_numpy()
    assert distance(p) <= 1.95 * np.sqrt(1 / held + 1 / len(new)) + 1 / (held + 1)
    model.save(tmp_path / "m.amiss")
    assert np.array_equal(amiss.load(tmp_path / "m.amiss").score(new)["p_value"].to_numpy(), p)
