"""Lines of text, CSV or JSON -> times, names of series and values, as a model of series wants them."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from amiss import cells
from amiss.errors import ColumnError, TableError

if TYPE_CHECKING:
    from amiss.series.model import SeriesModel


class LineReader:
    """Knows the columns of a stream. The first line tells whether it is JSON, and names the columns of CSV.

    header: False: CSV without names, its columns are the time, the series (if the model has several) and the channels.
    """

    def __init__(self, model: SeriesModel, header: bool = True) -> None:
        self.time, self.by = model.time, model.by
        self.channels = list(model.schema.names)
        self.parsers = [column.parser for column in model.schema]
        self.parser = model.parser
        self.nulls = tuple(model.card.get("reading", {}).get("nulls") or ())
        self.wanted = [self.time, *([self.by] if self.by else []), *self.channels]
        self.columns: list[str] | None = None if header else self.wanted
        self.json, self.count, self.separator = False, 0, ","

    def read(
        self, lines: list[bytes], torn: bool = False
    ) -> tuple[list[str], np.ndarray, list[str] | None, np.ndarray]:
        """(times as written, times (rows,), names of series, values (rows, channels)) of the lines with rows.

        ``failed`` holds the error of a line with other columns than the header; rows before it are given. torn: the
        last line has no end.
        """
        rows: list[list[str]] = []
        self.failed: TableError | ColumnError | None = None
        for i, line in enumerate(lines):
            self.count += 1
            text = line.decode("utf-8", "replace").strip("\r\n\ufeff ")
            if not text:
                continue
            try:
                row = self._row(text)
            except (TableError, ColumnError) as error:
                self.failed = _torn(error) if torn and i == len(lines) - 1 else error
                break
            if row is not None:
                rows.append(row)
        parts: list[list[str]] = [list(part) for part in zip(*rows)] or [[] for _ in self.wanted]
        first = 2 if self.by else 1
        values = np.empty((len(rows), len(self.channels)))
        for i, parser in enumerate(self.parsers):
            values[:, i] = self._numbers(parts[first + i], parser)
        return parts[0], self._parsed(parts[0], self.parser), parts[1] if self.by else None, values

    def _row(self, text: str) -> list[str] | None:
        """The wanted cells of a line; None for one that names the columns."""
        if self.columns is None and text[0] == "{":
            self.json, self.columns = True, []
        if self.json:
            return self._of_json(text)
        if self.columns is None:
            self.separator = max(",;\t|", key=text.count)
            self._name(self._cells(text), [])
            return None
        row = self._cells(text)
        if len(row) != len(self.columns):
            raise TableError(
                "the columns of the stream change", where=f"line {self.count:,}",
                required=f"{len(self.columns)} fields: {', '.join(self.columns[:8])}",
                found=f"{len(row)} fields: {text[:80]!r}", hint="rows before it were scored; begin a new stream there",
            )  # fmt: skip
        if row[self.places[0]] == self.time or (row != self.columns and set(self.wanted) <= set(row)):
            self._name(row, row)  # a header again, perhaps in another order
            return None
        return [row[place] for place in self.places]

    def _name(self, names: list[str], _: list[str]) -> None:
        absent = [name for name in self.wanted if name not in names]
        if absent:
            raise ColumnError(
                "columns that the model learned from are absent", where=f"line {self.count:,}",
                required=", ".join(map(repr, absent[:12])), found=", ".join(map(repr, names[:12])),
                hint="the first line names the columns; without such a line: --no-header",
            )  # fmt: skip
        self.columns = names

    @property
    def places(self) -> list[int]:
        if self._known is not self.columns:
            assert self.columns is not None
            self._known, self._places = self.columns, [self.columns.index(name) for name in self.wanted]
        return self._places

    _known: list[str] | None = None
    _places: list[int] = []  # noqa: RUF012 - replaced, never changed

    def _cells(self, text: str) -> list[str]:
        if '"' in text:
            return next(csv.reader([text], delimiter=self.separator))
        return text.split(self.separator)

    def _of_json(self, text: str) -> list[str]:
        try:
            row = json.loads(text)
        except ValueError as error:
            raise TableError(
                "the line is no JSON", where=f"line {self.count:,}", found=repr(text[:80]),
                hint="one object a line; rows before it were scored",
            ) from error  # fmt: skip
        if not isinstance(row, dict) or self.time not in row or not any(name in row for name in self.channels):
            raise TableError(
                "the columns of the stream change", where=f"line {self.count:,}", required=", ".join(self.wanted[:12]),
                found=repr(text[:80]), hint="rows before it were scored; begin a new stream there",
            )  # fmt: skip
        return ["" if row.get(name) is None else _text(row[name]) for name in self.wanted]

    def _numbers(self, texts: list[str], parser: str) -> np.ndarray:
        if parser in ("number", ""):
            try:
                return np.array(texts, dtype=float)
            except ValueError:
                pass
        return self._parsed(texts, parser or "number")

    def _parsed(self, texts: list[str], parser: str) -> np.ndarray:
        values, _ = cells.parse_checked(pl.Series(texts, dtype=pl.String), parser, self.nulls)
        return values.cast(pl.Float64).fill_null(np.nan).to_numpy()


def _torn(error: TableError | ColumnError) -> TableError:
    """A last line without an end is likelier cut short than of other columns."""
    return TableError(
        "the last line is torn", where=error.where, required=error.required, found=error.found,
        hint="rows before it were scored; give that line again, whole, and with --state go on from there",
    )  # fmt: skip


def _text(cell: Any) -> str:
    return cell if isinstance(cell, str) else json.dumps(cell)
