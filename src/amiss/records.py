"""JSON and JSON Lines -> a frame; a broken line is named by its number."""

from __future__ import annotations

import io
import json
from typing import Any

import polars as pl

from amiss.errors import TableError
from amiss.objects import from_rows


def read_json(data: bytes, source: str) -> pl.DataFrame:
    """A list of objects."""
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise TableError(
            "this is no JSON", where=source, required="a list of objects", found=str(error)[:200]
        ) from error
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise TableError(
            "this JSON is no table", where=source, required='a list of objects, [{"a": 1}, ...]', found=_named(rows)
        )
    return from_rows(rows)


def read_json_lines(data: bytes, source: str) -> pl.DataFrame:
    """One object a line; a file that is one object over many lines is one row."""
    try:
        frame = pl.read_ndjson(io.BytesIO(data), infer_schema_length=None)
        if frame.width and not _nested(frame):
            return frame
    except (pl.exceptions.PolarsError, ValueError):  # the slow way below says which line is wrong
        pass
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(data.decode().split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            if not rows and number == 1 and _is_json(data):
                return read_json(data if data[:1] == b"[" else b"[" + data + b"]", source)
            raise TableError(
                f"line {number} is no JSON", where=source, required="one object a line", found=str(error)[:200]
            ) from error
        if not isinstance(row, dict):
            raise TableError(
                f"line {number} is no object", where=source, required='{"column": value, ...}', found=_named(row)
            )
        rows.append(row)
    return from_rows(rows)


def _nested(frame: pl.DataFrame) -> bool:
    return any(dtype.is_nested() for dtype in frame.dtypes)


def _is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), (dict, list))
    except (ValueError, RecursionError):
        return False


def _named(value: Any) -> str:
    if isinstance(value, list):
        odd = next((item for item in value if not isinstance(item, dict)), None)
        return f"a list with {_named(odd)} in it" if value else "an empty list"
    return {dict: "an object", str: "a string", bool: "true or false", type(None): "null"}.get(type(value), "a number")
