"""Remedies for imbalance: each does what its name says, to the training rows alone."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from amiss.default import AnomalyClassifier
from amiss.detectors.feedforward import FeedForward
from amiss.errors import MissingExtraError, OptionError
from amiss.imbalance import NAMES, smote
from amiss.sampling import oversampled, undersampled


def rows(count: int = 900, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = (np.arange(count) < count // 18).astype(int)
    x = rng.normal(size=(count, 4))
    x[y == 1, :2] += 2
    return x, y


def quick(**more: Any) -> FeedForward:
    settings = {"n_estimators": 2, "steps": 120, "random_state": 0, "hidden": (16,), "average": 0.9, "bins": 4}
    return FeedForward(**settings | more)


@pytest.mark.parametrize("name", NAMES)
def test_every_remedy_learns(name: str) -> None:
    if name == "smote":
        pytest.importorskip("imblearn")
    (x, y), (other, truth) = rows(), rows(seed=1)
    fitted = quick(imbalance=name).fit(x, y)
    assert average_precision_score(truth, fitted.anomaly_score(other)) > 0.55
    assert fitted.imbalance_ in NAMES
    assert fitted.imbalance_ != "auto"
    if name not in ("none", "auto"):
        assert not np.array_equal(fitted.anomaly_score(other), quick().fit(x, y).anomaly_score(other))


def test_samplers_level_the_kinds() -> None:
    _, y = rows()
    for sampler, count in ((oversampled, 850), (undersampled, 50)):
        index, weight = sampler(np.random.default_rng(0), {"y": y}, np.arange(900), 32)
        drawn = y[index[weight > 0]]
        assert (drawn == 1).sum() == (drawn == 0).sum() == count
    for same in (np.zeros(9, int), np.ones(9, int)):
        for sampler in (oversampled, undersampled):
            index, weight = sampler(np.random.default_rng(0), {"y": same}, np.arange(9), 4)
            assert sorted(index[weight > 0]) == list(range(9))


def test_smote_makes_anomalies_between_anomalies() -> None:
    pytest.importorskip("imblearn")
    x, y = rows()
    made = smote(x, y, 0)
    assert made.shape == (800, 4)
    assert (made.min(0) >= x[y == 1].min(0) - 1e-6).all()
    assert (made.max(0) <= x[y == 1].max(0) + 1e-6).all()
    assert len(smote(x, (np.arange(900) == 3).astype(int), 0)) == 0


def test_smote_sees_a_members_own_rows_only() -> None:
    """Made-up rows lie between training rows of the member that learns from them, never near those it holds out."""
    pytest.importorskip("imblearn")
    x, y = rows()
    detector = quick(imbalance="smote")
    data = {"x": x.astype(np.float32), "y": y.astype(np.float32), "sample_weight": np.ones(900, np.float32)}
    splits = detector._splits(np.arange(900), y, np.random.default_rng(0))
    more, own = detector._resampled(data, splits, 0)
    assert {len(array) for array in more.values()} == {
        900 + sum(len(a) - len(b) for (a, _), (b, _) in zip(own, splits))
    }
    for (learned, held), (plain, out) in zip(own, splits):
        assert np.array_equal(held, out)
        assert np.array_equal(learned[: len(plain)], plain)
        assert (more["y"][learned[len(plain) :]] == 1).all()


def test_smote_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imblearn.over_sampling", None)
    with pytest.raises(MissingExtraError, match=r"amiss\[imbalance\]"):
        quick(imbalance="smote").fit(*rows(200))


def test_regularisation_changes_what_is_learned() -> None:
    x, y = rows(300)
    plain = quick().fit(x, y).anomaly_score(x)
    for changed in (
        {"dropout": 0.5},
        {"weight_decay": 1.0},
        {"label_smoothing": 0.2},
        {"mixup": 1.0},
        {"patience": None},
    ):
        assert not np.array_equal(quick(**changed).fit(x, y).anomaly_score(x), plain)


@pytest.mark.parametrize(
    "wrong", [{"imbalance": "smoke"}, {"label_smoothing": 1.0}, {"mixup": -1.0}, {"stopping": "x"}]
)
def test_parameters_out_of_range(wrong: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        quick(**wrong).fit(*rows(100))


def test_few_labels_take_the_unlabelled_for_normal() -> None:
    (x, y), (other, truth) = rows(), rows(seed=1)
    known = np.where(np.cumsum(y) <= 10, y, 0) * 2 - 1
    fitted = AnomalyClassifier(n_estimators=2, random_state=0, steps=128).fit(x, known)
    assert average_precision_score(truth, fitted.anomaly_score(other)) > 0.5
    known[800:] = 0
    left_out = AnomalyClassifier(n_estimators=2, random_state=0, unlabelled="left out", steps=64).fit(x, known)
    alone = AnomalyClassifier(n_estimators=2, random_state=0, steps=64).fit_encoded(
        left_out.scaler_.transform(x[known >= 0]), known[known >= 0]
    )
    assert np.array_equal(left_out.anomaly_score(other), alone.score_encoded(left_out.scaler_.transform(other)))
    with pytest.raises(OptionError, match="unlabelled"):
        AnomalyClassifier(unlabelled="x").fit(x, known)


def test_members_cut_the_same_number_of_columns() -> None:
    """Columns with a rare third value are cut by some members' rows and not by others'."""
    rng = np.random.default_rng(0)
    x = (rng.random((400, 40)) < 0.5).astype(float)
    x[rng.random(x.shape) < 0.004] = 2
    y = (np.arange(400) < 40).astype(int)
    detector = FeedForward(random_state=0, n_estimators=4, steps=8, bins=64).fit(x, y)
    assert np.isfinite(detector.anomaly_score(x)).all()
