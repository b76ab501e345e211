"""The contract that every method in ``amiss.detectors`` keeps: its scores mean something, whatever the method.

The planted anomalies lie in the middle of the other rows, column by column: what sets them apart is how columns go
together. A method that looks for far-away points only, or whose labels are swapped, does not pass.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from amiss import detectors, train
from amiss.attribution import attribute, blocks_of
from amiss.background import Background
from amiss.base import Detector, Learner
from amiss.classifier import Classifier
from amiss.counterfactual import changes
from amiss.errors import LabelError, OptionError, TableError
from amiss.params import Params, flatten
from amiss.sampling import pad_columns
from amiss.train import Trained

NAMES = sorted(detectors.DETECTORS)
PROGRAMS = (train._advance, train._assess, train._score)


class Rows(NamedTuple):
    x: np.ndarray
    y: np.ndarray


def make_rows(rows: int, columns: int = 8, share: float = 0.1, seed: int = 0) -> Rows:
    """Columns that follow two hidden causes; in anomalies they do not, though each alone is as in other rows."""
    mixing = np.random.default_rng(1).normal(size=(2, columns))
    rng = np.random.default_rng([2, seed])
    x = rng.normal(size=(rows, 2)) @ mixing + 0.1 * rng.normal(size=(rows, columns))
    y = (np.arange(rows) < share * rows).astype(int)
    anomalies = np.flatnonzero(y)
    for j in range(columns):
        x[anomalies, j] = x[rng.permutation(anomalies), j]
    order = rng.permutation(rows)
    return Rows(x[order], y[order])


def make(name: str, **parameters: Any) -> Learner:
    """A detector that fits in a moment."""
    kind = detectors.find(name)
    settings: dict[str, Any] = {"n_estimators": 2, "epochs": 8, "hidden": (16, 4), "random_state": 0} | parameters
    known = kind().get_params()
    return kind(**{key: value for key, value in settings.items() if key in known})


def learns_labels(name: str) -> bool:
    return any("supervised" in setting.split() for setting in detectors.DETECTORS[name].settings)


def takes_unlabelled(name: str) -> bool:
    return "weakly supervised" in detectors.DETECTORS[name].settings


def fit(name: str, data: Rows, **parameters: Any) -> Learner:
    return make(name, **parameters).fit(data.x, data.y)


def digest(values: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


@pytest.fixture(scope="module")
def rows() -> Rows:
    return make_rows(600)


@pytest.fixture(scope="module", params=NAMES)
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def fitted(name: str, rows: Rows) -> Learner:
    """One quick fit of each method, which no test may change."""
    return fit(name, rows, n_estimators=3)


@pytest.fixture(scope="module")
def planted(name: str) -> tuple[Learner, Rows]:
    """A method as it comes, fitted on a table with planted anomalies; and other rows of that table."""
    return detectors.find(name)(n_estimators=2, random_state=0).fit(*make_rows(3000, seed=1)), make_rows(2000, seed=2)


# --- what the table says ---------------------------------------------------------------------------------------------


def test_table_says_what_is_there(name: str) -> None:
    kind, entry = detectors.find(name), detectors.DETECTORS[name]
    assert kind is getattr(detectors, name)
    assert kind.__name__ == name
    assert issubclass(kind, Classifier) == learns_labels(name)
    assert set(entry.settings) <= {"supervised", "weakly supervised", "one-class", "unsupervised"}
    assert entry.settings
    assert entry.finds[0].islower()
    assert kind.__doc__
    assert "Fails" in kind.__doc__, "a docstring says when the method does not work"


def test_names_are_found_in_any_spelling() -> None:
    assert detectors.find("feed-forward") is detectors.find("FEED_FORWARD") is detectors.find("FeedForward")
    with pytest.raises(OptionError, match="did you mean 'Autoencoder'"):
        detectors.find("autoencodr")
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = detectors.Nothing


# --- scores mean something -------------------------------------------------------------------------------------------


def test_planted_anomalies_are_found(planted: tuple[Learner, Rows]) -> None:
    detector, other = planted
    assert roc_auc_score(other.y, detector.anomaly_score(other.x)) > 0.9


def test_blame_is_complete_true_and_of_the_shipped_score(planted: tuple[Learner, Rows]) -> None:
    """Shares sum to one, the column that was broken leads, and a smaller change is what the score says it is."""
    detector, other = planted
    usual, (strange, column) = other.x[other.y == 0], broken(other)
    z, kept = detector.scaler_.transform(strange), detector.scaler_.transform(usual[:200])
    background = Background(kept, detector.score_encoded(kept), np.arange(200), {})
    limit, blocks = float(np.quantile(background.score, 0.95)), blocks_of(np.arange(8), 8)
    found = attribute(z, detector.score_encoded, background, blocks, limit)
    assert np.allclose(found.share[(found.effect > 0).any(1)].sum(1), 1)
    assert np.array_equal(found.score, detector.score_encoded(z))
    if isinstance(detector, Detector):  # a classifier has learned another kind of anomaly
        assert (found.share.argmax(1) == column).mean() > 0.5  # of 8 columns

    def rescore(rows: Sequence[int], sources: Sequence[dict[int, int]]) -> np.ndarray:
        changed = z[list(rows)]
        for new, cells in zip(changed, sources):
            for j, source in cells.items():
                new[j] = kept[source, j]
        return detector.score_encoded(changed)

    told = [change for change in changes(z, found, rescore, background, blocks, limit) if change]
    assert told
    again = z[found.score > limit]
    for row, change in zip(again, told, strict=True):
        for j, source in change.sources.items():
            row[j] = background.z[source, j]
        assert change.enough == (change.score <= limit)
    assert detector.score_encoded(again) == pytest.approx([change.score for change in told], rel=1e-4, abs=1e-5)


def broken(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Ordinary rows with one cell each moved six deviations away, and in which column."""
    x = rows.x[rows.y == 0][-24:].copy()
    column = np.arange(len(x)) % x.shape[1]
    x[np.arange(len(x)), column] += 6 * rows.x.std(0)[column]
    return x, column


