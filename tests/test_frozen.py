"""The network that is solved for: what it says, and where the classifier listens to it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from amiss.default import AnomalyClassifier
from amiss.frozen import UNITS, frozen, init_frozen
from amiss.handful import FEW


def planted(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, 6)).astype(np.float32), (np.arange(rows) < rows // 20).astype(int)
    x[:, 0] += 1.5 * y
    x[:, 1] += 1.5 * y
    return x, y


def test_score_has_its_unit_and_parts_the_kinds() -> None:
    x, y = planted(2000, 0)
    known = np.where(np.cumsum(y) <= 8, y, 0)
    rows = np.concatenate([x, np.ones((2000, 2), np.float32)], 1)  # padding says nothing, and breaks nothing
    buffers = init_frozen(np.random.default_rng(0), rows, known, 6, lambda seen: seen)
    assert buffers["frozen_hidden"].shape == (8, UNITS)
    assert (buffers["frozen_hidden"][6:] == 0).all()
    assert (np.asarray(frozen(buffers, rows)) == 0).all()
    buffers["frozen_share"] = np.ones((), np.float32)
    score = np.asarray(frozen(buffers, rows))
    assert score.mean() == pytest.approx(0, abs=1e-3)
    assert score.std() == pytest.approx(1, abs=1e-3)
    other, truth = planted(2000, 1)
    score = np.asarray(frozen(buffers, np.concatenate([other, np.ones((2000, 2), np.float32)], 1)))
    assert average_precision_score(truth, score) > 0.35


def test_a_handful_of_labels() -> None:
    """Five labelled anomalies teach more with it than without; it is saved with the rest."""
    (x, y), (other, truth) = planted(1500, 0), planted(1500, 1)
    known = np.where((y == 1) & (np.cumsum(y) <= 5), 1, -1)
    found = {}
    for loud in (0.0, 8.0):
        model = AnomalyClassifier(n_estimators=2, steps=100, bins=4, frozen=loud, random_state=0).fit(x, known)
        found[loud] = average_precision_score(truth, model.anomaly_score(other))
    assert found[8.0] > found[0.0]
    state, arrays = model.to_state()
    again = AnomalyClassifier.from_state(state, arrays)
    z = model.scaler_.transform(other)
    assert np.array_equal(again.score_encoded(z), model.score_encoded(z))


def test_with_many_labels_it_is_not_made() -> None:
    x, y = planted(2000, 0)
    assert y.sum() > FEW
    model = AnomalyClassifier(n_estimators=1, steps=5, hidden=(8,), bins=4, random_state=0).fit(x, y)
    assert "frozen_share" not in model.members_["buffers"]
