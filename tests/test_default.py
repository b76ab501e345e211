"""The default without labels and what it is made of: networks blind to folds, the sign of pollution, hard tables."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amiss import AnomalyDetector
from amiss.train import Plan
from amiss.views import critic, edges, ellipsoid, hull, learned, margins, mixture, spaces
from amiss.views.neighbours import nearest, squared, typical
from amiss.views.pollution import pollution

QUICK: dict[str, int] = {"epochs": 10, "random_state": 0}


def ring(rows: int, seed: int) -> np.ndarray:
    """(rows, 8) whose columns follow one hidden angle."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, (rows, 1)) + np.arange(8)[None, :]
    return (np.sin(angle) + 0.05 * rng.normal(size=(rows, 8))).astype(np.float32)


def swapped(rows: np.ndarray) -> np.ndarray:
    """The same values, column by column, in another order: only what goes with what is lost."""
    rng = np.random.default_rng(0)
    return np.stack([rng.permutation(column) for column in rows.T], 1)


def test_critic_sees_columns_that_do_not_go_together() -> None:
    rows, new = ring(1000, 0), ring(300, 1)
    method, fold = critic.method(64), np.arange(1000) % learned.FOLDS
    plan = Plan(epochs=300, batch_size=64, learning_rate=3e-3, schedule="cosine", patience=None, steps=300)
    state, stopped = learned.fit({"critic": ("plain", method)}, {"plain": rows}, fold, 1, plan, 256)
    both = np.concatenate([new, swapped(new)])
    score = learned.score(method, state["critic"], both, np.zeros(600, int), 256)
    assert roc_auc_score(np.arange(600) >= 300, score) > 0.95
    assert stopped == "epochs"
    # members are blind to different folds, so that they differ
    assert not np.array_equal(*(learned.score(method, state["critic"], new, np.full(300, j), 256) for j in range(2)))


def test_default_finds_what_breaks_a_dependency() -> None:
    new = ring(200, 1)
    score = AnomalyDetector(random_state=0).fit(ring(800, 0)).anomaly_score(np.r_[new, swapped(new)])
    assert roc_auc_score(np.arange(400) >= 200, score) > 0.98


def test_hidden_anomalies_are_found_among_the_rows_learned_from() -> None:
    rng = np.random.default_rng(0)
    rows = np.r_[rng.normal(size=(950, 6)), 0.3 * rng.normal(size=(50, 6)) + 3]
    score = AnomalyDetector(**QUICK).fit(rows).anomaly_score(rows)
    assert roc_auc_score(np.arange(1000) >= 950, score) > 0.95


def test_sign_of_pollution() -> None:
    """A group hidden among the strangest rows is seen; scattered rows and a heavy tail are not taken for one."""
    rng = np.random.default_rng(0)

    def sign(rows: np.ndarray) -> float:
        rows = rows.astype(np.float32)
        apart = np.sort(np.linalg.norm(rows[:, None] - rows[None], axis=2), 1)[:, 1:6].mean(1)
        return pollution(rows, np.argsort(np.linalg.norm(rows - np.median(rows, 0), axis=1)), apart)

    clean = rng.normal(size=(1000, 6))
    assert sign(clean) == 0
    assert sign(np.r_[clean, 0.3 * rng.normal(size=(30, 6)) + 4]) == 1
    assert sign(np.r_[clean, 4 * rng.normal(size=(30, 6))]) == 0
    assert sign(rng.standard_t(2, size=(1000, 6))) == 0
    few = rng.normal(size=(74, 4))
    assert sign(few) == 0
    assert sign(np.r_[few, rng.normal(size=(6, 4)) + 4]) == 1


@pytest.mark.parametrize(("rows", "columns"), [(200, 5), (100, 80), (40, 700)])
def test_rows_of_the_bulk_are_measured_without_themselves(rows: int, columns: int) -> None:
    rng = np.random.default_rng(0)
    both = rng.normal(size=(2 * rows, columns)) @ rng.normal(size=(columns, columns)) / np.sqrt(columns)
    state = ellipsoid.fit(both[:rows], rng)
    known, new = (ellipsoid.score(state, b, np.full(rows, i)) for b, i in ((both[:rows], True), (both[rows:], False)))
    assert 0.7 < np.median(known) / np.median(new) < 1.4


def test_what_is_far_for_most_rows_stays_far_beside_a_long_tail() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 3))
    rows[:10, 0] *= 30  # its deviation is that of the tail
    rows[100:, 2] = 0  # most rows share a value: how many do is not how far apart they lie
    rows = (rows / rows.std(0)).astype(np.float32)
    state = spaces.fit(rows, rng)
    inner = spaces.apply(state, np.r_[rows, rows.max(0, keepdims=True)])["inner"]
    low, high = np.quantile(inner[:500], (0.1, 0.9), axis=0)
    np.testing.assert_allclose((high - low)[1] / (high - low)[0], 1, atol=0.01)
    np.testing.assert_array_equal(inner[:500, 2], rows[:, 2])
    np.testing.assert_array_equal(inner[:500], spaces.apply(state, rows[:500])["inner"])


