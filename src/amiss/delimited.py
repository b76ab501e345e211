"""Delimited text -> a frame of strings: encoding, separator, ragged lines, header.

Every cell stays the text it was, so that an output can hold the person's own table again.
Polars parses, but fills short lines up silently; so one NumPy pass first counts the fields of every line, and only a
file that looks odd goes through the exact and slow ``csv`` module, which settles what is wrong and on which line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
import polars as pl

from amiss.errors import TableError

SEPARATORS = ",;\t|"
ONE_COLUMN = "\x1f"  #: a character no text holds: every line is one field
_CHUNK = 1 << 24
_SHOWN = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar", ONE_COLUMN: "none"}
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+\s*")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


@dataclass(frozen=True)
class Layout:
    """How a text is laid out in records: ``fields`` (records,), ``blank`` (records,), both in order of the lines."""

    fields: np.ndarray
    blank: np.ndarray
    balanced: bool  #: every quote that opens also closes


def decode(data: bytes, source: str) -> tuple[bytes, list[str]]:
    """Any text -> UTF-8 without byte-order mark, and notes on what it was."""
    notes: list[str] = []
    encoding = _encoding(data)
    if encoding and encoding != "utf-8-sig":
        try:
            data = data.decode(encoding).encode()
        except UnicodeError as error:
            raise TableError(
                f"the text is not the {encoding.upper()} that its first bytes promise",
                where=source,
                found=str(error),
                hint="save the file as UTF-8",
            ) from error
        notes.append(f"read as {encoding.upper()}")
    data = data.removeprefix(b"\xef\xbb\xbf")
    refuse_binary(data, source)
    try:
        data.decode()
    except UnicodeDecodeError:
        # Windows-1252 holds Latin-1's printable letters; the five bytes it leaves open are Latin-1's control codes
        try:
            data, name = data.decode("cp1252").encode(), "Windows-1252"
        except UnicodeDecodeError:
            data, name = data.decode("latin-1").encode(), "Latin-1"
        notes.append(f"not UTF-8: read as {name}")
    if b"\r" in data and b"\n" not in data:
        data = data.replace(b"\r", b"\n")
    return data.removeprefix("\ufeff".encode()), notes


def _encoding(data: bytes) -> str | None:
    """The encoding that a byte-order mark, or NULs in every second place, give away."""
    for mark, name in (
        (b"\xff\xfe\x00\x00", "utf-32"),
        (b"\x00\x00\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"\xef\xbb\xbf", "utf-8-sig"),
    ):
        if data.startswith(mark):
            return name
    head = data[:4096]
    if len(head) >= 4 and len(data) % 2 == 0:
        for name, zeros, letters in (("utf-16-le", head[1::2], head[::2]), ("utf-16-be", head[::2], head[1::2])):
            if zeros.count(0) > 0.9 * len(zeros) and letters.count(0) == 0:
                return name
    return None


def refuse_binary(data: bytes, source: str) -> None:
    """Raise TableError where the bytes are no text."""
    head = np.frombuffer(data[: 1 << 16], np.uint8)
    odd = np.isin(head, [c for c in range(32) if c not in b"\t\n\r\f\x1b\x1c\x1d\x1e\x1f"]).sum()
    if b"\0" in data or odd > 0.01 * max(len(head), 100):
        raise TableError(
            "this is no text",
            where=source,
            required="CSV, TSV, JSON, Parquet or Arrow",
            found=f"binary data that begins with {data[:8]!r}",
            hint="export the table as CSV or Parquet",
        )


def sample_records(data: bytes, separator: str, limit: int = 200) -> list[list[str]]:
    """The first records that are not blank, split at ``separator``."""
    head = data[: 1 << 20]
    text = head.decode("utf-8", "ignore")
    if len(head) < len(data):  # the last line may be cut short
        text = text[: text.rfind("\n") + 1] or text
    records = []
    try:
        for record in csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True):
            if record and not (len(record) == 1 and not record[0].strip()):
                records.append(record)
            if len(records) == limit:
                break
    except csv.Error:  # what is wrong shows when the whole is read
        pass
    return records


def find_separator(data: bytes, preferred: str = "") -> str:
    """The separator that splits the first lines most evenly; ``ONE_COLUMN`` where none does.

    Of several that split evenly the one with most fields wins, save that commas inside what the other one splits into
    decimal numbers (``1,5;2,5``) are decimal commas.
    """
    ranked: list[tuple[float, bool, int, str]] = []
    split = {}
    for separator in SEPARATORS:
        split[separator] = records = sample_records(data, separator)
        counts = Counter(len(r) for r in records)
        if not counts:
            continue
        fields, hits = max(counts.items(), key=lambda item: (item[1], item[0]))
        share = hits / len(records)
        if fields > 1 and (len(records[0]) == fields or share >= 0.9):
            ranked.append((round(share, 2), separator == preferred, fields, separator))
    if not ranked:
        return ONE_COLUMN
    ranked.sort(reverse=True)
    best = ranked[0]
    if best[3] == ",":
        for share, _, _, other in ranked[1:]:
            with_comma = [cell for record in split[other] for cell in record if "," in cell]
            if share == best[0] and with_comma and all(_DECIMAL_COMMA.fullmatch(c) for c in with_comma):
                return other
    return best[3]


def lay_out(data: bytes, separator: str) -> Layout:
    """Count the fields of every record in one pass over the bytes, a chunk at a time."""
    buffer = np.frombuffer(data, np.uint8)
    quoted = b'"' in data
    parity, total = 0, 0
    ends, seps = [], []
    for start in range(0, len(buffer), _CHUNK):
        chunk = buffer[start : start + _CHUNK]
        newline, cut = chunk == 10, chunk == ord(separator)
        if quoted:
            inside = np.bitwise_xor.accumulate((chunk == 34).view(np.uint8)) ^ np.uint8(parity)
            parity = int(inside[-1])
            newline &= inside == 0
            cut &= inside == 0
        at, cuts = np.flatnonzero(newline), np.flatnonzero(cut)
        ends.append(at + start)
        seps.append(np.searchsorted(cuts, at) + total)
        total += len(cuts)
    if (len(buffer) and buffer[-1] != 10) or parity:
        ends.append(np.array([len(buffer)]))
        seps.append(np.array([total]))
    end = np.concatenate(ends) if ends else np.zeros(0, np.int64)
    fields = np.diff(np.concatenate(seps), prepend=0) + 1 if seps else np.zeros(0, np.int64)
    length = np.diff(end, prepend=-1) - 1
    last = buffer[np.maximum(end - 1, 0)] if len(buffer) else np.zeros(0, np.uint8)
    return Layout(fields, (length == 0) | ((length == 1) & (last == 13)), not parity)


def parse(data: bytes, separator: str, source: str) -> pl.DataFrame:
    """UTF-8 text -> frame of strings c1, c2, ...; a header is still its first row. Blank lines are left out."""
    layout = lay_out(data, separator)
    kept = ~layout.blank
    if not kept.any():
        raise TableError("the file is empty", where=source, required="a header and rows", found="blank lines only")
    width = int(layout.fields[kept][0])
    if separator == ONE_COLUMN:  # there a blank line is a cell without a value, save at the end
        kept = np.arange(len(kept)) <= np.flatnonzero(kept)[-1]
    if layout.balanced and (layout.fields[kept] == width).all():
        frame = _polars(data, separator, width)
        if frame is not None and frame.height == len(kept):
            return frame if kept.all() else frame.filter(pl.Series(kept))
    return _exact(data, separator, source)


def _polars(data: bytes, separator: str, width: int, quote: str | None = '"') -> pl.DataFrame | None:
    schema = {f"c{i + 1}": pl.String for i in range(width)}
    try:
        return pl.read_csv(data, separator=separator, has_header=False, schema=schema, quote_char=quote)
    except pl.exceptions.PolarsError:
        return None


def _exact(data: bytes, separator: str, source: str) -> pl.DataFrame:
    """The ``csv`` module's reading, or a TableError that names the line."""
    reader = csv.reader(io.StringIO(data.decode(), newline=""), delimiter=separator, skipinitialspace=True, strict=True)
    records: list[list[str]] = []
    lines: list[int] = []
    line = 0
    try:
        for record in reader:
            if record and (separator == ONE_COLUMN or len(record) > 1 or record[0].strip()):
                records.append(record)
                lines.append(line + 1)
            line = reader.line_num
    except csv.Error as error:
        frame = _without_quotes(data, separator)
        if frame is not None:
            return frame
        raise TableError(
            f"the quotes do not match from line {line + 1} on",
            where=source,
            found=str(error),
            required='each " that opens a field closes it, and one inside is written ""',
        ) from error
    if not records:
        raise TableError("the file is empty", where=source, required="a header and rows", found="blank lines only")
    width = len(records[0])
    odd = [i for i, record in enumerate(records) if len(record) != width]
    if odd:
        raise _ragged([len(r) for r in records], lines, odd, separator, source)
    columns = zip(*records, strict=True)
    return pl.DataFrame({f"c{i + 1}": pl.Series(column, dtype=pl.String) for i, column in enumerate(columns)})


