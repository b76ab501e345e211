"""What speaks beside the trained networks where no more than a handful of anomalies is labelled."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jax import Array

from amiss.frozen import frozen, init_frozen
from amiss.likeness import init_likeness, likeness

FEW = 64  #: anomalies, at most, beside which it speaks
VOICES = ("frozen", "like")  #: what the buffers of each begin with


def init_handful(
    rng: np.random.Generator, rows: np.ndarray, y: np.ndarray, columns: int, see: Callable[[np.ndarray], np.ndarray]
) -> dict[str, np.ndarray]:
    """Buffers of all voices, which are not heard yet. See :func:`~amiss.frozen.init_frozen`."""
    return init_frozen(rng, rows, y, columns, see) | init_likeness(rng, rows, y, FEW)


def handful(buffers: dict[str, Array], rows: Array, seen: Array) -> Array:
    """(rows,) their share of a score; rows (rows, columns), seen (rows, inputs): what the trained networks see."""
    return frozen(buffers, seen) + likeness(buffers, rows)
