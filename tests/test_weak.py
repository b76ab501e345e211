"""Weakly supervised methods: a few labels must mean something, and mean it the right way round.

A published library once passed DevNet's labels where the data belonged, and nothing noticed: its test's anomalies lay
far out, where any network scores high. Here the planted anomalies lie in the middle of the other rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from jax import random
from sklearn.metrics import average_precision_score, roc_auc_score

from amiss import detectors
from amiss.errors import LabelError
from amiss.sampling import pad_columns

WEAK = [name for name, entry in detectors.DETECTORS.items() if "weakly supervised" in entry.settings]


def planted(rows: int = 1500, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two columns agree in ordinary rows and differ in sign in anomalies; single columns show nothing."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 6))
    y = (np.arange(rows) < rows // 15).astype(int)
    x[:, 1] = np.where(y == 1, -1, 1) * x[:, 0] + 0.1 * rng.normal(size=rows)
    x[:, 0] += np.sign(x[:, 0])
    x[:, 1] += np.sign(x[:, 1])
    return x, y


def few(y: np.ndarray, count: int) -> np.ndarray:
    known = np.full(len(y), -1)
    known[np.flatnonzero(y == 1)[:count]] = 1
    return known


def weak(name: str, **more: int) -> Any:
    return detectors.find(name)(n_estimators=2, steps=400, random_state=0, **more)


@pytest.mark.parametrize("name", WEAK)
def test_few_labels_put_their_kind_on_top(name: str) -> None:
    (x, y), (other, truth) = planted(), planted(seed=1)
    score = weak(name).fit(x, few(y, 30)).anomaly_score(other)
    assert average_precision_score(truth, score) > 0.8


@pytest.mark.parametrize("name", WEAK)
def test_flipped_labels_do_not(name: str) -> None:
    """Ordinary rows labelled anomalies: what was on top is at the bottom."""
    (x, y), (other, truth) = planted(), planted(seed=1)
    assert roc_auc_score(truth, weak(name).fit(x, 1 - y).anomaly_score(other)) < 0.2


@pytest.mark.parametrize("name", WEAK)
def test_loss_is_the_right_way_round(name: str) -> None:
    """A row's loss falls where it scores high as an anomaly, and where it scores low as any other row."""
    x, y = planted(256)
    detector = weak(name).fit(x, y)
    method, z = detector.method(), pad_columns(detector.scaler_.transform(x))
    params = method.init(np.random.default_rng(0), {"x": z, "y": y.astype(np.float32)}, 6)
    trained = type(params)(*({k: v[0] for k, v in part.items()} for part in detector.members_.values()))
    order = np.argsort(np.asarray(method.score(trained, z)))
    bottom, top = z[order[:8]], z[order[-8:]]
    for labels, better, worse in ((np.ones(8), top, bottom), (np.zeros(8), bottom, top), (-np.ones(8), bottom, top)):
        losses = [
            float(method.loss(trained, {"x": rows, "y": labels.astype(np.float32)}, random.key(0)).mean())
            for rows in (better, worse)
        ]
        assert losses[0] < losses[1]


@pytest.mark.parametrize("name", WEAK)
def test_unlabelled_and_labels_of_two_kinds(name: str) -> None:
    x, y = planted(300)
    detector = weak(name).fit(x, few(y, 10))
    assert detector.classes_.tolist() == [-1, 1]
    assert set(detector.predict(x)) <= {-1, 1}
    with pytest.raises(LabelError, match="1 class"):
        weak(name).fit(x, np.full(300, -1))
    with pytest.raises(LabelError, match="labelled anomalies"):
        weak(name).fit_encoded(x.astype(np.float32), np.zeros(300, np.int8))


def test_known_normal_rows_weigh_in_deep_sad() -> None:
    x, y = planted(300)
    known = few(y, 10)
    marked = np.where((known == -1) & (np.arange(300) > 200), 0, known)
    scores = [weak("DeepSAD", eta=eta).fit(x, marked).anomaly_score(x) for eta in (1, 20)]
    assert not np.array_equal(*scores)
    assert np.array_equal(weak("DeepSAD", eta=1).fit(x, np.maximum(known, 0)).anomaly_score(x), scores[0])


def test_class_weights_move_the_boundary() -> None:
    """Also where every row is learned by heart, so that weights in the loss change no score's sign."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 4)), np.arange(100) % 2
    flagged = [
        detectors.DevNet(n_estimators=1, hidden=(32,), epochs=300, learning_rate=0.02, class_weight=w, random_state=0)
        .fit(x, y).predict(x).mean()
        for w in ({0: 1000, 1: 1}, None, {0: 1, 1: 1000})
    ]  # fmt: skip
    assert flagged[0] < 0.1 < flagged[1] < 0.9 < flagged[2]