def test_directions(planted: tuple[Learner, Rows]) -> None:
    """scikit-learn's methods point the way that scikit-learn says, and all follow the one score."""
    detector, other = planted
    score = detector.anomaly_score(other.x)
    if isinstance(detector, Detector):
        assert np.array_equal(detector.score_samples(other.x), -score)
        assert roc_auc_score(other.y, detector.decision_function(other.x)) < 0.1
        verdicts = detector.predict(other.x)
        assert set(verdicts) == {-1, 1}
        assert score[verdicts == -1].min() >= score[verdicts == 1].max()
        assert 0.05 < (verdicts == -1).mean() < 0.2, "contamination is 0.1"
        assert other.y[verdicts == -1].mean() > 0.5
    else:
        assert isinstance(detector, Classifier)
        chances = detector.predict_proba(other.x)
        assert np.allclose(chances.sum(1), 1)
        assert (np.diff(chances[np.argsort(score), 1]) >= 0).all()
        assert np.array_equal(detector.predict(other.x), (chances[:, 1] > 0.5).astype(int))
        log_odds = detector.decision_function(other.x)  # calibrated: another scale, the same order
        assert (np.diff(log_odds[np.argsort(score)]) >= 0).all()
        assert len(np.unique(log_odds)) == len(np.unique(score))


def test_swapped_labels_swap_the_scores(name: str) -> None:
    if not learns_labels(name):
        pytest.skip("learns without labels")
    learned, other = make_rows(3000, seed=1), make_rows(2000, seed=2)
    swapped = detectors.find(name)(n_estimators=1, random_state=0).fit(learned.x, 1 - learned.y)
    assert roc_auc_score(other.y, swapped.anomaly_score(other.x)) < 0.1


def test_labels_matter_only_where_they_are_learned(name: str, rows: Rows, fitted: Learner) -> None:
    other = np.random.default_rng(0).permutation(rows.y)
    score = fit(name, Rows(rows.x, other), n_estimators=3).anomaly_score(rows.x)
    assert np.array_equal(score, fitted.anomaly_score(rows.x)) != learns_labels(name)


