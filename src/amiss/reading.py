"""Files and objects -> a raw table: the cells as they are in the source, nothing understood yet.

Sources: a path, a glob or several paths (rows one after the other), ``-`` for standard input, polars and pandas frames,
Arrow tables, NumPy arrays of two dimensions, lists of dicts. Formats: delimited text, Parquet, Arrow/Feather, JSON
Lines, JSON; text and JSON also as .gz and .zst. Bytes that give a format away count more than the file's extension.
"""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from amiss import delimited
from amiss.errors import TableError, did_you_mean
from amiss.objects import from_object
from amiss.records import read_json, read_json_lines

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


@dataclass(frozen=True)
class RawTable:
    """Cells as they are in the source (all strings from text), and what to call the source in messages."""

    frame: pl.DataFrame
    source: str
    notes: tuple[str, ...]
    nulls: tuple[str, ...] = ()


class Names(tuple[str, ...]):
    """Column names; ``classes`` are the values of the column ``class`` where the file of names lists them."""

    classes: frozenset[str] = frozenset()


def read(source: Any, options: ReadOptions | None = None) -> RawTable:
    """Read ``source``, whatever it is. Raises TableError for what is no table with at least one row."""
    options = options or ReadOptions()
    if isinstance(source, (str, Path)):
        raw = _read_paths(_expand(str(source)), options)
    elif isinstance(source, (list, tuple)) and source and all(isinstance(s, (str, Path)) for s in source):
        raw = _read_paths([path for s in source for path in _expand(str(s))], options)
    else:
        frame, name, notes = from_object(source)
        raw = _named(RawTable(frame, name, tuple(notes)), options)
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


def read_names(path: str | Path) -> Names:
    """Column names from a file: one a line, or the first field of each line, or ``name: what it holds.`` as in UCI's
    .names files. There a line of comma-separated words without a colon lists the classes, and ``class`` is the column's
    name: at the place of that line, or last, whichever of the table's columns holds those words.
    """
    data, _ = delimited.decode(_bytes(str(path)), str(path))
    lines = [line.split("|")[0].strip() if ":" in line else line.strip() for line in data.decode().splitlines()]
    lines = [line for line in lines if line and not line.startswith("|")]
    if not lines:
        raise TableError("the file of names is empty", where=str(path), required="one name a line")
    described = sum(":" in line for line in lines) > len(lines) / 2
    names, classes = [], []
    for line in lines:
        if described and ":" not in line:
            names.append("class")
            classes += [word.strip() for word in line.rstrip(".").split(",")]
        elif described:
            names.append(line.split(":")[0].strip())
        else:
            names.append(
                (delimited.sample_records(line.encode(), delimited.find_separator(line.encode())) or [[line]])[0][
                    0
                ].strip()
            )
    result = Names(names)
    result.classes = frozenset(classes) if names.count("class") == 1 else frozenset()
    _refuse_duplicates(result, str(path), "each name once")
    return result


def _expand(text: str) -> list[str]:
    """A path, or the paths that a glob pattern stands for."""
    path = Path(text).expanduser()
    if text == "-" or path.exists() or not any(sign in text for sign in "*?["):
        return [text if text == "-" else str(path)]
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    try:
        found = sorted(p for p in anchor.glob(str(path.relative_to(path.anchor))) if p.is_file())
    except (ValueError, OSError) as error:
        raise TableError("this is no pattern of files", where=text, found=str(error)) from error
    if not found:
        raise TableError("no file fits this pattern", where=text, required="at least one file", found="none")
    return [str(p) for p in found]


def _read_paths(paths: Sequence[str], options: ReadOptions) -> RawTable:
    tables = [_named(_read_path(path, options), options) for path in paths]
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


def _bytes(path: str) -> bytes:
    """The bytes of a file or of standard input, or a TableError that says why not."""
    if path == "-":
        return sys.stdin.buffer.read()
    _check_file(path)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _check_file(path: str) -> None:
    place = Path(path)
    try:
        folder, absent = place.is_dir(), not place.exists()
        beside = sorted(p.name for p in place.parent.iterdir()) if absent and place.parent.is_dir() else []
    except (OSError, ValueError) as error:  # e.g. a name too long, or a NUL in it
        raise _unreadable(path, error) from error
    if folder:
        raise TableError(
            "this is a directory", where=path, required="a file", hint=f"name the files, e.g. '{place / '*.csv'}'"
        )
    if absent:
        hint = did_you_mean(place.name, beside) if beside else f"the folder {str(place.parent)!r} is absent or empty"
        raise TableError("there is no such file", where=path, required="a file that exists", hint=hint)


