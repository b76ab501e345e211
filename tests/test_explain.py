"""Explanations: blame goes where the anomaly was planted, in the person's own words, for the score that was shipped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import amiss
from amiss.attribution import attribute, blocks_of
from amiss.background import Background, cell_text, put, texts
from amiss.counterfactual import changes
from amiss.errors import ModelFileError, OptionError
from amiss.model import Model
from amiss.reading import read
from amiss.reasons import Reason, RowExplanation, group
from amiss.report.strings import LANGUAGES, STRINGS
from amiss.table import Table

QUICK = {"n_estimators": 1, "epochs": 30, "hidden": (16, 4)}
ROWS = 400


def shop(rows: int = ROWS, seed: int = 0) -> pl.DataFrame:
    """Sales: an amount that follows the weight, a merchant, a day."""
    rng = np.random.default_rng(seed)
    weight = rng.lognormal(1, 0.4, rows)
    return pl.DataFrame(
        {
            "amount": (weight * 10 + rng.normal(0, 1, rows)).round(2),
            "weight": weight.round(3),
            "merchant": rng.choice(["north", "south", "west"], rows, p=[0.6, 0.3, 0.1]),
            "noise": rng.normal(size=rows).round(3),
            "day": pl.Series(rng.integers(0, 200, rows)).cast(pl.Int32).cast(pl.Date).cast(pl.String),
        }
    )


@pytest.fixture(scope="module")
def model() -> Model:
    return amiss.fit(shop(), detector="Autoencoder", parameters=QUICK)


def planted() -> pl.DataFrame:
    frame = shop(60, 1)
    amount = frame["amount"].to_list()
    merchant = frame["merchant"].to_list()
    amount[16], merchant[30], amount[31] = 9800.0, "<b>moon</b>", 400.0
    merchant[31] = "mars"
    return frame.with_columns(amount=pl.Series(amount), merchant=pl.Series(merchant))


def test_the_planted_column_is_blamed_in_the_persons_words(model: Model) -> None:
    found = model.explain(planted(), rows=[17, 31])
    assert [r.row for r in found.rows] == [17, 31]
    reason = found.rows[0].reasons[0]
    assert (reason.column, reason.value, reason.direction) == ("amount", "9800", "high")
    assert reason.share > 0.5
    assert reason.low is not None
    assert float(reason.low) < float(str(reason.high)) < 200
    assert reason.sentence().startswith("amount = 9800; typical for rows like this ")
    assert reason.sentence().endswith(" % of the score")
    word = found.rows[1].reasons[0]
    assert (word.column, word.value, word.direction) == ("merchant", "<b>moon</b>", "new")
    assert word.words[0][0] in ("north", "south", "west")


def test_the_strangest_come_first_and_shares_sum_to_one(model: Model) -> None:
    found = model.explain(planted(), rows=5)
    scores = [r.score for r in found.rows]
    assert scores == sorted(scores, reverse=True)
    assert {17, 31, 32} <= {r.row for r in found.rows}
    for row in found.rows:
        assert 0.9 < sum(r.share for r in row.reasons) <= 1.0001
        assert len(row.neighbours) == 3


def test_the_counterfactual_is_checked_by_scoring_the_changed_row(model: Model) -> None:
    frame = planted()
    found = model.explain(frame, rows=[17, 32])
    for row in found.rows:
        change = row.counterfactual
        assert change is not None
        assert change.enough
        assert change.score <= found.limit < row.score
        changed = frame[row.row - 1]
        for column, _, new in change.cells:
            changed = changed.with_columns(pl.Series(column, [new]).cast(frame.schema[column]))
        assert model.score(changed)["score"][0] == pytest.approx(change.score, rel=1e-3)
    assert {c for c, _, _ in found.rows[1].counterfactual.cells} >= {"amount"}


def test_cells_of_every_type_are_put_into_a_table_as_they_are_read() -> None:
    day = datetime(2020, 1, 1, 3, 4, 5)
    frame = pl.DataFrame({
        "whole": [1, 2, 3, 4] * 15, "broken": [1.5, 2.25, None, -1e-7] * 15, "word": ["a", "b", "c", None] * 15,
        "flag": [True, False, None, True] * 15, "moment": [day + timedelta(hours=7 * k) for k in range(60)],
        "day": [day.date() + timedelta(days=k) for k in range(60)],
        "kind": pl.Series(["u", "v", "w", "u"] * 15, dtype=pl.Categorical),
    })  # fmt: skip
    table = Table.learn(read(frame))
    after = [{name: texts(frame[name])[(k + 1) % 60] for name in frame.columns} for k in range(60)]
    moved = put(table, after)
    for column in table.schema.learned:
        if column.kind in ("numeric", "datetime"):
            assert np.array_equal(moved.numbers(column.name), np.roll(table.numbers(column.name), -1), equal_nan=True)
        else:
            assert moved.words(column.name) == [*table.words(column.name)[1:], table.words(column.name)[0]]
    assert put(table, [{} for _ in range(60)]).raw.frame.equals(frame)


def test_an_ordinary_row_needs_no_change(model: Model) -> None:
    frame = shop(50, 2)
    calm = int(np.argmin(model.score(frame)["score"].to_numpy())) + 1
    assert model.explain(frame, rows=[calm]).rows[0].counterfactual is None


def test_a_row_that_is_flagged_below_the_limit_is_not_called_ordinary(model: Model) -> None:
    frame = shop(50, 2)
    score = model.score(frame)["score"].to_numpy()
    place = int(np.argsort(score)[-6])  # below most held-out rows
    flagged = np.arange(len(score)) == place
    known = {"score": score, "flagged": flagged, "p_value": np.where(flagged, 0.001, 0.5)}
    found = model.explain_table(model.match(model.read(frame)), [place + 1], **known)
    row = found.rows[0]
    assert row.score <= found.limit
    assert row.p_value == 0.001
    assert row.counterfactual is not None
    assert not row.counterfactual.enough or row.counterfactual.score < row.score
    assert "ordinary as it is" not in str(found)


def test_saved_and_loaded_explains_the_same(model: Model, tmp_path: Path) -> None:
    model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss")
    assert again.explain(planted(), rows=3).to_json() == model.explain(planted(), rows=3).to_json()


def test_a_file_without_a_background_still_scores(model: Model, tmp_path: Path) -> None:
    bare = amiss.Model(model.schema, model.encoder, model.detector, model.decision, model.card)
    bare.save(tmp_path / "old.amiss")
    old = amiss.load(tmp_path / "old.amiss")
    assert old.score(planted()).height == 60
    with pytest.raises(ModelFileError, match="keeps no ordinary rows"):
        old.explain(planted(), rows=1)


@pytest.mark.parametrize("rows", [[0], [61], [-1], [1.5], [True]])
def test_a_row_that_is_not_there(model: Model, rows: list[int]) -> None:
    with pytest.raises(OptionError, match=r"a row number from 1 to 60"):
        model.explain(planted(), rows=rows)


def test_none_asked_for(model: Model) -> None:
    assert len(model.explain(planted(), rows=[])) == 0
    with pytest.raises(OptionError, match="at least 1"):
        model.explain(planted(), rows=0)


def test_forms(model: Model) -> None:
    found = model.explain(planted(), rows=[31])
    page = found._repr_html_()
    assert "<ul></ul>" not in page
    assert "<b>moon" not in page
    assert "&lt;b&gt;moon" in page
    assert "moon" not in str(json.dumps(found.to_json("zh"))).split("<script")[0] or json.loads(found.to_text())
    frame = found.to_polars()
    assert frame.columns[:5] == ["row", "score", "p_value", "is_anomaly", "column"]
    assert found.plot().startswith("<svg")
    assert "<b>" not in found.plot(31)
    with pytest.raises(OptionError, match="not among the explained"):
        found.plot(5)
    assert str(found).startswith("row 31: score ")


def test_a_classifier_is_explained_too() -> None:
    frame = shop()
    label = (frame["merchant"] == "west").cast(pl.Int8)
    noisy = frame.with_columns(fraud=label)
    fitted = amiss.fit(noisy, "fraud", detector="FeedForward", parameters={"n_estimators": 1, "epochs": 60})
    found = fitted.explain(noisy, rows=10)
    assert sum(r.reasons[0].column == "merchant" for r in found.rows) >= 8


def test_many_columns_and_odd_cells() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 300))
    frame = pl.DataFrame({f"x{i}": values[:, i] for i in range(300)})
    frame = frame.with_columns(word=pl.Series(["é\u202e🙂", "x" * 10_000] * 30))
    fitted = amiss.fit(frame, detector="Autoencoder", parameters=QUICK | {"epochs": 3})
    found = fitted.explain(frame, rows=2)
    assert len(found.rows) == 2
    assert max(len(c or "") for c in found.rows[0].cells.values()) <= 200


def test_a_score_of_known_parts_is_blamed_in_proportion() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 0.3, (300, 4)).astype(np.float32)
    score = lambda x: np.abs(x[:, 0]) + 3 * np.abs(x[:, 1])  # noqa: E731
    background = Background(z, score(z), np.arange(300), {})
    row = np.array([[10, 10, 10, 0]], np.float32)
    found = attribute(row, score, background, blocks_of(np.arange(4), 4), 2.0)
    assert found.share[0] == pytest.approx([0.25, 0.75, 0, 0], abs=0.03)
    assert found.order[0, :2].tolist() == [1, 0]


def test_two_columns_that_hide_each_other_are_both_found() -> None:
    rng = np.random.default_rng(0)
    z = rng.normal(0, 0.3, (300, 5)).astype(np.float32)
    score = lambda x: np.abs(x).max(1)  # noqa: E731
    background = Background(z, score(z), np.arange(300), {})
    found = attribute(np.array([[0, 8, 0, 8, 0]], np.float32), score, background, blocks_of(np.arange(5), 5), 1.0)
    assert set(found.order[0, :2].tolist()) == {1, 3}
    assert found.left[0, 1] < 1.5


def test_where_repairs_are_not_enough_the_nearest_ordinary_row_lends_its_cells() -> None:
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(0, 0.3, (280, 4)), rng.normal(4, 0.1, (20, 4))]).astype(np.float32)  # a cluster
    score = lambda x: np.abs(x).sum(1)  # noqa: E731
    background, blocks = Background(z, score(z), np.arange(300), {}), blocks_of(np.arange(4), 4)
    row = np.full((1, 4), 4, np.float32)
    found = attribute(row, score, background, blocks, 6.0)

    def rescore(rows: Sequence[int], sources: Sequence[dict[int, int]]) -> np.ndarray:
        changed = row[list(rows)]
        for new, cells in zip(changed, sources):
            for j, source in cells.items():
                new[j] = z[source, j]
        return score(changed)

    change = changes(row, found, rescore, background, blocks, np.array([6.0]))[0]
    assert change is not None
    assert change.enough
    for j, source in change.sources.items():
        row[0, j] = z[source, j]
    assert score(row)[0] == pytest.approx(change.score)
    assert change.score <= 6
    assert len(change.sources) < 4
    for j in change.sources:  # none of them could have stayed
        kept = row.copy()
        kept[0, j] = 4
        assert score(kept)[0] > 6


def test_alerts_of_one_reason_are_one_group() -> None:
    def row(i: int, column: str, direction: str) -> RowExplanation:
        return RowExplanation(i, 1.0, 0.01, True, (Reason(column, "5", 0.9, direction=direction),))

    rows = [row(i, "amount", "high") for i in range(1, 301)] + [row(i, "age", "low") for i in range(301, 401)]
    groups = group(rows)
    assert [len(g.rows) for g in groups] == [300, 100]
    assert groups[0].sentence() == "300 rows share a reason: amount higher than typical"
    many = [row(i, f"c{i % 40}", "high") for i in range(80)]
    assert sum(len(g.rows) for g in group(many)) == 80


def test_every_string_is_there_in_every_language() -> None:
    import string

    fields = lambda text: {name for _, name, _, _ in string.Formatter().parse(text) if name}  # noqa: E731
    for key, told in STRINGS.items():
        assert set(told) == set(LANGUAGES), key
        assert all(t.strip() for t in told.values()), key
        assert len({frozenset(fields(t)) for t in told.values()}) == 1, key


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), (float("nan"), None), (3, "3"), (1234567.0, "1234567"), (0.1, "0.1"), ("", None)],
)
def test_cells_as_text(value: object, text: str | None) -> None:
    assert cell_text(value) == text