def test_no_signal_gives_chance(name: str) -> None:
    """Labels drawn by lot; four standard deviations of the AUC of 1,000 against 1,000 rows are 0.052."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(3000, 6)), rng.integers(2, size=3000)
    score = make(name, epochs=20).fit(x[:1000], y[:1000]).anomaly_score(x[1000:])
    assert abs(roc_auc_score(y[1000:], score) - 0.5) < 0.052


def test_ensemble_is_the_mean_of_members_that_differ(fitted: Learner, rows: Rows) -> None:
    z = pad_columns(fitted.scaler_.transform(rows.x))
    alone = []
    for i in range(3):
        one = {key: {k: v[i : i + 1] for k, v in flatten(part).items()} for key, part in fitted.members_.items()}
        alone.append(train.score(fitted.method(), Trained(**one), z))
    assert not np.array_equal(alone[0], alone[1])
    assert not np.array_equal(alone[1], alone[2])
    assert np.allclose(fitted.anomaly_score(rows.x), np.mean(alone, 0), rtol=1e-12, atol=0)


def test_known_anomalies_are_not_learned_as_normal(name: str, rows: Rows) -> None:
    if learns_labels(name):
        pytest.skip("learns from labels")
    z = rows.x.astype(np.float32)
    with_labels, without = make(name).fit_encoded(z, rows.y), make(name).fit_encoded(z[rows.y != 1])
    assert np.array_equal(with_labels.score_encoded(z), without.score_encoded(z))


def test_unlabelled_rows_are_not_learned_as_normal(name: str, rows: Rows) -> None:
    if not learns_labels(name) or takes_unlabelled(name):
        pytest.skip("learns without labels, or from unlabelled rows too")
    labelled = np.random.default_rng(0).random(len(rows.y)) < 0.5
    z, y = rows.x.astype(np.float32), np.where(labelled, rows.y, -1)
    part = make(name).fit_encoded(z[labelled], y[labelled])
    assert np.array_equal(make(name).fit_encoded(z, y).score_encoded(z), part.score_encoded(z))


# --- bits ------------------------------------------------------------------------------------------------------------


def test_same_seed_same_bits(name: str, rows: Rows, fitted: Learner) -> None:
    score = fitted.anomaly_score(rows.x)
    assert np.array_equal(fit(name, rows, n_estimators=3).anomaly_score(rows.x), score)
    assert not np.array_equal(fit(name, rows, n_estimators=3, random_state=1).anomaly_score(rows.x), score)


def test_same_bits_in_another_process(rows: Rows, root: Any) -> None:
    """Compiled anew or read from the cache, with whatever threads that process has."""
    code = (
        "from test_detectors import *; rows = make_rows(600); "
        "print([digest(fit(n, rows, n_estimators=3).anomaly_score(rows.x)) for n in NAMES])"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=root / "tests", capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    here = [digest(fit(n, rows, n_estimators=3).anomaly_score(rows.x)) for n in NAMES]
    assert ran.stdout.strip() == str(here)


def test_nothing_is_compiled_twice(name: str, rows: Rows) -> None:
    """Not for a second fit, another seed or learning rate, nor for another table of the same padded width."""
    fit(name, rows)
    before = [program._cache_size() for program in PROGRAMS]
    fit(name, rows, random_state=5, learning_rate=0.01, weight_decay=0.1, schedule="cosine", epochs=3)
    fit(name, make_rows(901, columns=11))
    assert [program._cache_size() for program in PROGRAMS] == before


def test_a_row_is_scored_alike_in_any_company(fitted: Learner) -> None:
    x = make_rows(2 * train.SCORE_ROWS + 77, seed=4).x
    score = fitted.anomaly_score(x)
    order = np.random.default_rng(0).permutation(len(x))
    assert np.array_equal(fitted.anomaly_score(x[order]), score[order])
    for start, stop in ((0, 1), (5, 12), (train.SCORE_ROWS - 3, train.SCORE_ROWS + 3), (100, len(x))):
        assert np.array_equal(fitted.anomaly_score(x[start:stop]), score[start:stop])


def test_state_goes_there_and_back(fitted: Learner, rows: Rows) -> None:
    state, arrays = fitted.to_state()
    again = type(fitted).from_state(json.loads(json.dumps(state)), {k: v.copy() for k, v in arrays.items()})
    z = fitted.scaler_.transform(rows.x)
    assert np.array_equal(again.score_encoded(z), fitted.score_encoded(z))
    assert again.get_params() == fitted.get_params()
    assert all(isinstance(v, np.ndarray) for v in arrays.values())


def test_data_is_left_as_it_was(name: str) -> None:
    data = make_rows(100)
    before = digest(data.x), digest(data.y)
    fit(name, data).anomaly_score(data.x)
    assert (digest(data.x), digest(data.y)) == before


# --- shapes and refusals ---------------------------------------------------------------------------------------------


def test_documented_attributes(fitted: Learner, rows: Rows) -> None:
    score = fitted.anomaly_score(rows.x)
    assert (score.dtype, score.shape) == (np.float64, (600,))
    assert np.isfinite(score).all()
    assert fitted.n_features_in_ == fitted.columns_ == 8
    assert set(fitted.members_) == {"weights", "buffers"}
    for leaf in flatten(fitted.members_).values():
        assert isinstance(leaf, np.ndarray)
        assert leaf.shape[0] == 3
        assert leaf.dtype in (np.float32, np.int32)  # numbers, and the places of columns
    assert [set(h) for h in fitted.history_] == [{"epoch", "loss", "validation"}] * len(fitted.history_)
    assert fitted.stopped_ in ("epochs", "patience", "nothing to train")
    if isinstance(fitted, Classifier):
        assert fitted.classes_.tolist() == [0, 1]
        assert fitted.predict_proba(rows.x).shape == (600, 2)
        assert fitted.predict(rows.x).shape == (600,)
    else:
        assert isinstance(fitted, Detector)
        assert isinstance(fitted.offset_, float)
        assert fitted.predict(rows.x).shape == (600,)


def test_method_is_made_of_pure_functions(name: str, rows: Rows) -> None:
    """init, loss and score have the shapes that the training loop relies on; loss and score are a row's own affair."""
    method = make(name).method()
    assert make(name).method() is method, "clones share compiled programs"
    x = pad_columns(rows.x)[:32]
    params = method.init(np.random.default_rng(0), {"x": x, "y": rows.y[:32].astype(np.float32)}, 8)
    assert isinstance(params, Params)
    assert all(np.asarray(v).dtype == np.float32 for v in flatten({**params.weights}).values())
    assert method.score(params, x).shape == (32,)
    if method.loss is not None:
        batch = {"x": x, "y": rows.y[:32].astype(np.float32), "weight": np.ones(32, np.float32)}
        assert method.loss(params, batch, train.jax.random.key(0)).shape == (32,)