def _unreadable(path: str, error: Exception) -> TableError:
    reason = getattr(error, "strerror", None) or str(error)
    return TableError("the file cannot be read", where=path, found=reason, hint="check its permissions")


def _read_path(path: str, options: ReadOptions) -> RawTable:
    source = "<stdin>" if path == "-" else path
    suffixes = [s.lower() for s in Path(path).suffixes]
    while suffixes and suffixes[-1] in (".gz", ".zst"):
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    if path != "-" and EXTENSIONS.get(suffix) in ("parquet", "arrow"):  # let polars map the file into memory
        _check_file(path)
        return RawTable(_columnar(path, EXTENSIONS[suffix], source), source, ())
    data = _bytes(path)
    for _ in range(3):  # a file packed more than twice is a riddle, not a table
        kind = next((kind for magic, kind in BINARY.items() if data.startswith(magic)), "")
        if kind not in ("gz", "zst"):
            break
        data = _unpack(data, kind, source)
    if kind in ("parquet", "arrow"):
        return RawTable(_columnar(data, kind, source), source, ())
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
        frame = read_json(rows, source) if kind == "json" and rows[:1] != b"{" else read_json_lines(rows, source)
        return RawTable(frame, source, tuple(notes))
    return _read_text(data, source, notes, options, "\t" if suffix in (".tsv", ".tab") else "")


def _columnar(place: str | bytes, kind: str, source: str) -> pl.DataFrame:
    content = io.BytesIO(place) if isinstance(place, bytes) else place
    try:
        if kind == "parquet":
            return pl.read_parquet(content)
        try:
            return pl.read_ipc(content)
        except pl.exceptions.PolarsError:
            if not isinstance(content, str):
                content.seek(0)
            return pl.read_ipc_stream(content)
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        name = {"parquet": "Parquet", "arrow": "Arrow"}[kind]
        raise TableError(
            f"the file is not {name}, or is cut short",
            where=source,
            found=str(error).splitlines()[0][:200],
            hint="write the file again",
        ) from error


def _unpack(data: bytes, kind: str, source: str) -> bytes:
    try:
        if kind == "gz":
            return gzip.decompress(data)
        return _unpack_zstd(data)
    except (OSError, EOFError, zlib.error, pl.exceptions.PolarsError, ValueError) as error:
        raise TableError(
            "the packed file is damaged or cut short",
            where=source,
            found=str(error).splitlines()[0][:200],
            hint="pack it again, or unpack it and give the plain file",
        ) from error


def _unpack_zstd(data: bytes) -> bytes:
    """Python has zstd from 3.14 on; before that polars unpacks it, as one column of whole lines."""
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.decompress(data)
    schema = {"line": pl.String}
    lines = pl.read_csv(data, separator=delimited.ONE_COLUMN, has_header=False, quote_char=None, schema=schema)
    return "\n".join(lines["line"].fill_null("").to_list()).encode()


def _sniff(data: bytes) -> str:
    """What a text without a telling extension holds."""
    start = data[:4096].lstrip()
    if start[:1] == b"{":
        return "jsonl"
    return "json" if start[:1] == b"[" and start[1:].lstrip()[:1] in (b"{", b"]") else "text"


def _read_text(data: bytes, source: str, notes: list[str], options: ReadOptions, preferred: str) -> RawTable:
    separator = delimited.find_separator(data, preferred)
    frame = delimited.parse(data, separator, source)
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
        if delimited.looks_like_data(first):
            notes.append("the first line, taken as names, looks like data: if it is, give --no-header")
        filled = [name or f"c{i + 1}" for i, name in enumerate(first)]
        _refuse_duplicates(filled, source, "each name once", "rename them, or give --no-header, or --names FILE")
        frame = frame.slice(1).rename(dict(zip(frame.columns, filled, strict=True)))
    return RawTable(frame, source, tuple(notes))


def _named(raw: RawTable, options: ReadOptions) -> RawTable:
    """Give the columns the names that the person gave; those beyond them are called by their place."""
    names, frame, notes = options.names, raw.frame, list(raw.notes)
    if names is None:
        return raw
    if len(names) > frame.width:
        raise TableError(
            f"{len(names)} names for {frame.width} columns",
            where=raw.source,
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
    _refuse_duplicates(full, raw.source, "each column's name once")
    return replace(raw, frame=frame.rename(dict(zip(frame.columns, full, strict=True))), notes=tuple(notes))


def _holds(frame: pl.DataFrame, place: int, classes: frozenset[str]) -> bool:
    found = frame.to_series(place).head(1000).drop_nulls().cast(pl.String).unique()
    return all(word.strip().rstrip(".") in classes for word in found)


def _refuse_duplicates(names: Sequence[str], source: str, required: str, hint: str = "rename them") -> None:
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
