"""Files and objects -> a raw table: the cells as they are in the source, nothing understood yet.

Sources: a path, a glob or several paths (rows one after the other), ``-`` for standard input, polars and pandas frames,
Arrow tables, NumPy arrays of two dimensions, lists of dicts. Formats: delimited text, Parquet, Arrow/Feather, JSON
Lines, JSON; text and JSON also as .gz and .zst. Bytes that give a format away count more than the file's extension.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from amiss import delimited
from amiss.errors import TableError
from amiss.files import check_file, expand, read_bytes, unpack
from amiss.formulas import unguarded
from amiss.names import Names, read_names, refuse_duplicates, rename
from amiss.objects import from_object
from amiss.records import read_json, read_json_lines

__all__ = ["Names", "RawTable", "ReadOptions", "read", "read_names"]

BINARY = {b"PAR1": "parquet", b"ARROW1": "arrow", b"\x1f\x8b": "gz", b"\x28\xb5\x2f\xfd": "zst"}
#: formats that are refused by name
FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel workbook",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"SQLite format 3": "an SQLite database",
    b"\x93NUMPY": "a NumPy file",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x89HDF": "an HDF5 file",
    b"FEA1": "a Feather file of version 1",
    b"7z\xbc\xaf": "7-Zip",
}
EXTENSIONS = {
    ".csv": "text",
    ".tsv": "text",
    ".tab": "text",
    ".txt": "text",
    ".data": "text",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}


@dataclass(frozen=True)
class ReadOptions:
    """How to read; every part may be left as it is.

    header: the first line of a text holds the columns' names; without it they are c1, c2, ...
    names: the columns' names. A text is then taken to have no header, unless its first line is those very names.
    nulls: words that mean missing, besides the usual ones.
    """

    header: bool = True
    names: tuple[str, ...] | None = None
    nulls: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> ReadOptions:
        """From header, names and nulls as JSON holds them."""
        names = options.get("names")
        if names is not None and not isinstance(names, tuple):  # names from a file know more than a plain tuple
            names = tuple(names)
        return cls(options.get("header") is not False, names, tuple(options.get("nulls") or ()))


@dataclass(frozen=True)
class RawTable:
    """Cells as they are in the source (all strings from text), and what to call the source in messages."""

    frame: pl.DataFrame
    source: str
    notes: tuple[str, ...]
    nulls: tuple[str, ...] = ()

    def digest(self) -> str:
        """16 hexadecimal digits that tell one table from another: of the columns' names, types and cells, in order."""
        found = hashlib.sha256(str(self.frame.schema).encode())
        for start in range(0, self.frame.height, 100_000):
            found.update(self.frame[start : start + 100_000].hash_rows(seed=0).to_numpy().tobytes())
        return found.hexdigest()[:16]


def read(source: Any, options: ReadOptions | None = None) -> RawTable:
    """Read ``source``, whatever it is. Raises TableError for what is no table with at least one row."""
    options = options or ReadOptions()
    if isinstance(source, (str, Path)):
        raw = _read_paths(expand(str(source)), options)
    elif isinstance(source, (list, tuple)) and source and all(isinstance(s, (str, Path)) for s in source):
        raw = _read_paths([path for s in source for path in expand(str(s))], options)
    else:
        frame, name, notes = from_object(source)
        raw = _named(frame, name, notes, options)
    if not raw.frame.width:
        raise TableError("the table has no columns", where=raw.source, required="columns and rows", found="none")
    if not raw.frame.height:
        raise TableError(
            "the table has columns and no rows",
            where=raw.source,
            required="at least one row",
            found=f"a header of {raw.frame.width} names",
            hint="if the first line is data: --no-header",
        )
    return replace(raw, nulls=options.nulls)


def _named(frame: pl.DataFrame, source: str, notes: Sequence[str], options: ReadOptions) -> RawTable:
    """The table under the names that the person gave, if any."""
    if options.names is None:
        return RawTable(frame, source, tuple(notes))
    frame, more = rename(frame, options.names, source)
    return RawTable(frame, source, (*notes, *more))


def _read_paths(paths: Sequence[str], options: ReadOptions) -> RawTable:
    tables = [_read_path(path, options) for path in paths]
    if len(tables) == 1:
        return tables[0]
    first, frames = tables[0], [tables[0].frame]
    for table in tables[1:]:
        have, want = set(table.frame.columns), set(first.frame.columns)
        if have != want:
            lacks = ", ".join(repr(n) for n in first.frame.columns if n not in have)
            more = ", ".join(repr(n) for n in table.frame.columns if n not in want)
            found = "; ".join(filter(None, (lacks and f"it lacks {lacks}", more and f"it has also {more}")))
            raise TableError(
                "the files have different columns",
                where=table.source,
                required=f"the columns of {first.source}",
                found=found,
            )
        frames.append(table.frame.select(first.frame.columns))
    try:
        frame = pl.concat(frames, how="vertical_relaxed")
    except pl.exceptions.PolarsError as error:
        for table, other in zip(tables[1:], frames[1:], strict=True):
            for name, dtype in first.frame.schema.items():
                if other.schema[name] != dtype:
                    raise TableError(
                        f"column {name!r} has another type than in {first.source}",
                        where=table.source,
                        required=str(dtype),
                        found=str(other.schema[name]),
                    ) from error
        raise TableError("the files do not go together", where=table.source, found=str(error)) from error
    notes = list(dict.fromkeys(note for table in tables for note in table.notes))
    return RawTable(frame, f"{first.source} and {len(tables) - 1} more", (f"{len(tables)} files", *notes))