def test_rows_learned_from_are_not_their_own_neighbours() -> None:
    """Scored again, they are as strange as the fit said, and as others like them."""
    rows = np.random.default_rng(0).normal(size=(600, 4))
    model = AnomalyDetector(**QUICK).fit(rows[:300])
    again = model.anomaly_score(rows[:300])
    np.testing.assert_allclose(again[model.honest_[0]], model.honest_[1], rtol=1e-4)
    assert 0.4 < roc_auc_score(np.arange(600) < 300, np.r_[again, model.anomaly_score(rows[300:])]) < 0.6


def test_typical_distance_is_the_mean_of_the_nearest() -> None:
    rng = np.random.default_rng(0)
    squares, twin = rng.random((30, 50), np.float32), np.arange(30) % 2 == 0
    for count in (5, 49):
        np.testing.assert_allclose(typical(squares, count, twin), nearest(squares, count, twin)[0].mean(1), rtol=1e-6)


def test_hull_is_near_to_what_lies_on_the_surface_of_its_neighbours() -> None:
    """Beside a surface a row is as near to others as they are to each other, yet far from their hull."""
    rows, new = ring(400, 0), ring(100, 1)
    off = np.linalg.svd(rows - rows.mean(0))[2][-1].astype(np.float32) * 0.3  # across the plane of the ring
    found = []
    for some in (new, new + off):
        index = nearest(squared(some, rows), 20, np.zeros(len(some), bool))[1]
        found.append(hull.score(some, rows, index))
    assert np.median(found[1]) > 2 * np.median(found[0])
    np.testing.assert_allclose(found[1][:7], hull.score((new + off)[:7], rows, index[:7]), rtol=1e-4)
    alone = hull.score(rows[:3], rows, np.array([[9], [9], [9]]))  # a single neighbour has no hull: the distance to it
    np.testing.assert_allclose(alone, np.linalg.norm(rows[:3] - rows[9], axis=1), rtol=1e-5)


def test_nearest_of_many_references_are_exact() -> None:
    squares = np.random.default_rng(0).random((20, 1003), np.float32).round(2)  # with ties; some fill no group
    distances, index = nearest(squares, 5, np.zeros(20, bool))
    np.testing.assert_array_equal(np.square(distances).round(2), np.sort(squares, axis=1)[:, :5])
    np.testing.assert_array_equal(np.take_along_axis(squares, index, 1), np.square(distances).round(2))
    distances, index = nearest(np.zeros((7, 2000), np.float32), 5, np.ones(7, bool))
    assert (distances == 0).all()
    assert all(len(set(row)) == 5 for row in index.tolist())


def test_rounding_leaves_no_distance_undefined() -> None:
    rows = 1e3 + np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)
    twin = np.ones(300, bool)
    squares = squared(rows, rows)
    assert (squares < 0).any()
    assert np.isfinite(nearest(squares, 20, twin)[0]).all()
    assert np.isfinite(typical(squares, 20, twin)).all()


def test_margins() -> None:
    ordered = margins.fit(np.random.default_rng(0).normal(size=(500, 3)))
    score = margins.score(ordered, np.array([[0, 0, 0], [0, 0, 4], [4, -4, 4]], float))
    assert 0 < score[0] < score[1] < score[2]


def test_one_cell_beyond_its_column_speaks_the_louder_the_further_out() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(500, 40))
    state, new = edges.fit(rows), np.zeros((4, 40))
    new[1, 7], new[2, 7], new[3, :20] = 5, -20, 1
    score = edges.score(state, new, np.zeros(4, bool))
    assert score[0] < score[3] < score[1] < score[2]
    # a training row is held against the others: as strange as a new one
    known = edges.score(state, rows, np.ones(500, bool))
    fresh = edges.score(state, rng.normal(size=(500, 40)), np.zeros(500, bool))
    assert 0.9 < known.mean() / fresh.mean() < 1.1


def test_what_has_to_be_learned_is_louder_where_there_are_more_rows() -> None:
    few, many, polluted = mixture._weights(100, 1.0), mixture._weights(4_000, 1.0), mixture._weights(4_000, 0.0)
    assert few[0] < many[0]
    assert few[1] > many[1]
    assert polluted.tolist() == [0, 0, 1]
    assert np.allclose([few.sum(), many.sum()], 1)


@pytest.mark.parametrize(
    "rows",
    [
        np.random.default_rng(0).normal(size=(2, 3)),
        np.random.default_rng(0).normal(size=(20, 40)),
        np.ones((50, 3)),
        np.r_[np.zeros(99), 1.0][:, None],
        np.repeat(np.random.default_rng(0).normal(size=(20, 3)), 100, axis=0),
        np.random.default_rng(0).standard_cauchy((300, 4)),
        (np.random.default_rng(0).random((300, 5)) < 0.3).astype(float),
    ],
    ids=["two rows", "more columns than rows", "all equal", "one value and an outlier", "repeated", "Cauchy", "binary"],
)
def test_hard_tables_get_an_answer(rows: np.ndarray) -> None:
    detector = AnomalyDetector(**QUICK).fit(rows)
    score = detector.anomaly_score(rows)
    assert np.isfinite(score).all()
    alone = np.concatenate([detector.anomaly_score(row[None]) for row in rows[:5]])
    assert np.allclose(alone, score[:5], rtol=1e-5)
    if rows.shape == (100, 1):
        assert score.argmax() == 99
