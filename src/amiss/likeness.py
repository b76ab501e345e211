"""How near a row is to the labelled anomalies, beside how near it is to rows at large: for a handful of labels.

Anomalies of a kind often lie close together, where few other rows are, and five of them are enough to see that. A
kernel at each anomaly, as wide as rows at large are apart around the row, says so without learning anything (Parzen,
1962). How far apart they are is measured as the mean distance to the nearest row of several small groups, which is
quick, and for which a few groups of each member of an ensemble do (Bandaragoda et al., 2014).
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array

GROUPS, SIZE = 8, 32  #: groups of a member, and their rows
REACH = 8.0  #: standard deviations beyond which a column says no more
LEAST_WIDTH, LEAST_KERNEL = 0.05, 1e-9


def init_likeness(rng: np.random.Generator, rows: np.ndarray, y: np.ndarray, room: int) -> dict[str, np.ndarray]:
    """Buffers for :func:`likeness` from rows (rows, columns) and y (rows,), 1 for an anomaly; room: for so many of
    these. It is not heard yet: ``like_share``, what it is multiplied by, is 0."""
    rows = np.clip(rows, -REACH, REACH)
    anomalies = rows[y == 1][:room]
    drawn = rng.permutation(len(rows))
    buffers = {
        "anomalies": np.pad(anomalies, ((0, room - len(anomalies)), (0, 0))),
        "there": np.arange(room) < len(anomalies),
        "rows": rows[np.resize(drawn, GROUPS * SIZE)],  # a small table's come again
        "share": 0,
    }
    return {f"like_{name}": np.asarray(value, np.float32) for name, value in buffers.items()}


def likeness(buffers: dict[str, Array], rows: Array) -> Array:
    """(rows, columns) -> (rows,) its share of a score; 0 where there is none among the buffers."""
    if "like_share" not in buffers:
        return jnp.zeros(len(rows))
    rows = jnp.clip(rows, -REACH, REACH)
    apart = _distances(rows, buffers["like_rows"]).reshape(len(rows), GROUPS, SIZE)
    width = jnp.mean(jnp.min(apart, 2), 1) + LEAST_WIDTH
    kernels = jnp.exp(-_distances(rows, buffers["like_anomalies"]) / width[:, None])
    kernel = kernels @ buffers["like_there"] / jnp.sum(buffers["like_there"])
    return jnp.log(kernel + LEAST_KERNEL) * buffers["like_share"]


def _distances(rows: Array, others: Array) -> Array:
    """(rows, others) Euclidean distances."""
    squares = jnp.sum(rows * rows, 1)[:, None] + jnp.sum(others * others, 1)[None] - 2 * (rows @ others.T)
    return jnp.sqrt(jnp.maximum(squares, 0))
