"""Objects in memory -> a frame: polars, pandas, Arrow, NumPy, rows of dicts. pandas and pyarrow are never imported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl

from amiss.errors import TableError

_ACCEPTED = "a path, a polars or pandas frame, an Arrow table, a NumPy array of two dimensions or a list of dicts"


def from_object(source: Any) -> tuple[pl.DataFrame, str, list[str]]:
    """The frame, what to call it, notes."""
    home = type(source).__module__.split(".")[0]
    try:
        if isinstance(source, pl.DataFrame):
            return source, "<frame>", []
        if isinstance(source, pl.LazyFrame):
            return source.collect(), "<frame>", []
        if isinstance(source, np.ndarray):
            return _from_array(source), "<array>", []
        if home == "pandas":
            return _from_pandas(source), "<frame>", []
        if home == "pyarrow" or hasattr(source, "__arrow_c_stream__"):
            return _from_arrow(source), "<frame>", []
    except pl.exceptions.PolarsError as error:
        raise TableError("the frame cannot be read", where="<frame>", found=str(error).splitlines()[0][:200]) from error
    if isinstance(source, Mapping):
        return _from_columns(source), "<columns>", []
    if isinstance(source, Sequence) and source and all(isinstance(row, Mapping) for row in source):
        return from_rows(source), "<rows>", []
    raise TableError("this is no table", required=_ACCEPTED, found=_described(source))


def from_rows(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows of dicts; a key that a row lacks is a missing cell, a value that is a list or a dict becomes its JSON."""
    columns: dict[str, list[Any]] = {}
    count = 0
    for count, row in enumerate(rows, 1):
        for key, value in row.items():
            cells = columns.setdefault(str(key), [])
            cells.extend([None] * (count - 1 - len(cells)))
            cells.append(value)
    for cells in columns.values():
        cells.extend([None] * (count - len(cells)))
    return pl.DataFrame([_series(name, cells) for name, cells in columns.items()])


def _series(name: str, cells: Sequence[Any]) -> pl.Series:
    """Cells of one type keep it; a mixture becomes text, as it would stand in a CSV."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {int, float}:
        values = [float(c) if c is not None and (float in kinds or abs(c) >= 2**63) else c for c in cells]
        return pl.Series(name, values, dtype=None if kinds else pl.String, strict=False)
    if len(kinds) == 1 and not kinds & {dict, list, tuple, set, bytes}:
        try:
            series = pl.Series(name, cells)
            if series.dtype != pl.Object:
                return series
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            pass
    return pl.Series(name, [_text(cell) for cell in cells], dtype=pl.String)


def _text(cell: Any) -> str | None:
    if cell is None or cell is not cell:  # NaN and NaT differ from themselves
        return None
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, (dict, list, tuple)):
        return json.dumps(cell, default=str)
    text = str(cell)
    return None if text in ("<NA>", "NaT") else text


def _from_array(array: np.ndarray) -> pl.DataFrame:
    if array.dtype.names:
        return _from_columns({name: array[name] for name in array.dtype.names})
    if array.ndim != 2:
        raise TableError(
            "the array has the wrong shape",
            where="<array>",
            required="2 dimensions (rows, columns)",
            found=f"shape {array.shape}",
            hint="a vector is one column, and a table needs two; a series of values is for amiss.SeriesDetector",
        )
    if array.dtype.kind not in "biufOUSMm":
        raise TableError(
            "the array holds no cells of a table",
            where="<array>",
            required="numbers, text or dates",
            found=f"dtype {array.dtype}",
        )
    if isinstance(array, np.ma.MaskedArray):
        return _from_columns({f"c{i + 1}": array[:, i].tolist() for i in range(array.shape[1])})
    return _from_columns({f"c{i + 1}": array[:, i] for i in range(array.shape[1])})


def _from_columns(columns: Mapping[Any, Any]) -> pl.DataFrame:
    try:
        series = [_column(str(name), values) for name, values in columns.items()]
        return pl.DataFrame(series)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise TableError(
            "the columns do not make a table",
            required="columns of equal length",
            found=str(error).splitlines()[0][:200],
        ) from error


def _column(name: str, values: Any) -> pl.Series:
    if isinstance(values, pl.Series):
        return values.alias(name)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biufM" and values.ndim == 1:
        if values.dtype.kind == "f" and values.dtype.itemsize not in (4, 8):
            values = values.astype(np.float64)
        if not values.dtype.isnative:
            values = values.astype(values.dtype.newbyteorder("="))
        return pl.Series(name, np.ascontiguousarray(values))
    cells = values.tolist() if isinstance(values, np.ndarray) else list(values)
    return _series(name, [c.decode("utf-8", "replace") if isinstance(c, bytes) else c for c in cells])


def _from_pandas(source: Any) -> pl.DataFrame:
    """Column by column, because a column of mixed objects is text here and an error to ``polars.from_pandas``."""
    if getattr(source, "ndim", 0) != 2:
        raise TableError("this is no table", required="a pandas DataFrame", found=_described(source))
    names = [str(name) for name in source.columns]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise TableError(
            "column names occur more than once",
            where="<frame>",
            required="each column's name once",
            found=", ".join(map(repr, twice[:8])),
            hint="rename them",
        )
    columns = []
    for i, name in enumerate(names):
        column = source.iloc[:, i]
        series: pl.Series | None
        try:
            series = pl.Series(pl.from_pandas(column))
        except Exception:  # whatever pyarrow raises, or pyarrow is not there
            series = None
        if series is None or series.dtype == pl.Object:
            series = _column(name, column.astype(object).where(column.notna(), None).to_numpy())
        columns.append(series.alias(name))
    return pl.DataFrame(columns)


def _from_arrow(source: Any) -> pl.DataFrame:
    names = list(getattr(getattr(source, "schema", None), "names", []))
    if len(set(names)) < len(names):
        raise TableError(
            "column names occur more than once",
            where="<frame>",
            required="each column's name once",
            found=", ".join(repr(n) for n in sorted({n for n in names if names.count(n) > 1})[:8]),
            hint="rename them",
        )
    return pl.DataFrame(source)


def _described(source: Any) -> str:
    return f"{type(source).__module__}.{type(source).__qualname__}"
