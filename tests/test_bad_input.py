"""Tables that are awkward to learn from: an answer or a clear refusal, never NaN, never a crash, never a warning."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import amiss
from amiss import detectors
from amiss.cli import main

NAMES = ["AnomalyDetector", *sorted(n for n, e in detectors.DETECTORS.items() if "one-class" in e.settings)]


def few() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(19, 5))


def very_few() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 2))


def equal() -> np.ndarray:
    return np.full((50, 4), 7.25)


def wide() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(12, 40))


def outlier() -> np.ndarray:
    """One column has one value, but for the last row."""
    x = np.random.default_rng(0).normal(size=(60, 3))
    x[:, 1] = np.where(np.arange(60) == 59, 1e6, 3.0)
    return x


def very_wide() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(40, 2000))


def copies() -> np.ndarray:
    return np.repeat([[0.0, 1.0, 2.0], [1.0, 0.0, 2.0], [5.0, 5.0, 5.0]], [1500, 1500, 1], axis=0)


def huge() -> np.ndarray:
    return few() * np.array([1e300, 1e-300, 1, 1e9, 0])


CASES = {case.__name__: case for case in (few, very_few, equal, wide, outlier, very_wide, copies, huge)}


@pytest.mark.parametrize("case", CASES)
def test_the_default_answers(case: str) -> None:
    """Single methods are tested beside their contract, and below."""
    x = CASES[case]()
    detector = amiss.AnomalyDetector(n_estimators=1, epochs=1, random_state=0).fit(x)
    score = detector.anomaly_score(np.concatenate([x[-100:], x[:5] + 9]))
    assert np.isfinite(score).all()
    assert np.isfinite(detector.decision_function(x[:5])).all()
    if case == "outlier":
        assert detector.anomaly_score(x).argmax() == 59
    if case == "equal":
        assert np.ptp(detector.anomaly_score(x)) == 0


def write(x: np.ndarray, path: Path) -> Path:
    pl.DataFrame(x, schema=[f"c{i}" for i in range(x.shape[1])], orient="row").write_csv(path)
    return path


def detect(path: Path, *more: str) -> Any:
    return CliRunner().invoke(main, ["detect", str(path), "-o", str(path.with_suffix(".out.csv")), *more])


def check(ran: Any, path: Path, rows: int) -> None:
    assert ran.exit_code in (0, 2), ran.output
    out = path.with_suffix(".out.csv")
    if ran.exit_code == 2:
        assert "required" in ran.output or "what to do" in ran.output
        assert not out.exists()
        return
    found = pl.read_csv(out)
    assert found.height == rows
    for name in ("score", "p_value"):
        assert found[name].is_finite().all()
    assert ((found["p_value"] > 0) & (found["p_value"] <= 1)).all()


@pytest.mark.parametrize("case", [c for c in CASES if c != "very_wide"])
def test_command_line_answers(case: str, tmp_path: Path) -> None:
    x = CASES[case]()
    check(detect(write(x, tmp_path / "t.csv"), "--set", "epochs=1"), tmp_path / "t.csv", len(x))


@pytest.mark.parametrize("name", NAMES[1:])
def test_command_line_answers_with_every_detector(name: str, tmp_path: Path) -> None:
    """Fewer rows than columns, one column of a single value and one outlier, and rows that are there several times."""
    x = np.repeat(wide()[:, :24], 2, axis=0)
    x[:, 1] = np.where(np.arange(len(x)) == 3, 1e6, 3.0)
    known = inspect.signature(detectors.find(name)).parameters
    quick = [f"--set={key}={value}" for key, value in {"n_estimators": 1, "steps": 4}.items() if key in known]
    check(detect(write(x, tmp_path / "t.csv"), "--detector", name, *quick), tmp_path / "t.csv", len(x))
