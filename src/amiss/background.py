"""Ordinary training rows that a model keeps, to say what would be typical for a row like this one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

import numpy as np
import polars as pl

from amiss.base import Learner
from amiss.cells import as_text, is_text
from amiss.encoder import Encoder
from amiss.errors import ModelFileError
from amiss.table import Table

MOST = 512  #: rows that are kept
DRAWN = 1.25  #: rows drawn for each that is kept; the strangest of them are left out
CELL_MOST = 200  #: characters of a cell that are kept
LONG = re.compile(r"[+-]?\d+\.\d{7,}(?:[eE][+-]?\d+)?")  #: a number with many decimals
MOMENTS: tuple[tuple[Any, Any], ...] = (
    (pl.Date, date.fromisoformat), (pl.Datetime, datetime.fromisoformat), (pl.Time, time.fromisoformat),
)  # fmt: skip
FAR = 9.0  #: a column counts at most this much in a distance: one wild cell must not decide who is a neighbour


@dataclass
class Background:
    """Rows that the model finds ordinary, encoded and as the person wrote them.

    z: (m, features) float32. score: (m,). place: (m,) row numbers in the training table, from 0.
    cells: text of the learned columns by name, (m,) each; None = missing. Empty where no training rows may be kept:
    there is one made-up row then, see :meth:`anonymous`.
    """

    z: np.ndarray
    score: np.ndarray
    place: np.ndarray
    cells: dict[str, list[str | None]]

    @classmethod
    def learn(
        cls, table: Table, y: np.ndarray | None, encoder: Encoder, detector: Learner, seed: int = 0
    ) -> Background:
        """A sample of the training rows without known anomalies and without its strangest fifth."""
        allowed = np.arange(table.rows) if y is None else np.flatnonzero(y != 1)
        rng = np.random.default_rng(seed)
        rows = np.sort(rng.permutation(allowed)[: int(MOST * DRAWN)])
        part = take(table, rows)
        z = encoder.transform(part)
        score = detector.score_encoded(z)
        kept = np.sort(np.argsort(score, kind="stable")[: max(2, int(len(rows) / DRAWN))])
        cells = {c.name: texts(part.raw.frame[c.name].gather(kept)) for c in table.schema.learned}
        return cls(z[kept], score[kept], rows[kept], cells)

    def anonymous(self, blocks: list[np.ndarray]) -> Background:
        """One row that nobody is: in each column the encoded cell that is nearest the middle; no cells, no places."""
        middle, row = np.median(self.z, axis=0), np.zeros(self.z.shape[1], np.float32)
        for features in blocks:
            off = ((self.z[:, features] - middle[features]) ** 2).sum(1)
            row[features] = self.z[np.argmin(off), features]
        return Background(row[None], np.array([np.median(self.score)]), np.array([-1]), {})

    @property
    def examples(self) -> bool:
        """Whether its rows are training rows."""
        return bool(self.cells)

    def __len__(self) -> int:
        return len(self.z)

    def to_state(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        """(what JSON holds, arrays)."""
        return {"cells": self.cells}, {"z": self.z, "score": self.score, "place": self.place}

    @classmethod
    def from_state(cls, state: Any, arrays: dict[str, np.ndarray]) -> Background:
        """Inverse of :meth:`to_state`. Raises ModelFileError for anything else."""
        try:
            found = cls(arrays["z"], arrays["score"], arrays["place"], dict(state["cells"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError("the model's background is damaged", found=repr(error)) from error
        sizes = {*map(len, found.cells.values()), len(found.score), len(found.place)}
        if sizes != {len(found.z)}:
            raise ModelFileError("the model's background is damaged", found="columns of unequal length")
        return found


def take(table: Table, rows: np.ndarray) -> Table:
    """The table of these rows, under the same schema; its notes are left behind."""
    raw = replace(table.raw, frame=table.raw.frame[rows.astype(np.int64)], notes=())
    return Table(raw, table.schema)


def put(table: Table, cells: Sequence[Mapping[str, str | None]]) -> Table:
    """The table with new cells, for each of its rows {column: text as :func:`cell_text` gives it, None = missing}."""
    frame = table.raw.frame
    for name in dict.fromkeys(name for row in cells for name in row):
        old = frame[name]
        new = pl.Series(name, [row.get(name) for row in cells], dtype=pl.String)
        if is_text(old.dtype):
            old = as_text(old)
        elif old.dtype.is_numeric():
            old, new = old.cast(pl.Float64), new.cast(pl.Float64, strict=False)
        elif old.dtype == pl.Boolean:
            new = new.str.to_lowercase() == "true"
        elif reader := next((read for kind, read in MOMENTS if old.dtype == kind), None):
            new = pl.Series(name, [text and reader(text) for text in new], dtype=old.dtype)
        else:  # spans of time have no text that is read again: the cells stay, and a change of them is not believed
            continue
        frame = frame.with_columns(new.zip_with(pl.Series([name in row for row in cells], dtype=pl.Boolean), old))
    return Table(replace(table.raw, frame=frame, notes=()), table.schema)


def texts(series: pl.Series) -> list[str | None]:
    """Cells as the person would write them, cut to ``CELL_MOST`` characters."""
    return [cell_text(v) for v in series.to_list()]


def cell_text(value: Any) -> str | None:
    """A cell as text; None = missing. Numbers get six significant digits, those of a text where they have more decimals
    than a person writes."""
    if value is None or (isinstance(value, float) and value != value):
        return None
    if isinstance(value, float):
        text = f"{value:.6g}"
        return text if "e" not in text or not 1e-4 <= abs(value) < 1e15 else f"{value:,.0f}".replace(",", "")
    text = str(value).strip()
    if not text:
        return None
    if LONG.fullmatch(text):
        return cell_text(float(text))
    return text if len(text) <= CELL_MOST else text[: CELL_MOST - 1] + "…"


def column_distances(a: np.ndarray, b: np.ndarray, blocks: list[np.ndarray]) -> np.ndarray:
    """(rows of a, rows of b, columns) float32 distances, a column at a time, each at most ``FAR``.

    blocks: the features of each column. A column of several features counts as one.
    """
    found = np.empty((len(a), len(b), len(blocks)), np.float32)
    for j, features in enumerate(blocks):
        gap = np.zeros((len(a), len(b)), np.float32)
        for f in features:
            gap += (a[:, None, f] - b[None, :, f]) ** 2
        np.minimum(gap, FAR, out=found[:, :, j])
    return found
