"""Measures beside scikit-learn's, and what chance gives beside a simulation."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn import metrics

from amiss.errors import LabelError
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
