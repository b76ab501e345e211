"""BLAS on one thread, for as long as anyone asks: the limit is the process's own, so those who ask are counted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from threadpoolctl import threadpool_limits


class _Holder(NamedTuple):
    """A thread that has set the limit and waits to take it back: only who has set one can."""

    thread: threading.Thread
    done: threading.Event


_lock = threading.Lock()
_asking = 0
_holder: _Holder | None = None


@contextmanager
def one_thread() -> Iterator[None]:
    """For many small products, whose threads would wait for each other, and for sums that are to be the same anywhere.

    May be asked for by several threads at a time; the last to leave gives the process its own number of threads back.
    Inside of a limit that the caller has set with threadpoolctl, that one holds.
    """
    global _asking, _holder
    with _lock:
        _asking += 1
        _holder = _holder or _hold()
    try:
        yield
    finally:
        with _lock:
            _asking -= 1
            if not _asking and _holder is not None:
                _holder.done.set()
                _holder.thread.join()
                _holder = None


def _hold() -> _Holder:
    limited, done = threading.Event(), threading.Event()

    def hold() -> None:
        with threadpool_limits(1, "blas"):
            limited.set()
            done.wait()

    thread = threading.Thread(target=hold, name="amiss-blas", daemon=True)
    thread.start()
    limited.wait()
    return _Holder(thread, done)
