"""Paths -> bytes: globs, standard input, packed files, and messages for what cannot be read."""

from __future__ import annotations

import gzip
import os
import sys
import zlib
from pathlib import Path

import polars as pl

from amiss.delimited import ONE_COLUMN
from amiss.errors import TableError, did_you_mean


def expand(text: str) -> list[str]:
    """A path, or the paths that a glob pattern stands for."""
    path = Path(text).expanduser()
    if text == "-" or os.path.exists(path) or not any(sign in text for sign in "*?["):
        return [text if text == "-" else str(path)]
    anchor = Path(path.anchor) if path.is_absolute() else Path()
    try:
        found = sorted(p for p in anchor.glob(str(path.relative_to(path.anchor))) if p.is_file())
    except (ValueError, OSError) as error:
        raise TableError("this is no pattern of files", where=text, found=str(error)) from error
    if not found:
        raise TableError("no file fits this pattern", where=text, required="at least one file", found="none")
    return [str(p) for p in found]


def read_bytes(path: str) -> bytes:
    """The bytes of a file or of standard input, or a TableError that says why not."""
    if path == "-":
        return sys.stdin.buffer.read()
    check_file(path)
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def check_file(path: str) -> None:
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


def unpack(data: bytes, kind: str, source: str) -> bytes:
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
    lines = pl.read_csv(data, separator=ONE_COLUMN, has_header=False, quote_char=None, schema=schema)
    return "\n".join(lines["line"].fill_null("").to_list()).encode()
