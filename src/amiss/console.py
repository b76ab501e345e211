"""The terminal: where words go, the progress bar, and Ctrl-C. Rich is imported when something is shown first.

Results go to stdout, messages and the bar to stderr; where stdout carries a table or JSON, results go to stderr too.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

PIPED_WIDTH = 100  #: columns of text where nobody says how wide the terminal is


class Screen:
    """Where a command's words go.

    as_json: stdout is for one JSON object. quiet: nothing but what was asked for. taken: stdout carries a table.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False, taken: bool = False) -> None:
        self.as_json, self.quiet, self.taken = as_json, quiet, taken
        self.interrupted = False

    @property
    def results(self) -> Console:
        return _console(sys.stderr if self.taken or self.as_json else sys.stdout)

    @property
    def messages(self) -> Console:
        return _console(sys.stderr)

    def say(self, text: str, style: str = "") -> None:
        """A message on stderr, unless quiet."""
        if not self.quiet:
            self.messages.print(clean(text), style=style, soft_wrap=True)

    @contextlib.contextmanager
    def progress(self, title: str, budget: float | None = None) -> Iterator[Callable[[float, str], None] | None]:
        """A bar on stderr with the time left; gives the callback that moves it, None where there is no bar.

        budget: seconds of training at most, which may end it sooner than epochs do.
        """
        if self.quiet or not sys.stderr.isatty():
            yield None
            return
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        bar = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
            TextColumn("left"), console=self.messages, transient=True,
        )  # fmt: skip
        task = bar.add_task(clean(title), total=None)
        first: list[float] = []

        def report(share: float, text: str) -> None:
            first.append(time.monotonic()) if not first else None
            if budget is not None:
                share = max(share, min(1.0, (time.monotonic() - first[0]) / budget))
            bar.update(task, total=1.0, completed=share, description=clean(text))

        with bar:
            yield report

    @contextlib.contextmanager
    def interruptible(self) -> Iterator[None]:
        """The first Ctrl-C in training ends it early, and says so; a second one, or one elsewhere, ends the work."""
        if threading.current_thread() is not threading.main_thread():  # signals are for the main thread alone
            yield
            return

        def stop(_signal: int, _frame: Any) -> None:
            if not self.interrupted:
                self.interrupted = True
                self.say("\nStopping: training ends with the best so far. Ctrl-C again gives up.")
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGINT, stop)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)


def _console(file: IO[str]) -> Console:
    """Plain text where the file is no terminal or the person wants no colour; data are never taken for markup."""
    from rich.console import Console

    width = None if file.isatty() or os.environ.get("COLUMNS") else PIPED_WIDTH
    colours: Any = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(file=file, markup=False, emoji=False, highlight=False, width=width, color_system=colours)
    setattr(console, "on_broken_pipe", _broken_pipe)  # noqa: B010 - rich would end the process with exit code 1
    return console


def _broken_pipe() -> None:
    raise BrokenPipeError


def clean(text: str) -> str:
    """Without characters that steer a terminal: cells and names of files are strangers' words."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{MIDDLE DOT}" for c in text)
