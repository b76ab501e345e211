"""Evidence without labels: silent on chance, loud on what chance does not make."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner

import amiss
from amiss.cli import main
from amiss.decision import benjamini_hochberg
from amiss.default import AnomalyDetector
from amiss.detectors.autoencoder import Autoencoder
from amiss.surrogates import FEWEST, SURE, alone, evident, p_values, replaced, surrogate


def fit(z: np.ndarray) -> AnomalyDetector:
    return AnomalyDetector(random_state=0, epochs=1, n_estimators=1).fit_encoded(z)


def dependent(rows: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(rows, 2))
    return (hidden @ rng.normal(size=(2, 6)) + 0.3 * rng.normal(size=(rows, 6))).astype(np.float32)


def spoken(z: np.ndarray, seed: int = 0) -> np.ndarray:
    p = p_values(z, fit(z).score_encoded(z), fit, seed)
    return benjamini_hochberg(p, SURE)


def test_a_surrogate_keeps_cells_and_correlations_and_nothing_else() -> None:
    z = dependent(800)
    z[:, 5] = np.abs(z[:, 4])  # a dependency that no correlation shows
    made = surrogate(z, np.random.default_rng(1))
    assert np.array_equal(np.sort(z, axis=0), np.sort(made, axis=0))
    assert np.abs(np.corrcoef(z[:, :5].T) - np.corrcoef(made[:, :5].T)).max() < 0.15
    assert np.abs(made[:, 5] - np.abs(made[:, 4])).mean() > 0.2
    assert np.isfinite(surrogate(np.zeros((60, 3), np.float32), np.random.default_rng(0))).all()
    words = np.eye(3, dtype=np.float32)[np.random.default_rng(0).integers(0, 3, 800)]
    both = np.column_stack([z, words])
    made = surrogate(both, np.random.default_rng(0), [*(np.array([j]) for j in range(6)), np.arange(6, 9)])
    assert (made[:, 6:].sum(1) == 1).all()
    assert surrogate(z[:, :1], np.random.default_rng(0)).shape == (800, 1)


def test_cells_that_no_tail_explains_are_replaced() -> None:
    rng = np.random.default_rng(0)
    z = np.column_stack([rng.normal(size=1_000), rng.lognormal(0, 1, 1_000), rng.poisson(0.1, 1_000)])
    calm = replaced(z, rng)
    assert np.array_equal(calm, z)
    z[:5, 0] = 40
    calm = replaced(z, rng)
    assert (calm[:5, 0] < 10).all()
    assert np.array_equal(calm[5:], z[5:])
    assert np.flatnonzero(alone(z)).tolist() == [0, 1, 2, 3, 4]
    assert not alone(calm).any()


@pytest.mark.parametrize("kind", ["gauss", "discrete"])
def test_silence_on_chance(kind: str) -> None:
    rng = np.random.default_rng(3)
    z = {
        "gauss": rng.normal(size=(250, 5)),
        "discrete": rng.poisson(0.3, size=(250, 5)).astype(float),
    }[kind]
    assert not spoken(z.astype(np.float32)).any()


def test_what_chance_does_not_make_has_the_smallest_p_values() -> None:
    z = dependent(400)
    rng = np.random.default_rng(0)
    for row in range(8):
        z[row, rng.integers(6)] += 14 * rng.choice([-1, 1])
    p = p_values(z, fit(z).score_encoded(z), fit)
    assert set(np.argsort(p, kind="stable")[:10]) >= set(range(8)) - {int(np.argmax(p[:8]))}
    assert p[:8].max() < 0.02


def test_few_rows_say_nothing_and_the_same_seed_says_the_same() -> None:
    z = dependent(FEWEST - 1)
    assert (p_values(z, np.arange(len(z)), fit) == 1).all()
    z = dependent(80)
    score = fit(z).score_encoded(z)
    assert np.array_equal(p_values(z, score, fit, 4), p_values(z, score, fit, 4))


def test_another_detector_will_do() -> None:
    z = dependent(300)
    z[:4] += np.array([12, -12, 12, -12, 12, -12], np.float32)

    def train(rows: np.ndarray) -> Autoencoder:
        return Autoencoder(hidden=(8, 2), epochs=30, random_state=0).fit_encoded(rows)  # type: ignore[return-value]

    p = p_values(z, train(z).score_encoded(z), train)
    assert ((p > 0) & (p <= 1)).all()
    assert evident(p)
    assert benjamini_hochberg(p, SURE)[:4].all()


def test_one_rule_for_a_table_that_was_learned_from(tmp_path: Path) -> None:
    """`detect`, and `score` with a saved model, agree on the table; other rows are held against it one by one."""
    z = dependent(120)
    z[:5] += np.array([12, -12, 12, -12, 12, -12], np.float32)
    pl.DataFrame(z, schema=list("abcdef")).write_csv(tmp_path / "t.csv")
    pl.DataFrame(z[::-1], schema=list("abcdef")).write_csv(tmp_path / "other.csv")
    quick = {"parameters": {"epochs": 1, "n_estimators": 1}}
    found, model = amiss.detect(tmp_path / "t.csv", **quick), amiss.fit(tmp_path / "t.csv", **quick)
    model.save(tmp_path / "m.amiss")
    told = {}
    for name in ("t", "other"):
        ran = CliRunner().invoke(main, ["score", str(tmp_path / "m.amiss"), str(tmp_path / f"{name}.csv"), "--json"])
        assert ran.exit_code == 0, ran.output
        told[name] = json.loads(ran.stdout)
    assert found.verdict is not None
    assert told["t"]["verdict"] == json.loads(json.dumps(found.verdict.to_json()))
    assert told["t"]["verdict"]["method"] == "surrogates"
    assert any("very table" in note for note in told["t"]["notes"])
    assert told["other"]["verdict"]["method"] == "tail"
