"""A frame or bytes -> a file, whole or not at all: written beside its place first, then renamed.

Formats go by extension: .csv, .tsv (also with .gz), .parquet, .jsonl or .ndjson, .arrow, .feather or .ipc; ``-`` is CSV
on standard output.
"""

from __future__ import annotations

import contextlib
import glob
import gzip
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import polars as pl

from amiss.errors import OutputError
from amiss.formulas import guarded

EXTENSIONS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}


def write(
    frame: pl.DataFrame, path: str | Path, *, inputs: Sequence[str | Path] = (), guard_formulas: bool = True
) -> None:
    """Write ``frame`` to ``path`` in the format of its extension. Raises OutputError where that cannot be done.

    inputs: files that must not be overwritten, being what the frame was made from.
    guard_formulas: a text cell that a spreadsheet would run as a formula, for it begins with = + - or @ and is no
        number, gets an apostrophe in front; in CSV and TSV alone.
    """
    check_writable(path, inputs)
    if str(path) == "-":
        _to_stdout(_as_csv(frame, guard_formulas).write_csv().encode())
        return
    kind, packed = _format(path)
    with _replacing(path) as file:
        if kind in ("csv", "tsv"):
            text = _as_csv(frame, guard_formulas)
            with gzip.GzipFile("", "wb", 6, file, mtime=0) if packed else contextlib.nullcontext(file) as out:
                text.write_csv(out, separator="\t" if kind == "tsv" else ",")  # type: ignore[arg-type]
        elif kind == "parquet":
            frame.write_parquet(file)
        elif kind == "jsonl":
            _flat(frame).write_ndjson(file)
        else:
            frame.write_ipc(file)


def check_writable(path: str | Path, inputs: Sequence[str | Path] = (), *, extensions: Sequence[str] = ()) -> None:
    """Raise OutputError if ``path`` cannot be written; to be asked before long work is done.

    extensions: the ones that are allowed; those of tables where none are given.
    """
    if str(path) == "-":
        return
    place = Path(path).expanduser()
    if "\0" in str(path):
        raise OutputError("this is no name of a file", where=repr(str(path)), found="a NUL character")
    try:
        folder, there = place.is_dir(), place.exists()
        home = place.parent.is_dir()
        sources = [q for p in inputs if isinstance(p, (str, Path)) for q in (p, *glob.glob(str(p)))]
        same = any(_same(place, p) for p in sources)
    except (OSError, ValueError) as error:
        raise OutputError("this cannot be written", where=str(path), found=str(error)) from error
    if folder:
        raise OutputError("this is a directory", where=str(path), required="a file", hint="add a file's name")
    _check_extension(place, tuple(extensions))
    if there and not place.is_file():
        raise OutputError("this is no ordinary file", where=str(path), required="a file that can be replaced")
    if not home:
        raise OutputError("the folder does not exist", where=str(path), found=str(place.parent), hint="make it first")
    if same:
        raise OutputError("the output would overwrite the input", where=str(path), hint="give the output another name")
    try:  # to try is the only sure way: permissions do not tell about read-only disks, quotas or the like
        with tempfile.TemporaryFile(dir=place.parent):
            pass
    except OSError as error:
        raise OutputError(
            "the folder cannot be written in",
            where=str(path),
            found=error.strerror or str(error),
            hint="choose another folder",
        ) from error
    if there and not os.access(place, os.W_OK):
        raise OutputError("the file is write-protected", where=str(path), hint="choose another name")


def atomic_bytes(path: str | Path, data: bytes, durable: bool = True) -> None:
    """Write ``data`` to ``path``, whole or not at all; durable: wait until the disk has it."""
    with _replacing(path, durable) as file:
        file.write(data)


def _check_extension(place: Path, allowed: tuple[str, ...]) -> None:
    if allowed:
        if place.suffix.lower() not in allowed:
            raise OutputError(
                "the extension is not one that fits",
                where=str(place),
                required=" or ".join(allowed),
                found=place.suffix or "none",
            )
        return
    _format(place)


def _format(path: str | Path) -> tuple[str, bool]:
    """The format, and whether to pack it."""
    place = Path(path)
    packed = place.suffix.lower() == ".gz"
    suffix = (Path(place.stem).suffix if packed else place.suffix).lower()
    kind = EXTENSIONS.get(suffix, "")
    if not kind or (packed and kind not in ("csv", "tsv")):
        raise OutputError(
            "the format cannot be told from the extension",
            where=str(path),
            required=", ".join(EXTENSIONS) + ", .csv.gz or .tsv.gz",
            found="".join(place.suffixes[-2:] if packed else [place.suffix]) or "no extension",
            hint=f"for example {place.stem or 'scores'}.csv",
        )
    return kind, packed


def _same(place: Path, other: str | Path) -> bool:
    """Whether the two are one file, by another name or a link."""
    if str(other) == "-":
        return False
    source = Path(other).expanduser()
    if place.exists() and source.exists():
        return place.samefile(source)
    return place.resolve() == source.resolve()


@contextlib.contextmanager
def _replacing(path: str | Path, durable: bool = True) -> Iterator[IO[bytes]]:
    """A file that takes ``path``'s place when all went well, and is gone otherwise."""
    place = Path(path).expanduser()
    place = place.resolve() if place.is_symlink() else place  # write what the link points to, keep the link
    name = ""
    if place.exists() and not place.is_file():
        raise OutputError("this is no ordinary file", where=str(path), required="a file that can be replaced")
    try:
        with tempfile.NamedTemporaryFile(dir=place.parent, prefix=f".{place.name[:40]}.", delete=False) as file:
            name = file.name
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(name, _mode(place))
        os.replace(name, place)
        name = ""
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = getattr(error, "strerror", None) or str(error).splitlines()[0]
        raise OutputError(
            "the file cannot be written", where=str(path), found=reason, hint="choose another place, or make room"
        ) from error
    finally:
        if name:
            with contextlib.suppress(OSError):
                os.unlink(name)


def _mode(place: Path) -> int:
    """The permissions the file had, else those a new file gets; a temporary file has none for others."""
    if place.exists():
        return place.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _to_stdout(data: bytes) -> None:
    """A reader that has had enough (``| head``) is no error."""
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or Python complains again when it ends


def _as_csv(frame: pl.DataFrame, guard: bool) -> pl.DataFrame:
    frame = _flat(frame)
    if guard:
        texts = [(column, guarded(column)) for column in frame.get_columns() if column.dtype == pl.String]
        frame = frame.with_columns(new for old, new in texts if new is not old)
        names = guarded(pl.Series(frame.columns, dtype=pl.String)).to_list()  # a name is a cell, too
        if len(set(names)) == len(names):
            frame.columns = names
    return frame


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """Cells that the text formats do not hold (lists, objects, bytes) as text."""
    changed: list[Any] = []
    for name, dtype in frame.schema.items():
        if dtype.is_nested() or dtype in (pl.Object, pl.Binary):
            cells = [None if cell is None else str(cell) for cell in frame[name].to_list()]
            changed.append(pl.Series(name, cells, dtype=pl.String))
    return frame.with_columns(changed) if changed else frame
