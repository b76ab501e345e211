"""Probabilities: beside the truth on rows that were not learned from, rising with the score, exact through a file."""

from __future__ import annotations

import numpy as np
import pytest

import amiss
from amiss.calibrate import FEWEST, Calibration
from amiss.errors import ModelFileError


def case(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels and the true probability: log-odds that are twice too steep."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-2, 1.5, rows)
    chance = 1 / (1 + np.exp(-log_odds))
    return 2 * log_odds + 3, (rng.random(rows) < chance).astype(np.int8), chance


def step(score: np.ndarray) -> np.ndarray:
    """A distortion that no logistic curve undoes."""
    return np.where(score > 0, score * 20 + 50, score / 10)


def test_platt_undoes_a_wrong_slope() -> None:
    found = Calibration.learn(*case(4000)[:2])
    assert found is not None
    score, _, chance = case(5000, 1)
    assert found.method == "platt"
    assert np.abs(found.probability(score) - chance).max() < 0.06


def test_isotonic_where_the_curve_is_no_logistic_one() -> None:
    score, y, _ = case(4000)
    found = Calibration.learn(step(score), y)
    assert found is not None
    assert found.method == "isotonic"
    assert found.loss["isotonic"] < found.loss["platt"]
    other, _, chance = case(5000, 1)
    assert np.abs(found.probability(step(other)) - chance).mean() < 0.03


@pytest.mark.parametrize(("rows", "seed"), [(60, 0), (60, 1), (400, 2), (400, 3), (4000, 4)])
def test_log_odds_that_are_right_stay_as_they_are(rows: int, seed: int) -> None:
    score, y, chance = case(rows, seed)
    right = (score - 3) / 2
    found = Calibration.learn(right, y, log_odds=True)
    assert found is not None
    assert found.loss.keys() == {"as is", "platt", "isotonic"}
    assert found.method == "as is"
    assert np.allclose(found.probability(right), chance)
    assert np.array_equal(Calibration.from_json(found.to_json()).probability(right), found.probability(right))


def test_log_odds_that_are_wrong_do_not() -> None:
    score, y, _ = case(2000)
    found = Calibration.learn(score, y, log_odds=True)
    assert found is not None
    assert found.method == "platt"
    assert found.loss["platt"] < found.loss["as is"]


@pytest.mark.parametrize("rows", [80, 4000])
def test_probabilities_keep_the_order_of_scores(rows: int) -> None:
    score, y, _ = case(rows)
    for values in (score, step(score), np.round(score)):
        found = Calibration.learn(values, y)
        assert found is not None
        grid = np.unique(np.concatenate([values, np.linspace(values.min() - 9, values.max() + 9, 999)]))
        assert (np.diff(found.to_log_odds(grid)) > 0).all()
        assert ((found.probability(grid) > 0) & (found.probability(grid) < 1)).all()


def test_too_few_labels_teach_no_probability() -> None:
    score, y, _ = case(300)
    few = np.where((y == 1) & (np.cumsum(y == 1) >= FEWEST), -1, y)
    assert Calibration.learn(score, few) is None
    assert Calibration.learn(score, None) is None


def test_to_json_and_back() -> None:
    score, y, _ = case(500)
    for values in (score, step(score)):
        found = Calibration.learn(values, y)
        assert found is not None
        again = Calibration.from_json(found.to_json())
        assert np.array_equal(again.probability(values), found.probability(values))
    for damaged in (None, {}, {**found.to_json(), "scores": [2.0, 1.0]}, {**found.to_json(), "slope": "x"}):
        with pytest.raises(ModelFileError, match="calibration is damaged"):
            Calibration.from_json(damaged)


def test_a_classifier_s_probabilities_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(1200, 5))
    chance = 1 / (1 + np.exp(1.5 - 1.5 * x[:, 0]))
    y = (rng.random(1200) < chance).astype(int)
    kind = amiss.detectors.FeedForward(epochs=60, learning_rate=0.01, dropout=0.0, random_state=0)
    fitted = kind.fit(x[:800], y[:800])
    told, score = fitted.predict_proba(x[800:])[:, 1], fitted.anomaly_score(x[800:])
    gap = (told - chance[800:]) ** 2 - (1 / (1 + np.exp(-score)) - chance[800:]) ** 2
    assert gap.mean() <= 2 * gap.std() / np.sqrt(len(gap))  # than its own log-odds it is no worse
    assert told.mean() == pytest.approx(chance[800:].mean(), abs=0.05)
    assert ((told - chance[800:]) ** 2).mean() < 0.3 * chance[800:].var()
    order = np.argsort(score, kind="stable")
    assert (np.diff(fitted.decision_function(x[800:])[order]) >= 0).all()
    assert np.array_equal(fitted.predict(x[800:]), (told > 0.5).astype(int))
