"""A file that a long work writes line by line, so that it goes on where it was killed.

Lines are JSON, and the first one says of what work they are. A line that a kill cut short is dropped. Every line is on
the disk before the work goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any

from amiss.errors import OptionError, OutputError, TableError


class Journal:
    """``lines`` are those that were found, the first one left out; ``add`` appends one.

    what: says which work it is; a file that says something else is refused with OptionError. path: None keeps no file.
    """

    def __init__(self, path: str | Path | None, what: dict[str, Any]) -> None:
        self.path = None if path is None else Path(path).expanduser()
        self.lines: list[dict[str, Any]] = []
        whole = b""
        if self.path is not None and self.path.exists():
            whole = self._read(what)
        if self.path is not None and not whole:
            self._write(json.dumps(what).encode() + b"\n", "wb")

    def add(self, line: dict[str, Any]) -> None:
        self.lines.append(line)
        if self.path is not None:
            self._write(json.dumps(line, allow_nan=False).encode() + b"\n", "ab")

    def _read(self, what: dict[str, Any]) -> bytes:
        """The whole lines of the file, which then ends with the last of them."""
        assert self.path is not None
        try:
            data = self.path.read_bytes()
            whole = data[: data.rfind(b"\n") + 1]
            found = [json.loads(line) for line in whole.splitlines()]
        except OSError as error:
            raise TableError("the journal cannot be read", where=str(self.path), found=str(error)) from error
        except ValueError as error:
            raise OptionError(
                "this is no journal of ours", where=str(self.path), found=str(error)[:80],
                hint="move the file away, or give the output another name",
            ) from error  # fmt: skip
        if not found:
            return b""
        if found[0] != what:
            old = found[0] if isinstance(found[0], dict) else {}
            changed = [k for k in what if old.get(k) != what[k]]
            raise OptionError(
                "the journal is of another work", where=str(self.path), required="the same data and options as before",
                found="changed: " + ", ".join(changed or ["the format"]),
                hint="delete the file to start anew (amiss tune --restart does), or give the output another name",
            )  # fmt: skip
        self.lines = found[1:]
        if len(whole) < len(data):
            with contextlib.suppress(OSError):
                os.truncate(self.path, len(whole))
        return whole

    def _write(self, data: bytes, mode: str) -> None:
        assert self.path is not None
        try:
            with open(self.path, mode) as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError("the journal cannot be written", where=str(self.path), found=str(error)) from error
