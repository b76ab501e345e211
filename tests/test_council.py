"""How loud several kinds of classifier speak, and that the default with labels is the sum of what they say."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from amiss import AnomalyClassifier
from amiss.council import _average_precisions, shares
from amiss.crossfit import Recipe
from amiss.detectors import NCA
from amiss.handful import FEW
from amiss.reading import read
from amiss.table import Table


def rows(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Every tenth row is an anomaly: it lies in one of six small clusters among the others."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(count, 3)), (np.arange(count) % 10 == 0).astype(int)
    middles = np.random.default_rng(9).normal(size=(6, 3))
    x[y == 1] = middles[rng.integers(6, size=int(y.sum()))] + 0.05 * rng.normal(size=(int(y.sum()), 3))
    return x, y


def quick(**parameters: object) -> AnomalyClassifier:
    return AnomalyClassifier(
        **{"n_estimators": 2, "validation_fraction": 0.5, "steps": 64, "random_state": 0} | parameters
    )


@pytest.fixture(scope="module")
def fitted() -> AnomalyClassifier:
    return quick().fit(*rows(1000))


def test_the_kind_that_is_right_is_heard() -> None:
    y = (np.arange(400) % 4 == 0).astype(int)
    noise = np.random.default_rng(0).normal(size=(3, 400))
    share = shares(np.stack([noise[0], noise[1] + 3 * y, noise[2] - y]), y)
    assert share[1] > 0.8
    assert share.sum() == pytest.approx(1)
    both = shares(np.stack([noise[0] + y, noise[1] + y, noise[2]]), y)
    assert both[0] > 0.2
    assert both[1] > 0.2
    assert both[2] < 0.2


def test_kinds_that_rank_alike_share_alike() -> None:
    y = np.array([0, 1] * 20)
    assert shares(np.stack([y, y, y]).astype(float), y) == pytest.approx(np.full(3, 1 / 3))


def test_average_precision_of_draws_is_that_of_the_rows_drawn() -> None:
    rng = np.random.default_rng(0)
    score, y, drawn = rng.normal(size=60), rng.integers(2, size=60), rng.integers(1, 4, size=(2, 60))
    found = _average_precisions(score, y, np.concatenate([drawn, np.ones((1, 60), int)]))
    assert found[2] == pytest.approx(average_precision_score(y, score))
    assert found[:2] == pytest.approx([average_precision_score(y, score, sample_weight=d) for d in drawn], abs=0.02)


def test_the_others_speak_where_there_are_anomalies_enough(fitted: AnomalyClassifier) -> None:
    assert fitted.members_["kinds"]
    asked, truth = rows(500, seed=1)
    alone = quick(others=False).fit(*rows(1000))
    assert "kinds" not in alone.members_
    assert average_precision_score(truth, fitted.anomaly_score(asked)) > average_precision_score(
        truth, alone.anomaly_score(asked)
    )
    assert "kinds" not in quick(steps=2).fit(*rows(10 * FEW)).members_, "a handful is the first kind's"


def test_rows_of_a_small_table_are_held_out_twice_in_other_parts() -> None:
    y = (np.arange(103) % 4 == 0).astype(int)
    kind = quick()._kinds(3, rounds=2)["bare"]
    assert kind.n_estimators == 4
    kind = quick(n_estimators=8, validation_fraction=0.125)._kinds(3, rounds=2)["near"]
    held = np.zeros((10, len(y)), bool)
    for member, (_, out) in enumerate(kind._splits(np.arange(len(y)), y, np.random.default_rng(0))):
        held[member, out] = True
    assert (held[:5].sum(0) == 1).all()
    assert (held[5:].sum(0) == 1).all()
    assert all((first & second).sum() < first.sum() for first in held[:5] for second in held[5:])
    assert [held[:, y == 1].sum(1).min(), held[:, y == 1].sum(1).max()] == [5, 6]


def test_what_only_judges_is_held_out_once() -> None:
    x, y = rows(800)
    table = Table.learn(read(pl.DataFrame(x, schema=["a", "b", "c"])))
    recipe = Recipe(AnomalyClassifier, {"n_estimators": 2, "validation_fraction": 0.5, "steps": 2})
    assert recipe.fit(table, y, np.arange(800), 0, 2)[1].rounds == 1
    assert recipe.fit(table, y, np.arange(800))[1].rounds == 2


def test_a_model_is_stored_with_all_kinds(fitted: AnomalyClassifier) -> None:
    z = fitted.scaler_.transform(rows(50, seed=1)[0])
    state, arrays = fitted.to_state()
    again = AnomalyClassifier.from_state(state, arrays)
    assert np.array_equal(again.score_encoded(z), fitted.score_encoded(z))


def test_held_out_scores_are_log_odds(fitted: AnomalyClassifier) -> None:
    held, score = fitted.honest_
    y = rows(1000)[1][held]
    assert np.mean(1 / (1 + np.exp(-score))) == pytest.approx(y.mean(), abs=0.03)
    assert roc_auc_score(y, score) > 0.8


def test_parameters_stay_the_persons_own(fitted: AnomalyClassifier) -> None:
    assert fitted.random_state == 0
    assert fitted.budget is None
    heard: list[tuple[int, int]] = []
    model = quick(budget=1e-9)
    x, y = rows(1000)
    model.fit_encoded(x.astype(np.float32), y, report=lambda p: heard.append((p.epoch, p.epochs)))
    assert model.budget == 1e-9
    assert model.stopped_ == "budget"


def test_progress_goes_on_through_all_kinds() -> None:
    heard = []
    x, y = rows(800)
    quick(steps=None, epochs=2).fit_encoded(x.astype(np.float32), y, report=lambda p: heard.append(p.epoch / p.epochs))
    assert heard == sorted(heard)
    assert heard[-1] == 1


def test_neighbours_are_never_the_row_itself() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(600, 4)), rng.integers(2, size=600)  # there is nothing to learn
    model = NCA(n_estimators=2, steps=100, random_state=0).fit(x, y)
    held, score = model.honest_
    assert roc_auc_score(y[held], score) < 0.65