def _without_quotes(data: bytes, separator: str) -> pl.DataFrame | None:
    """The frame with quotes taken as plain letters, where that makes every line fit."""
    plain = lay_out(data.replace(b'"', b"'"), separator)
    kept = ~plain.blank
    width = int(plain.fields[kept][0])
    if width < 2 or not (plain.fields[kept] == width).all():
        return None
    frame = _polars(data, separator, width, quote=None)
    return frame.filter(pl.Series(kept)) if frame is not None and frame.height == len(kept) else None


def _ragged(counts: list[int], lines: list[int], odd: list[int], separator: str, source: str) -> TableError:
    width, first = counts[0], odd[0]
    common = Counter(counts[1:]).most_common(1)[0][0]
    if len(odd) == len(counts) - 1 and len(odd) > 1:  # the first line alone does not fit
        return TableError(
            f"line {lines[0]} has {width} fields, the lines after it have {common}",
            where=source,
            required="as many names in the header as fields in every line",
            found=f"{width} and {common} fields, the separator being {_SHOWN[separator]}",
            hint="remove title lines above the header, or add the missing names to it",
        )
    more = f", and {len(odd) - 1:,} more such lines" if len(odd) > 1 else ""
    return TableError(
        f"line {lines[first]} has {counts[first]} fields",
        where=source,
        required=f"{width} fields in every line, as in the first, the separator being {_SHOWN[separator]}",
        found=f"{counts[first]} fields on line {lines[first]}{more}",
        hint="repair those lines; a field that holds the separator must stand in double quotes",
    )


def looks_like_data(names: list[str]) -> bool:
    """A header with numbers in it is rather a row of data."""
    return any(_NUMBER.fullmatch(name) for name in names)


def shown(separator: str) -> str:
    """The separator in words."""
    return _SHOWN[separator]
