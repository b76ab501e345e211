"""Anomalies of a category's own rows near a number or a moment: which are taken, and that no row sees its own label."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from amiss.encoder import Encoder
from amiss.errors import ModelFileError
from amiss.near import AFTER, Near, learn_near
from amiss.pairs import ANOMALIES_LEAST
from amiss.reading import read
from amiss.table import Table

ROWS = 6000


def frame(seed: int = 0) -> tuple[pl.DataFrame, np.ndarray]:
    """Each of two hundred terminals is broken for a tenth of the year; ``second`` is the time, ``size`` nothing."""
    rng = np.random.default_rng(seed)
    terminal, time = rng.integers(200, size=ROWS), np.sort(rng.random(ROWS))
    broken = abs(time - rng.random(200)[terminal]) < 0.05
    y = (rng.random(ROWS) < np.where(broken, 0.5, 0.01)).astype(int)
    start = datetime(2024, 1, 1)
    columns = {
        "terminal": np.char.add("T", terminal.astype(str)),
        "when": [start + timedelta(days=365 * t) for t in time],
        "second": np.round(time * 365 * 86_400),
        "size": rng.normal(size=ROWS),
    }
    return pl.DataFrame(columns), y


def learned(data: pl.DataFrame, y: np.ndarray) -> tuple[Table, Encoder, list[tuple[Near, np.ndarray]]]:
    table, rows = Table.learn(read(data)), np.arange(len(data))
    encoder = Encoder.fit(table, rows, y)
    return table, encoder, learn_near(table, rows, y, rows % 5, encoder.parts)


def test_the_moment_is_taken_and_no_other_column() -> None:
    data, y = frame()
    table, encoder, [(near, own)] = learned(data, y)
    assert (near.category, near.number) == ("terminal", "when")
    told = near.encode(table, encoder.parts[0])  # type: ignore[arg-type]
    assert told[y == 1].mean() > told[y == 0].mean() + 2
    assert own[y == 1].mean() > own[y == 0].mean() + 1
    assert not learned(data, np.random.default_rng(1).permutation(y))[2]
    assert not learned(data, np.where(np.cumsum(y) < ANOMALIES_LEAST, y, 0))[2]
    assert len(learned(data, np.where(np.arange(ROWS) % 9 == 0, -1, y))[2]) == 1
    few_values = data.with_columns(terminal=pl.Series(["T1", "T2"] * (ROWS // 2)))
    assert not learned(few_values, y)[2]


def test_a_number_is_taken_where_there_is_no_moment() -> None:
    data, y = frame()
    _, _, [(near, _)] = learned(data.drop("when"), y)
    assert near.number == "second"
    assert len(near.edges) < len(learned(data, y)[2][0][0].edges) - AFTER + 1


def test_a_row_does_not_see_its_own_label() -> None:
    """What a row is told stays the same whatever its own label, and that of its fold, is."""
    data, y = frame()
    inside = np.arange(ROWS) % 5 == 2
    changed = inside & (np.arange(ROWS) % 40 < 20)
    (_, told), (_, again) = learned(data, y)[2][0], learned(data, np.where(changed, 0, y))[2][0]
    assert np.array_equal(told[inside], again[inside])
    assert not np.array_equal(told[~inside], again[~inside])


def test_what_was_known_fades_after_the_last_moment() -> None:
    data, y = frame()
    _, encoder, _ = learned(data, y)
    [near], end = encoder.near, data["when"].max()
    last = data["terminal"][int(np.flatnonzero(y)[-1])]
    later = [end + timedelta(days=days) for days in (0, 10, 20, 90, 300)]  # type: ignore[operator]
    rows = data[: len(later)].with_columns(terminal=pl.lit(last), when=pl.Series(later))
    told = near.encode(Table.match(read(rows), encoder.schema), encoder.parts[0])  # type: ignore[arg-type]
    assert (np.diff(told[:4]) < 0).all()
    assert abs(told[4] - told[3]) < 0.2


def test_encoded_saved_and_described(tmp_path: object) -> None:
    data, y = frame()
    table, encoder, _ = learned(data, y)
    assert [f.name for f in encoder.features if f.role == "near"] == ["anomalies of terminal near when"]
    again = Encoder.from_json(encoder.schema, json.loads(json.dumps(encoder.to_json())))
    assert np.array_equal(again.transform(table), encoder.transform(table))
    some = data[:3].with_columns(terminal=pl.Series(["T1", "never seen", None]))
    part = encoder.transform(Table.match(read(some), encoder.schema))
    assert np.isfinite(part).all()
    whole = encoder.transform(table)[:50]
    assert np.array_equal(encoder.transform(Table.match(read(data[:50]), encoder.schema)), whole)  # whatever the batch
    steps = {d["column"]: d for d in encoder.describe()}["terminal"]
    assert "anomalies of its value near the row's when" in steps["steps"]
    state = encoder.to_json()
    for damage in ({"cells": [10**9]}, {"rows": []}, {"odd": 1}):
        with pytest.raises(ModelFileError):
            Encoder.from_json(encoder.schema, {**state, "near": [{**state["near"][0], **damage}]})
