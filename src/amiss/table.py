"""The checked table: the only door between people's tables and the rest of the house.

``learn`` finds out what the columns hold; ``match`` holds another table against that. Columns go by name: their order
does not matter, others are left out with a note.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from amiss import cells
from amiss.errors import ColumnError, TableError, did_you_mean
from amiss.kinds import infer_column
from amiss.reading import RawTable
from amiss.schema import Schema

_SHOWN = 12  #: columns named in a message before it says how many more


def resolve(raw: RawTable, name: str | int) -> str:
    """The column of that name, or at that place (1, 2, ...) where no column is called so. Raises ColumnError."""
    columns, wanted = raw.frame.columns, str(name)
    if wanted in columns:
        return wanted
    if wanted.isdecimal():
        if 1 <= int(wanted) <= len(columns):
            return columns[int(wanted) - 1]
        required = f"a column's name, or a place from 1 to {len(columns)}"
        raise ColumnError(f"there is no column {wanted}", where=raw.source, required=required)
    raise ColumnError(f"there is no column {wanted!r}", where=raw.source, hint=did_you_mean(wanted, columns))


Columns = str | int | Sequence[str | int] | None  #: columns to learn from or to leave out


def several(names: Columns) -> list[str | int]:
    """Columns' names as people give them: one, several or none."""
    if names is None:
        return []
    return [names] if isinstance(names, (str, int)) else list(names)


class Table:
    """A table of ``rows`` rows that fits its ``schema``; ``notes`` say what the person should know.

    A value is missing where the cell is empty, a word for missing, NaN or infinite.
    """

    def __init__(self, raw: RawTable, schema: Schema, notes: Sequence[str] = ()) -> None:
        self.raw, self.schema, self.notes = raw, schema, [*raw.notes, *notes]
        self.rows: int = raw.frame.height
        self._columns = {c.name: c for c in schema}  # a schema is searched from its start, at 5,000 columns too slowly
        self._parsed: dict[str, pl.Series] = {}

    @classmethod
    def learn(
        cls,
        raw: RawTable,
        *,
        only: Columns = (),
        drop: Columns = (),
        label: str | int | None = None,
    ) -> Table:
        """Find out what the columns hold. Raises TableError if nothing can be learned, ColumnError for wrong names."""
        names = _chosen(raw, several(only), several(drop), label)
        if raw.frame.height < 2:
            raise TableError("the table has one row", where=raw.source, required="at least 2 rows", found="1 row")
        if raw.frame.width < 2:
            raise TableError(
                "the table has one column",
                where=raw.source,
                required="at least two columns",
                found=f"{raw.frame.columns[0]!r} alone",
                hint="separate the fields of a text with a comma, a semicolon, a tab or a bar",
            )
        columns = [infer_column(raw.frame[name], raw.frame.height, raw.nulls) for name in names]
        table = cls(raw, Schema(tuple(columns)))._without_duplicates()
        if not table.schema.learned:
            why = "; ".join(f"{c.name!r} {c.kind}: {c.note}" for c in table.schema.columns[:_SHOWN])
            raise TableError(
                "no column can be learned from",
                where=raw.source,
                required="at least one column of numbers, categories, dates or text",
                found=why + _more(len(columns)) or "no column is left",
                hint="if a column was taken for something it is not, say so in an issue, or reshape it",
            )
        for column in table.schema:
            if column.note:
                used = "" if column.learned else ", not used"
                table.notes.append(f"column {column.name!r} ({column.kind}{used}): {column.note}")
        return table

    @classmethod
    def match(cls, raw: RawTable, schema: Schema, *, label: str | int | None = None) -> Table:
        """Hold a table against a learned schema. One ColumnError names all columns that are absent, or hold no values
        of the kind that was learned."""
        have = set(raw.frame.columns)
        absent = [c.name for c in schema.learned if c.name not in have]
        if absent:
            raise ColumnError(
                f"{len(absent)} columns that the model learned from are absent"
                if len(absent) > 1
                else "a column that the model learned from is absent",
                where=raw.source,
                required=", ".join(map(repr, absent[:_SHOWN])) + _more(len(absent)),
                found=", ".join(map(repr, raw.frame.columns[:_SHOWN])) + _more(raw.frame.width),
                hint="give a table with the same columns; their order does not matter",
            )
        known = {*schema.names, *([resolve(raw, label)] if label is not None else [])}
        extra = [name for name in raw.frame.columns if name not in known]
        notes = (
            [f"columns the model does not know are ignored: {', '.join(map(repr, extra[:_SHOWN]))}" + _more(len(extra))]
            if extra
            else []
        )
        table = cls(raw, schema, notes)
        table._check()
        return table

    def numbers(self, name: str) -> np.ndarray:
        """(rows,) float64 of a numeric or datetime column (dates: seconds since 1970); NaN = missing."""
        return self._values(name).cast(pl.Float64).fill_null(np.nan).to_numpy()

    def counts(self, name: str) -> tuple[list[str], np.ndarray]:
        """Distinct words by falling count, then by word, and the counts (distinct,) int64; missing left out."""
        counted = self._words(name).drop_nulls().alias("word").value_counts(name="count")
        counted = counted.sort("count", "word", descending=[True, False])
        return counted["word"].to_list(), counted["count"].cast(pl.Int64).to_numpy()

    def codes(self, name: str, values: Sequence[str]) -> np.ndarray:
        """(rows,) int32: place in ``values``; -1 = missing, -2 = not among them."""
        words = self._words(name)
        if not len(values):
            return words.is_null().to_numpy().astype(np.int32) - 2
        places = words.replace_strict(list(values), list(range(len(values))), default=-2, return_dtype=pl.Int32)
        return places.set(words.is_null(), -1).to_numpy().astype(np.int32)

    def words(self, name: str) -> list[str | None]:
        """The cells as text, stripped; None = missing."""
        return self._words(name).to_list()

    def _words(self, name: str) -> pl.Series:
        parser = self._columns[name].parser
        word, _, missing = cells.split_parser(parser) if parser else ("words", (), ())
        return cells.words(self.raw.frame[name], (*self.raw.nulls, *(missing if word == "words" else ())))

    def _values(self, name: str) -> pl.Series:
        if name in self._parsed:
            return self._parsed[name]
        raw = self.raw.frame[name]
        values, _ = cells.parse_checked(raw, self._columns[name].parser, self.raw.nulls)
        self._keep(name, raw, values)
        return values

    def _keep(self, name: str, raw: pl.Series, values: pl.Series) -> None:
        """Text is dear to parse again, typed cells are not."""
        if cells.is_text(raw.dtype) and values.dtype == pl.Float64:
            self._parsed[name] = values

    def _without_duplicates(self) -> Table:
        """The table with columns whose values equal an earlier one's as duplicates."""
        alike = Counter((c.kind, c.distinct, c.missing) for c in self.schema)  # else they cannot be equal
        first: dict[tuple[str, bytes], str] = {}
        columns = []
        for column in self.schema:
            if column.learned and alike[column.kind, column.distinct, column.missing] > 1:
                values = self._values(column.name)
                original = first.setdefault((str(values.dtype), _digest(values)), column.name)
                if original != column.name and values.equals(self._values(original), null_equal=True):
                    column = replace(column, kind="duplicate", note=f"equal to {original!r}")
            columns.append(column)
        table = Table(self.raw, Schema(tuple(columns)))
        table._parsed = self._parsed
        return table

    def _check(self) -> None:
        """Raise ColumnError for every learned column with cells that are no such values."""
        wrong, sparse = [], []
        for column in self.schema.learned:
            raw = self.raw.frame[column.name]
            values, bad = cells.parse_checked(raw, column.parser, self.raw.nulls)
            if bad is not None:
                row = int(bad.arg_max() or 0)
                count = int(bad.sum() or 0)
                more = f", and {count - 1:,} more such rows" if count > 1 else ""
                what = "a number" if column.kind == "numeric" else f"a date ({column.parser})"
                wrong.append(f"column {column.name!r}, row {row + 1}: {str(raw[row])[:60]!r} is not {what}{more}")
            self._keep(column.name, raw, values)
            if values.null_count() == self.rows and column.missing < self.rows:
                sparse.append(column.name)
        if wrong:
            raise ColumnError(
                "columns hold other things than the model learned"
                if len(wrong) > 1
                else "a column holds other things than the model learned",
                where=self.raw.source,
                found="\n         ".join(wrong[:_SHOWN]) + _more(len(wrong)),
                hint="repair those cells, or leave them empty; if the word means missing: --null WORD",
            )
        if sparse:
            names = ", ".join(map(repr, sparse[:_SHOWN])) + _more(len(sparse))
            self.notes.append(f"columns without any value here: {names}")


