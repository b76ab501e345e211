"""Tables with a time column: sorted, evened, broken and told; the same table with verdicts comes out, and events."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from amiss.decision import Rule
from amiss.errors import InputError
from amiss.reading import read
from amiss.series.detect import SeriesDetection, detect_series, judged, rule_words
from amiss.series.frame import TimeTable, as_time_table, time_words, until
from amiss.series.windows import local_peak

ROWS, AMISS = 1500, slice(1000, 1025)


def frame(rows: int = ROWS) -> pl.DataFrame:
    """Two waves, one a minute; the second stands higher for 25 minutes."""
    rng, t = np.random.default_rng(0), np.arange(rows)
    x = np.column_stack([np.sin(2 * np.pi * t / 50 + i) for i in range(2)]) + 0.05 * rng.standard_normal((rows, 2))
    x[AMISS, 1] += 1.2
    when = [(dt.datetime(2024, 1, 1) + dt.timedelta(minutes=int(i))).strftime("%Y-%m-%d %H:%M") for i in t]
    label = np.zeros(rows, int)
    label[AMISS] = 1
    return pl.DataFrame({"when": when, "a": x[:, 0], "b": x[:, 1], "word": ["x", "y"] * (rows // 2), "label": label})


def table_of(made: pl.DataFrame, **options: object) -> TimeTable:
    return as_time_table(read(made), "when", drop=["label"], **options)


def detect(made: pl.DataFrame, **options: object) -> SeriesDetection:
    return detect_series(made, "when", learned=False, **{"drop": ["label"]} | options)


def test_rows_in_any_order_repeated_and_absent() -> None:
    whole = frame()
    made = pl.concat([whole[:300], whole[305:600], whole[700:]]).sample(fraction=1, shuffle=True, seed=1)
    made = pl.concat([made, made[:7]])
    table = table_of(made)
    (series,) = table.series
    told = " ".join(table.notes)
    for words in ("run backwards", "7 rows repeat", "5 absent steps", "breaks at 1 gaps", "no channels: 'word'"):
        assert words in told
    assert table.channels == ["a", "b"]
    assert series.breaks == (600,)
    assert len(series.values) == 600 + 800
    assert np.isnan(series.values[300:305]).all()
    assert np.isnan(series.values).sum() == 10
    assert np.allclose(series.values[600:], whole[700:].select("a", "b").to_numpy())
    minutes = (series.times - series.times[0]) / 60
    assert np.allclose(minutes[:600], np.arange(600))
    rows = [dt.datetime.strptime(cell, "%Y-%m-%d %H:%M") for cell in made["when"]]
    assert np.allclose(series.times[series.place], [r.replace(tzinfo=dt.UTC).timestamp() for r in rows])


def test_uneven_steps_are_taken_as_they_come() -> None:
    rng = np.random.default_rng(0)
    made = pl.DataFrame({"t": np.cumsum(rng.exponential(1, 400)), "a": rng.standard_normal(400)})
    table = as_time_table(read(made), "t")
    assert any("uneven" in note for note in table.notes)
    assert len(table.series[0].values) == 400


@pytest.mark.parametrize("form", ["date", "epoch", "number", "typed"])
def test_forms_of_time(form: str) -> None:
    made = frame()
    if form == "epoch":
        made = made.with_columns(when=1_700_000_000 + 60 * pl.int_range(ROWS))
    elif form == "number":
        made = made.with_columns(when=pl.int_range(ROWS))
    elif form == "typed":
        made = made.with_columns(pl.col("when").str.to_datetime("%Y-%m-%d %H:%M"))
    (series,) = table_of(made).series
    assert np.array_equal(series.place, np.arange(ROWS))


def test_verdicts_beside_the_table_and_events() -> None:
    made = frame()
    found = detect(made.sample(fraction=1, shuffle=True, seed=3), train_until="2024-01-01 10:00")
    assert found.frame.columns[-4:] == ["score", "p_value", "is_anomaly", "channels"]
    assert found.card["setting"] == "one-class"
    (event,) = found.events.to_dicts()
    assert "2024-01-01T15:30" < event["start"] < "2024-01-01T16:45"
    assert "2024-01-01T16:45" < event["end"] < "2024-01-01T18:00"
    assert event["channels"].startswith("b 9")
    flagged = found.frame.filter(pl.col("is_anomaly"))["when"]
    assert flagged.min() == event["start"].replace("T", " ")[:16]
    assert found.rule == "steps that score more than 2 times as high as any of the training part"


def test_without_a_training_part_the_event_is_found_too() -> None:
    found = detect(frame(), drop=[], label="label")
    assert found.events.height == 1
    assert found.evaluation[""]["event_f1"] == 1
    assert found.evaluation[""]["vus_pr"] > 0.5


def test_an_ordinary_series_raises_no_alarm() -> None:
    made = frame()[:950]
    assert detect(made, train_until=500).frame["is_anomaly"].sum() == 0
    assert detect(made).frame["is_anomaly"].sum() == 0


def test_many_series_are_learned_alone() -> None:
    one, two = frame(), frame(800)
    made = pl.concat([one.with_columns(machine=pl.lit("m1")), two.with_columns(machine=pl.lit("m2"))])
    made = pl.concat([made, made[:1].with_columns(machine=pl.lit("m3")), made[:1].with_columns(when=pl.lit("never"))])
    found = detect(made, series="machine", train_until=500)
    assert set(found.events["series"]) == {"m1"}
    assert found.frame["score"].null_count() == 2
    assert not found.frame["is_anomaly"][-2:].any()
    assert any("'m3' is left out" in note for note in found.notes)
    alone = detect(one, train_until=500)
    assert found.frame["score"][:ROWS].equals(alone.frame["score"])


def test_training_until_a_time_or_a_number_of_rows() -> None:
    made = frame()
    table = table_of(made)
    (series,) = table.series
    assert until(table, series, 500) == until(table, series, "500") == 500
    assert until(table, series, "2024-01-01 01:00") == until(table, series, "2024-01-01T01:00:30") == 61
    assert until(table, series, None) is None
    for wrong in ("0", "yesterday", "1999-01-01"):
        with pytest.raises(InputError, match="training part"):
            until(table, series, wrong)
    assert time_words(table, series.times[61]) == "2024-01-01T01:01:00"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"time": "word"}, "cannot be read"),
        ({"time": "nope"}, "no column 'nope'"),
        ({"series": "when"}, "cannot name the series"),
        ({"only": ["word"]}, "no channel"),
        ({"train_until": 5}, "too short"),
    ],
)
def test_wrong_columns_are_named(options: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        detect_series(frame()[:200], **{"time": "when", "learned": False} | options)


def test_rules() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(1000)
    score[500] = 9
    for rule, clean in ((None, True), (None, False), (Rule("contamination", 0.001), False), (Rule(), False)):
        p_value, flagged = judged(rule, score, score[:400], clean, 5)
        assert np.flatnonzero(flagged).tolist() == [500]
        assert p_value.argmin() == 500
        assert "steps" in rule_words(rule, clean) or "rule" in rule_words(rule, clean)
    assert "learned from" in rule_words(Rule("contamination", 0.001), False, new=True)
    assert local_peak(np.array([1.0, 0, 0, 0, 3, 0]), 2).tolist() == [1, 1, 3, 3, 3, 3]