def test_constant_columns_change_nothing_much(name: str, rows: Rows) -> None:
    x = np.column_stack([rows.x, np.full(600, 7.0), np.zeros(600)])
    detector = make(name).fit(x, rows.y)
    assert np.isfinite(detector.anomaly_score(x)).all()
    x[:, -2:] += 1e3  # constant in training: another value is far out, but finite
    assert np.isfinite(detector.anomaly_score(x)).all()


def test_all_columns_constant(name: str) -> None:
    score = make(name).fit(np.ones((20, 3)), np.arange(20) % 2).anomaly_score(np.ones((20, 3)))
    assert np.isfinite(score).all()
    assert np.ptp(score) == 0


def test_two_rows(name: str) -> None:
    x = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert np.isfinite(make(name).fit(x, [0, 1]).anomaly_score(x)).all()


def test_one_row_or_none(name: str) -> None:
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        make(name).fit(np.ones((1, 3)), [0])
    with pytest.raises(TableError, match="so few rows"):
        make(name).fit_encoded(np.ones((1, 3), np.float32), np.array([0]))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        make(name).fit(np.ones((0, 3)), [])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers(name: str, rows: Rows, fitted: Learner, value: float) -> None:
    bad = rows.x.copy()
    bad[3, 2] = value
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        make(name).fit(bad, rows.y)
    with pytest.raises(ValueError, match=r"NaN|infinity"):
        fitted.anomaly_score(bad)


def test_huge_values_stay_finite(fitted: Learner, rows: Rows) -> None:
    far = np.full((4, 8), 1e300) * np.array([[1], [-1], [1e-150], [0]])
    score = fitted.anomaly_score(far)
    assert np.isfinite(score).all()


def test_wrong_columns(fitted: Learner) -> None:
    with pytest.raises(ValueError, match="expecting 8 features"):
        fitted.anomaly_score(np.ones((5, 7)))


