"""Columns that give the label away are found, and only those."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from amiss import leaks
from amiss.leaks import find_leaks
from amiss.reading import read
from amiss.table import Table


def make(rows: int = 2000, share: float = 0.05) -> tuple[pl.DataFrame, np.ndarray]:
    rng = np.random.default_rng(1)
    y = (rng.random(rows) < share).astype(np.int8)
    frame = pl.DataFrame({
        "honest": rng.normal(size=rows) + 1.5 * y,
        "noise": rng.normal(size=rows),
        "town": rng.choice(["Rome", "Oslo", "Bern"], rows),
        "shop": [f"s{v}" for v in rng.integers(0, 300, rows)],
    })  # fmt: skip
    return frame, y


def names(frame: pl.DataFrame, y: np.ndarray) -> list[str]:
    return [leak["column"] for leak in find_leaks(Table.learn(read(frame)), y)]


def test_honest_columns_are_no_leaks() -> None:
    assert names(*make()) == []


@pytest.mark.parametrize("kind", ["copy", "shifted", "band", "word", "missing", "part", "date"])
def test_leaks_are_found(kind: str) -> None:
    frame, y = make()
    rng = np.random.default_rng(2)
    columns = {
        "copy": pl.Series(y),
        "shifted": pl.Series(y * 100 + rng.random(len(y))),
        "band": pl.Series(np.where(y == 1, 0.5 + 0.01 * rng.random(len(y)), rng.choice([0.0, 1.0], len(y)))),
        "word": pl.Series(np.where(y == 1, "blocked", rng.choice(["open", "new"], len(y)))),
        "missing": pl.Series([None if v else w for v, w in zip(y, rng.normal(size=len(y)), strict=True)]),
        "part": pl.Series(((y == 1) & (rng.random(len(y)) < 0.3)).astype(int)),  # some anomalies, no false alarm
        "date": pl.Series([None if v == 0 else f"2024-03-{1 + i % 28:02d}" for i, v in enumerate(y)]),
    }
    assert names(frame.with_columns(suspect=columns[kind]), y) == ["suspect"]


def test_strongest_first_with_numbers() -> None:
    frame, y = make()
    part = (y == 1) & (np.random.default_rng(2).random(len(y)) < 0.3)
    found = find_leaks(Table.learn(read(frame.with_columns(part=part.astype(int), all=pl.Series(y)))), y)
    assert [leak["column"] for leak in found] == ["all", "part"]
    assert found[0] == {"column": "all", "roc_auc": 1.0, "recall_without_false_alarms": 1.0}
    assert 0.2 < found[1]["recall_without_false_alarms"] < 0.4


def test_unlabelled_rows_and_few_labels() -> None:
    frame, y = make()
    frame = frame.with_columns(copy=pl.Series(y))
    some = np.where(np.random.default_rng(3).random(len(y)) < 0.5, y, -1)
    assert names(frame, some) == ["copy"]
    few = np.full(len(y), -1)
    few[np.flatnonzero(y)[:3]], few[np.flatnonzero(y == 0)[:50]] = 1, 0
    assert names(frame, few) == [], "three anomalies prove nothing"


def test_long_tables_are_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "LOOK_AT", 400)
    frame, y = make()
    assert names(frame.with_columns(copy=pl.Series(y)), y) == ["copy"]
    assert names(frame, y) == []
