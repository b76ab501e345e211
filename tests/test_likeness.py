"""Kernels at the labelled anomalies: what they say, and what they are worth."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from sklearn.metrics import average_precision_score

from amiss.default import AnomalyClassifier
from amiss.likeness import GROUPS, SIZE, init_likeness, likeness


def clusters(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two tight clusters of anomalies in a wide cloud, opposite each other: no line parts them from it."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(rows, 4)).astype(np.float32), np.zeros(rows, int)
    y[: rows // 20] = 1
    side = rng.choice([-1.0, 1.0], rows // 20)
    x[: rows // 20] = side[:, None] + 0.1 * x[: rows // 20]
    return x, y


def test_it_knows_what_is_like_the_anomalies() -> None:
    (x, y), (other, truth) = clusters(2000, 0), clusters(2000, 1)
    known = np.where(np.cumsum(y) <= 6, y, 0)
    rows = np.pad(x, ((0, 0), (0, 12)))  # padding says nothing
    buffers = {k: jnp.asarray(v) for k, v in init_likeness(np.random.default_rng(0), rows, known, 8).items()}
    assert buffers["like_anomalies"].shape == (8, 16)
    assert int(buffers["like_there"].sum()) == 6
    assert (np.asarray(likeness(buffers, rows)) == 0).all()
    buffers["like_share"] = jnp.ones(())
    score = np.asarray(likeness(buffers, np.pad(other, ((0, 0), (0, 12)))))
    assert np.isfinite(score).all()
    assert average_precision_score(truth, score) > 0.6
    assert (np.asarray(likeness({}, rows)) == 0).all()


def test_fewer_rows_than_groups_ask_for() -> None:
    x, y = clusters(40, 0)
    buffers = init_likeness(np.random.default_rng(0), x, y, 8)
    assert buffers["like_rows"].shape == (GROUPS * SIZE, 4)


def test_a_handful_of_labels() -> None:
    """Six labelled anomalies teach more with it than without; it is saved with the rest."""
    (x, y), (other, truth) = clusters(1500, 0), clusters(1500, 1)
    known = np.where((y == 1) & (np.cumsum(y) <= 6), 1, -1)
    found = {}
    for loud in (0.0, 20.0):
        model = AnomalyClassifier(n_estimators=2, steps=100, bins=4, likeness=loud, random_state=0).fit(x, known)
        found[loud] = average_precision_score(truth, model.anomaly_score(other))
    assert found[20.0] > found[0.0]
    again = AnomalyClassifier.from_state(*model.to_state())
    z = model.scaler_.transform(other)
    assert np.array_equal(again.score_encoded(z), model.score_encoded(z))