def test_labels_that_cannot_be_learned_from(name: str, rows: Rows) -> None:
    if not learns_labels(name):
        pytest.skip("learns without labels")
    with pytest.raises(LabelError, match="1 class"):
        make(name).fit(rows.x, np.zeros(600, int))
    with pytest.raises(LabelError, match="3 classes"):
        make(name).fit(rows.x, np.arange(600) % 3)
    with pytest.raises(LabelError, match="learns from labels"):
        make(name).fit_encoded(rows.x.astype(np.float32))
    with pytest.raises(LabelError, match="0 labelled anomalies"):
        make(name).fit_encoded(rows.x.astype(np.float32), np.zeros(600, int))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"n_estimators": 0}, "n_estimators is out of range"),
    ({"batch_size": 0}, "batch_size is out of range"),
    ({"batch_size": 2.5}, "batch_size is out of range"),
    ({"epochs": -1}, "epochs is out of range"),
    ({"epochs": "many"}, "epochs is out of range"),
    ({"learning_rate": -1.0}, "learning_rate is out of range"),
    ({"learning_rate": float("nan")}, "learning_rate is out of range"),
    ({"weight_decay": -0.1}, "weight_decay is out of range"),
    ({"learning_rate": float("inf")}, "learning_rate is out of range"),
    ({"learning_rate": "fast"}, "learning_rate is out of range"),
    ({"validation_fraction": 1.0}, "validation_fraction is out of range"),
    ({"schedule": "linear"}, "schedule"),
    ({"patience": -1}, "patience is out of range"),
    ({"budget": -1.0}, "budget is out of range"),
    ({"hidden": (8, 0)}, "hidden"),
    ({"hidden": ()}, "hidden"),
    ({"hidden": 8}, "hidden"),
    ({"activation": "relux"}, "did you mean 'relu'"),
    ({"activation": 3}, "activation"),
    ({"hidden": ("8",)}, "hidden"),
    ({"hidden": "8"}, "hidden"),
    ({"dropout": "some"}, "dropout is out of range"),
    ({"dropout": 1.0}, "dropout is out of range"),
    ({"contamination": "auto"}, "contamination is out of range"),
    ({"contamination": 0.6}, "contamination is out of range"),
    ({"class_weight": "heavy"}, "class_weight"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG, ids=lambda w: str(w)[:40])
def test_parameters_out_of_range(name: str, rows: Rows, wrong: dict[str, Any], message: str) -> None:
    if not set(wrong) <= set(make(name).get_params()):
        pytest.skip("no such parameter")
    with pytest.raises(OptionError, match=message):
        fit(name, rows, **wrong)


# --- single methods --------------------------------------------------------------------------------------------------


def test_classic_nets_can_be_stated_exactly(rows: Rows) -> None:
    """Dense 64-32-1 with sigmoid output, batches of 32, 10 epochs on all rows; and (100, 50) hidden units."""
    kind: Any = detectors.find("FeedForward")
    plain = {"dropout": 0.0, "weight_decay": 0.0, "learning_rate": 1e-3, "n_estimators": 1, "patience": None}
    first = kind(hidden=(64, 32), activation="relu", batch_size=32, epochs=10, random_state=0, **plain)
    first.fit(rows.x, rows.y)
    shapes = {k: v.shape[1:] for k, v in first.members_["weights"].items()}
    assert shapes == {"w0": (16, 64), "b0": (64,), "w1": (64, 32), "b1": (32,), "w2": (32, 1), "b2": (1,)}
    assert first.history_[-1]["epoch"] == 10
    second = kind(hidden=(100, 50), batch_size=200, epochs=500, random_state=0, **plain).fit(rows.x, rows.y)
    assert second.history_[-1]["epoch"] == 500
    assert second.history_[-1]["loss"] < 0.01
    assert (second.predict(rows.x) == rows.y).mean() > 0.99


def test_class_weights_move_the_balance(rows: Rows) -> None:
    plain = fit("FeedForward", rows, class_weight=None)
    balanced = fit("FeedForward", rows, class_weight="balanced")
    by_hand = fit("FeedForward", rows, class_weight={0: 600 / (2 * 540), 1: 600 / (2 * 60)})
    assert balanced.anomaly_score(rows.x).mean() > plain.anomaly_score(rows.x).mean()
    assert np.allclose(balanced.anomaly_score(rows.x), by_hand.anomaly_score(rows.x), atol=1e-5)


def test_reconstruction_error_is_the_mean_over_real_columns(rows: Rows) -> None:
    """Columns of padding take no part: the score is the plain mean squared gap, worked out by hand."""
    detector = fit("Autoencoder", rows, n_estimators=1, activation="tanh")
    z = pad_columns(detector.scaler_.transform(rows.x)).astype(np.float64)
    weights = {k: v[0].astype(np.float64) for k, v in detector.members_["weights"].items()}
    h, last = z, len(weights) // 2 - 1
    for i in range(last + 1):
        h = h @ weights[f"w{i}"] + weights[f"b{i}"]
        h = np.tanh(h) if i < last else h
    by_hand = ((h - z)[:, :8] ** 2).mean(1)
    assert np.allclose(detector.anomaly_score(rows.x), by_hand, rtol=1e-4)
