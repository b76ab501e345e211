"""Models of series: through the doors of tables, the same bits after loading, what does not fit is said."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import amiss
from amiss.decision import Rule
from amiss.errors import ColumnError, InputError, LabelError, ModelFileError, TableError
from amiss.series.model import SeriesModel
from test_series_table import AMISS, ROWS, frame


@pytest.fixture(scope="module")
def model() -> SeriesModel:
    found = amiss.fit(frame()[:600], time="when", drop=["word"], label="label", train_until=600)
    assert isinstance(found, SeriesModel)
    return found


def test_scores_another_table_and_blames_the_channel(model: SeriesModel) -> None:
    found = model.score(frame()[600:].drop("label"))
    assert found.columns == ["score", "p_value", "is_anomaly", "channels"]
    assert found.height == ROWS - 600
    flagged = found.with_row_index().filter("is_anomaly")
    assert len(flagged)
    assert flagged["index"].is_between(AMISS.start - 640, AMISS.stop - 560).all()
    assert flagged["channels"].str.starts_with("b 9").all()
    assert model.card["setting"] == "one-class"


def test_saved_and_loaded_it_gives_the_same_bits(model: SeriesModel, tmp_path: Path) -> None:
    model.save(tmp_path / "m.amiss")
    again = amiss.load(tmp_path / "m.amiss")
    assert isinstance(again, SeriesModel)
    made = frame()[600:]
    assert again.score(made).equals(model.score(made))
    assert again.card == model.card
    assert again.evaluate(made)[""]["event_f1"] == 1
    data = (tmp_path / "m.amiss").read_bytes()
    (tmp_path / "cut.amiss").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelFileError):
        amiss.load(tmp_path / "cut.amiss")


def test_rows_in_any_order_and_short_tables(model: SeriesModel) -> None:
    made = frame()[600:]
    mixed = made.with_row_index().sample(fraction=1, shuffle=True, seed=1)
    there = model.score(mixed.drop("index")).with_columns(mixed["index"]).sort("index")
    assert there["score"].equals(model.score(made)["score"])
    assert model.score(made[:1])["score"].is_finite().all()
    assert model.score(made.select("b", "when", "a")).equals(model.score(made))


def test_many_series_each_by_its_own_detector(tmp_path: Path) -> None:
    both = pl.concat([frame().with_columns(machine=pl.lit(name)) for name in ("m1", "m2")])
    fitted = amiss.fit(both, time="when", series="machine", drop=["label"], train_until=500, detector="seriesdetector")
    assert list(fitted.detectors) == ["m1", "m2"]
    new = pl.concat([both[:700], both[:5].with_columns(machine=pl.lit("m9"))])
    found = fitted.score(new)
    assert found["score"][:700].is_not_null().all()
    assert found["score"][700:].is_null().all()
    with pytest.raises(TableError, match="not learned a series 'm9'"):
        fitted.score(new[700:])


def test_another_rule(model: SeriesModel) -> None:
    made = frame()[600:]
    few = model.decide(Rule("alerts", 3)).score(made)
    assert few["is_anomaly"].sum() == 3
    daily = model.decide(alerts="2/day").score(made)
    assert daily["is_anomaly"].sum() == 2 * made["when"].str.slice(0, 10).n_unique()
    with pytest.raises(InputError, match="does not go with a series"):
        model.decide(Rule("recall", 0.5))


def test_what_does_not_fit_is_said(model: SeriesModel) -> None:
    made = frame()
    with pytest.raises(ColumnError, match="absent"):
        model.score(made.drop("b"))
    with pytest.raises(ColumnError, match="no column 'when'"):
        model.score(made.drop("when"))
    with pytest.raises(ColumnError, match=r"row 3: 'much' is not a number"):
        model.score(made[:5].with_columns(b=pl.Series(["1", "2", "much", "", "3"])))
    with pytest.raises(LabelError):
        amiss.fit(made[:100], time="when", drop=["label"]).evaluate(made)
    with pytest.raises(TableError, match="too short"):
        amiss.fit(made[:10], time="when")