def _read_path(path: str, options: ReadOptions) -> RawTable:
    source = "<stdin>" if path == "-" else path
    suffixes = [s.lower() for s in Path(path).suffixes]
    while suffixes and suffixes[-1] in (".gz", ".zst"):
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    plain = path != "-" and Path(path).suffix.lower() == suffix
    if plain and EXTENSIONS.get(suffix) == "parquet":  # let polars read its parts as it likes
        check_file(path)
        return _named(_columnar(path, "parquet", source), source, (), options)
    data = read_bytes(path)
    for _ in range(3):  # a file packed more than twice is a riddle, not a table
        kind = next((kind for magic, kind in BINARY.items() if data.startswith(magic)), "")
        if kind not in ("gz", "zst"):
            break
        data = unpack(data, kind, source)
    kind = kind or ("arrow" if EXTENSIONS.get(suffix) == "arrow" else "")  # a stream does not say what it is
    if kind in ("parquet", "arrow"):
        return _named(_columnar(data, kind, source), source, (), options)
    foreign = next((name for magic, name in FOREIGN.items() if data.startswith(magic)), "")
    if foreign:
        raise TableError(
            f"this is {foreign}",
            where=source,
            required="CSV, TSV, JSON, JSON Lines, Parquet or Arrow",
            hint="export the table as CSV or Parquet",
        )
    if not data.strip():
        raise TableError("the file is empty", where=source, required="a header and rows", found=f"{len(data)} bytes")
    data, notes = delimited.decode(data, source)
    kind = EXTENSIONS.get(suffix) or _sniff(data)
    if kind in ("json", "jsonl"):
        rows = data.lstrip()
        frame = read_json(rows, source) if rows[:1] == b"[" else read_json_lines(rows, source)
        return _named(frame, source, notes, options)
    return _read_text(data, source, notes, options, "\t" if suffix in (".tsv", ".tab") else "")


def _columnar(content: str | bytes, kind: str, source: str) -> pl.DataFrame:
    """Parquet from a path or bytes, Arrow (a file or a stream) from bytes."""
    try:
        if kind == "parquet":
            return pl.read_parquet(content, glob=False)
        try:
            return pl.read_ipc(content)
        except pl.exceptions.PolarsError:
            return pl.read_ipc_stream(content)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        name = {"parquet": "Parquet", "arrow": "Arrow"}[kind]
        raise TableError(
            f"the file is not {name}, or is cut short",
            where=source,
            found=str(error).splitlines()[0][:200],
            hint="write the file again",
        ) from error


def _sniff(data: bytes) -> str:
    """What a text without a telling extension holds."""
    start = data[:4096].lstrip()
    if start[:1] == b"{":
        return "jsonl"
    return "json" if start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"]") else "text"


def _read_text(data: bytes, source: str, notes: list[str], options: ReadOptions, preferred: str) -> RawTable:
    separator = delimited.find_separator(data, preferred)
    frame = delimited.parse(data, separator, source)
    if b"'" in data:  # a table that we wrote
        frame = frame.with_columns(unguarded(column) for column in frame.get_columns())
    if separator != ",":
        notes.append(
            "one field a line: no separator found"
            if separator == delimited.ONE_COLUMN
            else f"the separator is {delimited.shown(separator)}"
        )
    first = [(cell or "").strip() for cell in frame.row(0)]
    given = options.names
    if given is not None:
        if tuple(first) == tuple(given)[: len(first)]:
            frame = frame.slice(1)
        elif options.header:
            notes.append("names are given: the first line is taken as data")
    elif options.header:
        hint = "rename them, or name the columns yourself: --names FILE"
        if delimited.looks_like_data(first):
            hint = "the first line looks like data: give --no-header, or --names FILE"
            notes.append("the first line, taken as names, looks like data: if it is, give --no-header")
        filled = [name or f"c{i + 1}" for i, name in enumerate(first)]
        refuse_duplicates(filled, source, "each name once", hint)
        frame = frame.slice(1).rename(dict(zip(frame.columns, filled, strict=True)))
    return _named(frame, source, notes, options)
