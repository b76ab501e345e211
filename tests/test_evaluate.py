"""Measures beside scikit-learn's, and what chance gives beside a simulation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics

from amiss.errors import LabelError, OptionError
from amiss.evaluate import best_f1_threshold, evaluate


def case(rows: int = 500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = (rng.random(rows) < 0.15).astype(np.int8)
    score = y + rng.normal(0, 0.7, rows).round(1)  # with ties
    return y, score, score > 0.8


def test_numbers_are_scikit_learns() -> None:
    y, score, flagged = case()
    found = evaluate(y, score, flagged)
    assert found["roc_auc"] == metrics.roc_auc_score(y, score)
    assert found["average_precision"] == metrics.average_precision_score(y, score)
    for name in ("accuracy", "balanced_accuracy", "precision", "recall", "f1"):
        assert found[name] == pytest.approx(getattr(metrics, f"{name}_score")(y, flagged), abs=1e-12), name
    assert found["confusion_matrix"] == metrics.confusion_matrix(y, flagged).tolist()
    assert found["classification_report"]["anomaly"]["recall"] == found["recall"]
    assert (found["rows"], found["anomalies"], found["flagged"]) == (500, y.sum(), flagged.sum())
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_chance_is_what_random_verdicts_reach() -> None:
    y, _, flagged = case(4000)
    rng = np.random.default_rng(1)
    chance = evaluate(y, np.zeros(len(y)), flagged)["chance"]
    drawn = []
    for _ in range(60):
        order = rng.permutation(len(y))
        drawn.append(evaluate(y, rng.random(len(y)), flagged[order]))
    for name, level in chance.items():
        assert np.mean([d[name] for d in drawn]) == pytest.approx(level, abs=0.01), name


def test_measures_of_the_top() -> None:
    y, score, flagged = case()
    found = evaluate(y, score, flagged, k=20, alert_rate=0.1)
    rng, tops = np.random.default_rng(0), []
    for _ in range(400):  # ties in random order
        order = np.lexsort([rng.random(500), -score])
        tops.append((y[order[:20]].mean(), y[order[:50]].sum() / y.sum()))
    assert (found["k"], found["alert_rate"]) == (20, 0.1)
    assert [found["precision_at_k"], found["recall_at_rate"]] == pytest.approx(np.mean(tops, 0), abs=0.01)
    assert evaluate(y, np.zeros(500), flagged)["precision_at_k"] == pytest.approx(y.mean())
    for wrong in ({"k": 0}, {"alert_rate": 0.0}, {"alert_rate": 2}):
        with pytest.raises(OptionError, match="out of range"):
            evaluate(y, score, flagged, **wrong)


def test_brier_and_calibration() -> None:
    y, score, flagged = case()
    chance = 1 / (1 + np.exp(-score))
    found = evaluate(y, score, flagged, chance)
    assert found["brier"] == pytest.approx(metrics.brier_score_loss(y, chance))
    assert found["chance"]["brier"] == pytest.approx(y.mean() * (1 - y.mean()))
    curve = found["calibration"]
    assert sum(curve["rows"]) == 500
    assert np.average(curve["observed"], weights=curve["rows"]) == pytest.approx(y.mean())
    assert np.average(curve["predicted"], weights=curve["rows"]) == pytest.approx(chance.mean())
    assert "brier" not in evaluate(y, score, flagged)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    y, score, _ = case(100_000)
    rng, held = np.random.default_rng(1), []
    truth = evaluate(y, score, score > 0.8)
    for _ in range(120):
        rows = rng.integers(len(y), size=400)
        found = evaluate(y[rows], score[rows], score[rows] > 0.8)
        held.append([low <= truth[n] <= high for n, (low, high) in found["interval"].items()])
        assert all(low <= found[n] <= high for n, (low, high) in found["interval"].items())
    assert np.mean(held, 0).min() > 0.85


def test_many_rows_cost_little() -> None:
    """A million rows share cells; the interval is what it would be without."""
    y, score, flagged = case(30_000)
    found = evaluate(y, score, flagged)["interval"]["average_precision"]
    rng, drawn = np.random.default_rng(0), []
    for _ in range(60):
        rows = rng.integers(len(y), size=len(y))
        drawn.append(metrics.average_precision_score(y[rows], score[rows]))
    assert found == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.006)


def test_unlabelled_rows_are_left_out() -> None:
    y, score, flagged = case()
    known = np.arange(500) % 3 > 0
    assert evaluate(np.where(known, y, -1), score, flagged) == evaluate(y[known], score[known], flagged[known])


def test_nothing_flagged_and_everything_flagged() -> None:
    y, score, _ = case()
    none, everything = evaluate(y, score, np.zeros(500, bool)), evaluate(y, score, np.ones(500, bool))
    assert (none["precision"], none["recall"], none["f1"]) == (0, 0, 0)
    assert everything["recall"] == 1
    assert everything["precision"] == pytest.approx(y.mean())
    assert everything["chance"]["f1"] == pytest.approx(everything["f1"])


@pytest.mark.parametrize("y", [np.zeros(9, int), np.ones(9, int), np.full(9, -1), np.array([1, -1, 1])])
def test_labels_of_one_kind(y: np.ndarray) -> None:
    with pytest.raises(LabelError, match="labels of both kinds"):
        evaluate(y, np.arange(float(len(y))), np.zeros(len(y), bool))


def test_best_threshold() -> None:
    y = np.array([0, 0, 1, 1, -1])
    assert best_f1_threshold(y, np.array([0.1, 0.2, 0.8, 0.9, 0.7])) == 0.8
