"""What this computer offers: versions, backend, cores, cache and places that can be written."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import amiss

PACKAGES = ("jax", "jaxlib", "optax", "numpy", "polars", "scikit-learn", "safetensors", "click", "rich")
CACHE_SETTING = "jax_compilation_cache_dir"


def examine() -> dict[str, Any]:
    """One object fit for JSON; ``problems`` names what stands in the way."""
    found: dict[str, Any] = {
        "amiss": amiss.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "versions": {name: _version(name) for name in PACKAGES},
        "cores": cores(),
        "problems": [f"{name} is not installed" for name in PACKAGES if _version(name) is None],
    }
    try:
        found |= _backend()
    except Exception as error:  # whatever is wrong with the accelerator's libraries is what the doctor is asked for
        found["problems"].append(f"jax does not work here: {type(error).__name__}: {error}")
    found["writable"] = {str(place): _writable(place) for place in (Path.cwd(), Path(tempfile.gettempdir()))}
    found["problems"] += [f"{place} cannot be written" for place, good in found["writable"].items() if not good]
    return found


def cores() -> int:
    """Cores that this process may use."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _backend() -> dict[str, Any]:
    import jax
    import jax.numpy as jnp

    from amiss.programs import cache_folder, configure

    configure()
    started = time.perf_counter()
    jax.block_until_ready(jax.jit(lambda x: jnp.tanh(x @ x.T).sum())(jnp.ones((8, 8))))
    folder = cache_folder()
    files = [] if folder is None or not folder.is_dir() else [f for f in folder.rglob("*") if f.is_file()]
    used = folder is not None and getattr(jax.config, CACHE_SETTING) == str(folder)
    return {
        "backend": jax.default_backend(),
        "devices": [str(device) for device in jax.devices()],
        "first_program_seconds": round(time.perf_counter() - started, 3),
        "cache": {
            "folder": None if folder is None else str(folder),
            "in_use": used,
            "files": len(files),
            "bytes": sum(f.stat().st_size for f in files),
        },
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _writable(place: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False
