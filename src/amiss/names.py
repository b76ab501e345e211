"""Names of columns that a person gives, in one of the ways in which people keep them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from amiss import delimited
from amiss.errors import TableError
from amiss.files import read_bytes


class Names(tuple[str, ...]):
    """Column names; ``classes`` are the values of the column ``class`` where the file of names lists them."""

    classes: frozenset[str] = frozenset()


def read_names(path: str | Path) -> Names:
    """Column names from a file: one a line, or the first field of each line, or ``name: what it holds.`` as in UCI's
    .names files. There a line of comma-separated words without a colon lists the classes, and ``class`` is the column's
    name: at the place of that line, or last, whichever of the table's columns holds those words.
    """
    data, _ = delimited.decode(read_bytes(str(path)), str(path))
    lines = [line.split("|")[0].strip() if ":" in line else line.strip() for line in data.decode().splitlines()]
    lines = [line for line in lines if line and not line.startswith("|")]
    if not lines:
        raise TableError("the file of names is empty", where=str(path), required="one name a line")
    described = sum(":" in line for line in lines) > len(lines) / 2
    names: list[str] = []
    classes: list[str] = []
    for line in lines:
        if described and ":" not in line:
            names.append("class")
            classes += [word.strip() for word in line.rstrip(".").split(",")]
        elif described:
            names.append(line.split(":")[0].strip())
        else:
            names.append(_first_field(line))
    result = Names(names)
    result.classes = frozenset(classes) if names.count("class") == 1 else frozenset()
    refuse_duplicates(result, str(path), "each name once")
    return result


def _first_field(line: str) -> str:
    data = line.encode()
    records = delimited.sample_records(data, delimited.find_separator(data))
    return records[0][0].strip() if records else line


def rename(frame: pl.DataFrame, names: Sequence[str], source: str) -> tuple[pl.DataFrame, list[str]]:
    """Give the columns the names that the person gave; those beyond them are called by their place."""
    notes: list[str] = []
    if len(names) > frame.width:
        raise TableError(
            f"{len(names)} names for {frame.width} columns",
            where=source,
            required="at most one name a column",
            found=f"too many: {', '.join(names[frame.width :][:5])}",
        )
    full = list(names)
    classes: frozenset[str] = getattr(names, "classes", frozenset())
    if classes and len(names) == frame.width and frame.height:
        place = full.index("class")
        if not _holds(frame, place, classes) and _holds(frame, frame.width - 1, classes):
            full.append(full.pop(place))
            notes.append("the classes stand in the last column: it is named 'class'")
    if len(names) < frame.width:
        full += [f"c{i + 1}" for i in range(len(names), frame.width)]
        notes.append(
            f"{len(names)} names for {frame.width} columns: the rest are {', '.join(full[len(names) :][:5])}"
            + (", ..." if frame.width - len(names) > 5 else "")
        )
    refuse_duplicates(full, source, "each column's name once")
    return frame.rename(dict(zip(frame.columns, full, strict=True))), notes


def _holds(frame: pl.DataFrame, place: int, classes: frozenset[str]) -> bool:
    found = frame.to_series(place).head(1000).drop_nulls().cast(pl.String).unique()
    return all(word.strip().rstrip(".") in classes for word in found)


def refuse_duplicates(names: Sequence[str], source: str, required: str, hint: str = "rename them") -> None:
    """Raise TableError that says which names occur more than once, and where."""
    places: dict[str, list[str]] = {}
    for i, name in enumerate(names):
        places.setdefault(name, []).append(str(i + 1))
    twice = [f"{name!r} at {' and '.join(at)}" for name, at in places.items() if len(at) > 1]
    if twice:
        more = f" and {len(twice) - 8} more" if len(twice) > 8 else ""
        raise TableError(
            "column names occur more than once",
            where=source,
            required=required,
            found="; ".join(twice[:8]) + more,
            hint=hint,
        )
