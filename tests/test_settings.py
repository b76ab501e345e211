"""Which setting labels call for, what is said of it, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.detection import detect
from amiss.errors import LabelError, OptionError
from amiss.settings import asked, by_labels, without_anomalies
from amiss.task import prepare

QUICK: dict[str, Any] = {"parameters": {"n_estimators": 2, "steps": 60, "hidden": (16,), "bins": 4}}


def frame(labels: list[str | None], seed: int = 0) -> pl.DataFrame:
    """Rows whose anomalies, the first tenth, lie apart."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(len(labels), 3))
    x[: len(labels) // 10] += 3
    named = {f"n{j}": x[:, j] for j in range(3)}
    return pl.DataFrame(named | {"label": pl.Series(labels, dtype=pl.String)})


def marked(rows: int = 300, anomalies: int = 30, normal: int = 270) -> list[str | None]:
    """So many labels of each kind; the other rows have none."""
    labels: list[str | None] = [None] * rows
    labels[:anomalies] = ["bad"] * anomalies
    labels[rows // 10 : rows // 10 + normal] = ["ok"] * normal
    return labels


@pytest.mark.parametrize(("y", "setting", "why"), [
    (None, "unsupervised", "no label column"),
    ([0] * 50 + [-1], "one-class", "only normal rows are labelled, 50 of them; the 1 others"),
    ([0, 0, -1], "unsupervised", "2 normal rows are too few"),
    ([1, 1, -1, -1], "weakly supervised", "no normal rows are labelled, and 2 rows are not"),
    ([1, 1, 0, -1], "weakly supervised", "1 normal rows"),
    ([1, 0, 0, 1], "supervised", "every row is labelled"),
])  # fmt: skip
def test_labels_that_say_it(y: list[int] | None, setting: str, why: str) -> None:
    known = None if y is None else np.array(y)
    choice = without_anomalies(known)
    if choice is None and known is not None:
        choice = by_labels(known)
    assert choice is not None
    assert choice.setting == setting
    assert why in choice.why


def test_labels_that_leave_it_open_are_tried() -> None:
    task = prepare(frame(marked(anomalies=12, normal=60)), "label", **QUICK)
    assert task.card["setting"] in ("supervised", "weakly supervised")
    assert "held-out labelled rows are ranked at an average precision of" in task.card["setting_why"]
    expected = {"supervised": "left out", "weakly supervised": "normal"}[task.card["setting"]]
    assert task.recipe.parameters.get("unlabelled", "normal") == expected


@pytest.mark.parametrize(("labels", "setting", "detector"), [
    (marked(), "supervised", "AnomalyClassifier"),
    (marked(anomalies=0), "one-class", "AnomalyDetector"),
    (marked(normal=0, anomalies=8), "weakly supervised", "AnomalyClassifier"),
])  # fmt: skip
def test_every_state_of_the_labels_gives_a_model(labels: list[str | None], setting: str, detector: str) -> None:
    given = {} if detector == "AnomalyDetector" else QUICK
    model = amiss.fit(frame(labels), "label", **given)
    assert (model.card["setting"], model.card["detector"]) == (setting, detector)
    assert any(note.startswith(f"setting: {setting} (") for note in model.notes)
    score = model.score(frame(labels, seed=1))["score"].to_numpy()
    assert score[:30].mean() > score[30:].mean()


def test_detect_with_few_labels_says_what_is_measured() -> None:
    found = detect(frame(marked(normal=0, anomalies=8)), "label", **QUICK)
    assert found.evaluation is not None
    assert any("takes the unlabelled" in note or "take the unlabelled" in note for note in found.notes)


def test_the_setting_can_be_named() -> None:
    labels = marked()
    assert amiss.fit(frame(labels), "label", setting="unsupervised").card["label"] is None
    task = prepare(frame(labels), "label", setting="one-class")
    assert (task.card["setting"], task.card["setting_why"]) == ("one-class", "asked for")
    assert prepare(frame(labels), "label", setting="weak").card["setting"] == "weakly supervised"
    with pytest.raises(OptionError, match="no setting 'wek'"):
        asked("wek", None)
    for setting, y in (("one-class", None), ("weak", np.zeros(3)), ("supervised", np.array([1, -1]))):
        with pytest.raises(LabelError, match="labels do not do"):
            asked(setting, y)


def test_named_methods_have_their_setting() -> None:
    labels = marked(anomalies=12, normal=60)
    known = {"DevNet": "weakly supervised", "FeedForward": "supervised", "Autoencoder": "one-class"}
    for name, setting in known.items():
        assert prepare(frame(labels), "label", detector=name).card["setting"] == setting


@pytest.mark.parametrize(("labels", "says"), [
    (marked(anomalies=1), "one labelled anomaly is too few"),
    (marked(anomalies=1, normal=0), "one labelled anomaly is too few"),
    (["ok", *["bad"] * 299], "one labelled normal row is too few"),
    ([("a", "b", "c")[i % 3] for i in range(300)], "not clear which labels are anomalies"),
    (["bad"] * 300, "anomalies alone"),
])  # fmt: skip
def test_labels_that_do_not_do(labels: list[str | None], says: str) -> None:
    with pytest.raises(LabelError, match=says) as caught:
        amiss.fit(frame(labels), "label", **QUICK)
    assert "what to do" in str(caught.value)


def test_fewer_anomalies_than_folds() -> None:
    found = detect(frame(marked(anomalies=3)), "label", **QUICK)
    assert found.evaluation is not None
    assert found.evaluation["anomalies"] == 3


@pytest.mark.parametrize("words", [("1.0", "0.0"), ("True", "FALSE"), ("Fraud", "OK"), ("yes", "NO")])
def test_labels_in_any_spelling(words: tuple[str, str]) -> None:
    labels = [words[0] if word == "bad" else words[1] for word in marked()]
    task = prepare(frame(labels), "label")
    assert task.y is not None
    assert task.y.sum() == 30


def test_one_class_learns_from_known_normal_rows_alone() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 3)) + np.where(np.arange(300) < 100, 6, 0)[:, None]
    known = pl.DataFrame(x).with_columns(label=pl.Series([None] * 100 + ["ok"] * 200))
    alone = pl.DataFrame(x[100:]).with_columns(label=pl.lit("ok"))
    found = [amiss.fit(table, "label", detector="NearestNeighbours") for table in (known, alone)]
    assert all(model.card["setting"] == "one-class" for model in found)
    assert "the 100 others are not learned from" in found[0].card["setting_why"]
    assert (found[0].decision.labels == 0).all()
    scores = [model.score(known)["score"].to_numpy() for model in found]
    assert np.allclose(*scores)
    assert scores[0][:100].min() > scores[0][100:].max()
