"""What all tests share: strict arrays, and the folder of real tables.

Compiled programs come from the person's own cache, so that a second run is quick; tests of the cache itself use a
folder of their own in a process of their own. NaN checks (``jax_debug_nans``) stay off: divergence is tested for.
"""

from __future__ import annotations

import os
from pathlib import Path

import jax
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")  # a (rows, 1) against (rows,) loss is refused, not broadcast

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder of real tables, or a skip that says how to get it."""
    folder = Path(os.environ.get("AMISS_DATA") or ROOT.parent / "shared" / "data")
    if not (folder / "tables").is_dir():
        pytest.skip(f"no real tables at {folder}: set AMISS_DATA to the folder that holds tables/")
    return folder