def _more(count: int) -> str:
    return f" and {count - _SHOWN} more" if count > _SHOWN else ""


def _digest(values: pl.Series) -> bytes:
    data = values.to_frame().hash_rows() if values.dtype == pl.String else values.cast(pl.Float64)
    return hashlib.blake2b(np.ascontiguousarray(data.to_numpy()).data, digest_size=16).digest()


def _chosen(raw: RawTable, only: Sequence[str | int], drop: Sequence[str | int], label: str | int | None) -> list[str]:
    """The columns to learn from, in the table's order; all wrong names in one ColumnError."""
    wrong: list[ColumnError] = []
    found: list[set[str]] = []
    for wanted in (only, drop, () if label is None else (label,)):
        found.append(set())
        for name in wanted:
            try:
                found[-1].add(resolve(raw, name))
            except ColumnError as error:
                wrong.append(error)
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        raise ColumnError(
            "some columns are absent",
            where=raw.source,
            found="; ".join(f"{e.problem} ({e.hint or e.required})" for e in wrong),
        )
    keep, away, is_label = found
    names = [n for n in raw.frame.columns if (n in keep or not only) and n not in away and n not in is_label]
    if not names:
        raise TableError(
            "no column is left to learn from",
            where=raw.source,
            required="at least one besides the label",
            found=f"{raw.frame.width} columns, of which {len(away)} dropped and {len(is_label)} the label",
        )
    return names
