"""Folds that hold both kinds, groups and times on one side, and scikit-learn's own searches over our estimators."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import average_precision_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import amiss
from amiss import AnomalyKFold, anomaly_scorer
from amiss.errors import LabelError, OptionError
from amiss.splits import folds


def case(rows: int = 120, anomalies: int = 9) -> tuple[np.ndarray, np.ndarray]:
    """Rows sorted by label, as tables often are; the anomalies lie outside."""
    rng = np.random.default_rng(0)
    y = (np.arange(rows) >= rows - anomalies).astype(np.int8)
    return rng.normal(size=(rows, 4)) + 4 * y[:, None], y


def test_held_out_parts_hold_both_kinds() -> None:
    _, y = case()
    y[::7] = -1
    for seed in range(5):
        found = folds(y, 4, seed)
        assert np.array_equal(np.sort(np.concatenate([held for _, held in found])), np.arange(len(y)))
        for rows, held in found:
            assert not set(rows) & set(held)
            assert {0, 1} <= set(y[held])


def test_groups_stay_together() -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 30, 300)
    y = (rng.random(300) < 0.2).astype(int)
    for rows, held in folds(y, 3, groups=groups):
        assert not set(groups[rows]) & set(groups[held])
    with pytest.raises(LabelError, match="too few groups"):
        folds((groups == 3).astype(int), 3, groups=groups)


def test_time_goes_forward() -> None:
    rng = np.random.default_rng(0)
    times, y = rng.permutation(300).astype(float) // 3, (rng.random(300) < 0.2).astype(int)
    found = folds(y, 4, times=times)
    assert len(found) == 4
    assert all(times[rows].max() < times[held].min() for rows, held in found)
    with pytest.raises(LabelError, match="not spread over time"):
        folds((times < 10).astype(int), 4, times=times)
    with pytest.raises(LabelError, match="no time"):
        folds(y, 4, times=np.where(times == 7, np.nan, times))


def test_too_few_for_the_folds() -> None:
    _, y = case(anomalies=3)
    for wrong in (lambda: folds(y, 4), lambda: next(AnomalyKFold(4).split(y, y))):
        with pytest.raises(LabelError, match=r"too few(.|\n)*at least 4, one for each fold(.|\n)*3"):
            wrong()
    with pytest.raises(OptionError):
        folds(y, 1)


def test_cross_validation_of_an_outlier_detector() -> None:
    """Of sorted rows, scikit-learn's own folds hold one kind only."""
    x, y = case()
    detector = amiss.AnomalyDetector(random_state=0)
    cv = AnomalyKFold(3, random_state=0)
    found = cross_val_score(detector, x, y, cv=cv, scoring=anomaly_scorer("roc_auc"), error_score="raise")
    assert (found > 0.95).all()
    piped = cross_val_score(
        make_pipeline(StandardScaler(), clone(detector)), x, y, cv=cv, scoring=anomaly_scorer(), error_score="raise"
    )
    assert (piped > 0.8).all()
    rows, held = next(cv.split(x, y))
    score = clone(detector).fit(x[rows]).anomaly_score(x[held])
    y[held[0]] = -1
    known = y[held] >= 0
    expected = average_precision_score(y[held][known], score[known])
    assert anomaly_scorer()(clone(detector).fit(x[rows]), x[held], y[held]) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["Autoencoder", "FeedForward"])
def test_grid_search(kind: str) -> None:
    x, y = case()
    estimator = getattr(amiss.detectors, kind)(n_estimators=1, epochs=8, random_state=0)
    grid = {"learning_rate": [1e-5, 1e-2]}
    found = GridSearchCV(estimator, grid, cv=AnomalyKFold(2), scoring=anomaly_scorer(), error_score="raise").fit(x, y)
    assert found.best_score_ > 0.5
    assert found.best_estimator_.anomaly_score(x).shape == (120,)


def test_unlabelled_or_no_labels() -> None:
    x, y = case()
    y[:40] = -1
    assert all((y[held] == 1).sum() == 3 for _, held in AnomalyKFold(3, random_state=1).split(x, y))
    assert len(list(AnomalyKFold(3).split(x))) == AnomalyKFold(3).get_n_splits() == 3
    with pytest.raises(OptionError, match="no such metric"):
        anomaly_scorer("accuracy")
