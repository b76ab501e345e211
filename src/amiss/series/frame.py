"""A table with a time column -> series: rows in order of time, on an even grid where there is one, all of it told.

- Rows without a readable time belong to no series. Rows of one time are averaged; the others are sorted.
- Steps are even where nine of ten differences are multiples of the median one. Then up to 8 absent steps are put in
  as missing, and where more are absent time is taken to break: no window spans a break.
- Otherwise rows are taken as they follow each other, with a break at every twentyfold step.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import polars as pl

from amiss import cells
from amiss.errors import ColumnError, OptionError, TableError
from amiss.kinds import infer_column
from amiss.reading import RawTable
from amiss.schema import Schema
from amiss.table import Columns, Table, resolve, several

EVEN, EXACT = 0.9, 0.1  #: share of the differences that are multiples of the step, and how nearly
MOST_FILLED, BREAK = 8, 20  #: absent steps that are put in; steps of an uneven series that are a break
SHOWN = 6


@dataclass(frozen=True)
class Series:
    """One series of a table.

    name: its value in the series column. values: (steps, channels), NaN = missing. place: (rows of the table,) the
    step of each row, -1 where it belongs to another series or to none. times: (steps,) seconds, or the time column's
    numbers. breaks: steps before which time breaks.
    """

    name: str
    values: np.ndarray
    place: np.ndarray
    times: np.ndarray
    breaks: tuple[int, ...] = ()


@dataclass(frozen=True)
class TimeTable:
    """A table as series. time: the column's name. parser: how its cells are read. by: the column that names the series.
    schema: the channels, in order. notes: what was done."""

    series: list[Series]
    time: str
    parser: str
    schema: Schema
    by: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def dated(self) -> bool:
        """Whether times are seconds."""
        return self.parser.startswith(("date", "epoch"))

    @property
    def channels(self) -> list[str]:
        return list(self.schema.names)


def as_time_table(
    raw: RawTable, time: str | int, series: str | int | None = None, *, only: Columns = (),
    drop: Columns = (), label: str | int | None = None,
) -> TimeTable:  # fmt: skip
    """The series of a table. Raises ColumnError for a time that cannot be read, TableError where no channel is left."""
    name = resolve(raw, time)
    by = None if series is None else resolve(raw, series)
    if by == name:
        raise ColumnError("the time column cannot name the series, too", where=raw.source, found=repr(name))
    seconds, parser, notes = read_times(raw, name)
    table = Table.learn(raw, only=only, drop=[*several(drop), name, *([by] if by else [])], label=label)
    channels = Schema(tuple(c for c in table.schema.learned if c.kind == "numeric"))
    notes = [*table.notes, *notes]
    others = [repr(c.name) for c in table.schema.learned if c.kind != "numeric"]
    if others:
        more = f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        notes.append(f"columns that are no numbers are no channels: {', '.join(others[:SHOWN])}{more}")
    if not channels.columns:
        raise TableError(
            "the table has no channel", where=raw.source, required="a numeric column beside the time",
            found=", ".join(others[:SHOWN]) or "none", hint="choose other columns with --only or --drop",
        )  # fmt: skip
    return _grouped(raw, table, channels, name, parser, by, seconds, notes)


def match_time_table(
    raw: RawTable, schema: Schema, time: str, parser: str, by: str | None, ignored: list[str] | None = None,
    as_they_come: bool = False,
) -> TimeTable:  # fmt: skip
    """The series of another table, with the channels, the time and the names of series of an earlier one.

    ignored: columns that need no note. as_they_come: rows in order of time, nothing averaged or
    put in. Raises ColumnError for what is absent or holds other things.
    """
    away = {resolve(raw, column) for column in (time, *([by] if by else []), *(ignored or []))}
    rest = raw.frame.drop(away)
    table = Table.match(replace(raw, frame=rest if rest.width else raw.frame), schema)
    seconds, parser, notes = read_times(raw, time, parser)
    return _grouped(raw, table, schema, time, parser, by, seconds, [*table.notes, *notes], as_they_come)


def _grouped(
    raw: RawTable, table: Table, channels: Schema, time: str, parser: str, by: str | None, seconds: np.ndarray,
    notes: list[str], as_they_come: bool = False,
) -> TimeTable:  # fmt: skip
    """Rows parted by the series they belong to."""
    values = np.column_stack([table.numbers(c) for c in channels.names])
    known = np.flatnonzero(np.isfinite(seconds))
    if by is None:
        parted = {"": known}
    else:
        names = cells.words(raw.frame[by], raw.nulls).fill_null("")
        order = names.to_frame("name").with_row_index().group_by("name", maintain_order=True).agg("index")
        timed = np.isfinite(seconds)
        parted = {}
        for name, rows in zip(order["name"], order["index"]):
            places = rows.to_numpy()
            parted[name] = places[timed[places]]
    told: dict[str, int] = {}
    one = _as_they_come if as_they_come else _one
    found = [one(name, values, seconds, rows, told) for name, rows in parted.items() if len(rows)]
    notes = notes + [words.format(f"{count:,}") for words, count in told.items()]
    if not found:
        raise TableError("no row has a time", where=f"{raw.source}, column {time!r}")
    return TimeTable(found, time, parser, channels, by, notes)


def read_times(raw: RawTable, name: str, known: str = "") -> tuple[np.ndarray, str, list[str]]:
    """(rows,) seconds since 1970 or numbers, NaN where there is none; the parser; notes. known: the parser to try
    first."""
    column = raw.frame[name]
    kind = infer_column(column, raw.frame.height, raw.nulls)
    tries = [kind.parser] if kind.kind in ("datetime", "numeric") and kind.parser else []
    for parser in [*([known] if known else []), *tries, "date iso", "number"]:
        values, bad = cells.parse_checked(column, parser, raw.nulls)
        wrong = 0 if bad is None else int(bad.sum() or 0)
        if len(values) - values.null_count() and wrong <= 0.01 * len(values):
            break
    else:
        cell = next((str(c) for c in column.to_list() if c is not None), "nothing")
        raise ColumnError(
            "the time column cannot be read", where=f"{raw.source}, column {name!r}",
            required="dates, times or numbers that count up", found=repr(cell[:60]),
        )  # fmt: skip
    gone = values.null_count()
    notes = [f"{gone:,} rows without a readable time belong to no series: their score is empty"] if gone else []
    return values.cast(pl.Float64).fill_null(np.nan).to_numpy(), parser, notes


def _one(name: str, values: np.ndarray, seconds: np.ndarray, rows: np.ndarray, told: dict[str, int]) -> Series:
    """The series of some rows; told: counts of what was done, by the words for it."""

    def tell(words: str, count: int) -> None:
        if count:
            told[words] = told.get(words, 0) + int(count)

    tell("{} times run backwards: rows are taken in order of time", (np.diff(seconds[rows]) < 0).sum())
    times, step = np.unique(seconds[rows], return_inverse=True)
    tell("{} rows repeat the time of another one: their values are averaged", len(rows) - len(times))
    x = _averaged(values[rows], step, len(times)) if len(times) < len(rows) else values[rows][np.argsort(step)]
    breaks: tuple[int, ...] = ()
    if len(times) > 2:
        gaps = np.diff(times)
        unit = float(np.median(gaps))
        count = np.round(gaps / unit)
        if (np.abs(gaps / unit - np.maximum(count, 1)) < EXACT).mean() >= EVEN:
            absent = np.maximum(count.astype(int) - 1, 0)
            filled = np.where(absent <= MOST_FILLED, absent, 0)
            tell("{} absent steps are put in as missing values", filled.sum())
            tell("time breaks at {} gaps of more than 8 steps: no window spans them", (absent > MOST_FILLED).sum())
            at = np.concatenate([[0], np.cumsum(filled + 1)])
            breaks = tuple(at[1:][absent > MOST_FILLED].tolist())
            grid = np.full((at[-1] + 1, x.shape[1]), np.nan)
            grid[at] = x
            x, times, step = grid, np.interp(np.arange(len(grid)), at, times), at[step]
        else:
            tell("steps of {} series are uneven: rows are taken as they follow each other", 1)
            breaks = tuple((np.flatnonzero(gaps > BREAK * unit) + 1).tolist())
            tell("time breaks at {} steps that are 20 times as long as usual", len(breaks))
    place = np.full(len(seconds), -1)
    place[rows] = step
    return Series(name, x, place, times, breaks)


def _as_they_come(name: str, values: np.ndarray, seconds: np.ndarray, rows: np.ndarray, told: dict[str, int]) -> Series:
    """The series of some rows, each a step of its own."""
    rows = rows[np.argsort(seconds[rows], kind="stable")]
    place = np.full(len(seconds), -1)
    place[rows] = np.arange(len(rows))
    return Series(name, values[rows], place, seconds[rows])


def _averaged(values: np.ndarray, step: np.ndarray, steps: int) -> np.ndarray:
    """(steps, channels) means of the known values of each step."""
    known = np.isfinite(values)
    total, count = np.zeros((steps, values.shape[1])), np.zeros((steps, values.shape[1]))
    np.add.at(total, step, np.where(known, values, 0))
    np.add.at(count, step, known)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def until(table: TimeTable, series: Series, text: str | int | None) -> int | None:
    """Steps of the training part: ``text`` is a time of the time column, its rows up to it, or a number of rows."""
    if text is None:
        return None
    word = str(text).strip()
    rows = np.sort(series.place[series.place >= 0])
    dated = table.parser.startswith("date") and cells.parse(pl.Series([word]), table.parser)[0] is not None  # a year
    if word.isdecimal() and int(word) <= len(rows) and not dated:
        count = int(word)
        if count < 1:
            raise OptionError("the training part is empty", required="a time or a number of rows", found=repr(word))
        return int(rows[count - 1]) + 1
    for parser in (table.parser, "date iso"):
        moment = cells.parse(pl.Series([word]), parser)[0]
        if moment is not None:
            found = int(np.searchsorted(series.times, float(moment), side="right"))
            if not found:
                raise OptionError("the training part ends before the series begins", found=repr(word))
            return found
    if word.isdecimal():
        raise TableError(
            "the training part has more rows than the series", required=f"at most {len(rows):,}", found=f"{int(word):,}"
        )
    raise OptionError(
        "the end of the training part is not understood", found=repr(word),
        required=f"a number of rows, or a time as in the column {table.time!r}",
    )  # fmt: skip


def time_words(table: TimeTable, moment: Any) -> str:
    """A time as text: ISO 8601 for dates, else the number."""
    if table.dated:
        return str(np.datetime64(round(float(moment) * 1e6), "us")).removesuffix(".000000")
    return f"{float(moment):g}" if float(moment) != int(moment) else str(int(moment))
