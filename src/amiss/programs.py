"""Compiled programs: where they are kept between processes, and how one is first called.

A network's program takes about a second to compile and 0.03 s to read back, so amiss keeps programs in the person's
cache folder. Entries are machine code: the folder is private (mode 0700) and keyed by jaxlib's version and by the
processor. ``AMISS_CACHE=off`` keeps nothing; ``AMISS_CACHE=/some/folder`` keeps them there.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import threading
import warnings
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import jax
import jaxlib

_first_call = threading.RLock()
_called: set[Hashable] = set()
_configured = False
_FOLDER = "jax_compilation_cache_dir"
_DAMAGED = re.compile(r"Error reading persistent compilation cache entry for '(?P<program>\w+)'")


def cache_folder() -> Path | None:
    """The folder of compiled programs for this processor and jaxlib, or None where caching is off."""
    wish = os.environ.get("AMISS_CACHE", "")
    if wish.lower() in {"off", "0", "no", "false"}:
        return None
    if wish:
        root = Path(wish)
    elif platform.system() == "Windows":
        root = Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "amiss"
    elif platform.system() == "Darwin":
        root = Path.home() / "Library" / "Caches" / "amiss"
    else:
        root = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "amiss"
    return root / f"jaxlib-{jaxlib.__version__}-{_processor()}"


def _processor() -> str:
    """A short name for the instruction set: code compiled for one processor may not run on another."""
    text = platform.machine() + platform.processor()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        text += "".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    except OSError:
        pass
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def configure() -> None:
    """Turn the cache on, once; a folder that cannot be written, or one the person chose for JAX, is left alone."""
    global _configured
    if _configured:
        return
    _configured = True
    folder = cache_folder()
    if folder is None or getattr(jax.config, _FOLDER):
        return
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
    except OSError:
        return
    if not os.access(folder, os.W_OK):
        return
    jax.config.update(_FOLDER, str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
    jax.config.update("jax_persistent_cache_enable_xla_caches", "none")


def call(program: Callable[..., Any], *arrays: Any, **static: Hashable) -> Any:
    """Call a jitted program; the first call for its shapes compiles alone, so that two threads never compile it twice.

    arrays: pytrees of arrays. static: hashable compile-time arguments.
    """
    key = (program, tuple(static.items()), tuple((a.shape, str(a.dtype)) for a in jax.tree.leaves(arrays)))
    if key in _called:
        return program(*arrays, **static)
    with _first_call:
        configure()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            result = jax.block_until_ready(program(*arrays, **static))
        _called.add(key)
    for warning in caught:
        damaged = _DAMAGED.search(str(warning.message))
        if damaged:  # JAX warns but never replaces a damaged entry: remove it, so that the next process writes it anew
            _forget(damaged["program"])
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return result


def _forget(name: str) -> None:
    folder = getattr(jax.config, _FOLDER)
    for entry in Path(folder).glob(f"{name}-*") if folder else ():
        entry.unlink(missing_ok=True)
