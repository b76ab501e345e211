"""A network whose hidden layer is drawn and kept, and whose output is solved for: for a handful of labels.

A trained network fits five anomalies in a hundred ways, of which only some carry over. Here nothing but the output is
learned, at once and with a ridge: the linear discriminant (Fisher, 1936) of the anomalies against all rows, among
random features of the columns (Rahimi and Recht, 2008; Huang, Zhu and Siew, 2006).
"""

from __future__ import annotations

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import Array

UNITS, SPREAD, OFFSET = 128, 2.0, 0.5  #: of the hidden layer; standard deviations of what it sees and of its offsets
RIDGE = 0.004  #: of the units' variances together
MOST = 20_000  #: rows that the units' covariance is taken from, at most


def init_frozen(
    rng: np.random.Generator, rows: np.ndarray, y: np.ndarray, columns: int, see: Callable[[np.ndarray], np.ndarray]
) -> dict[str, np.ndarray]:
    """Buffers for :func:`frozen` from rows and y (rows,), 1 for an anomaly. see: makes the network's inputs of rows.

    The first ``columns`` inputs and the others, their bins, weigh the same. The score has a standard deviation of 1; it
    is not heard yet: ``frozen_share``, what it is multiplied by, is 0.
    """
    if len(rows) > MOST:
        kept = np.concatenate([np.flatnonzero(y == 1)[:MOST], rng.permutation(np.flatnonzero(y != 1))[:MOST]])
        rows, y = rows[kept], y[kept]
    rows = see(rows)
    spread = rows.std(0, dtype=np.float64)
    scale = np.where(spread > 0, 1 / np.maximum(spread, 1e-9), 0.0)
    for block in (slice(columns), slice(columns, None)):
        scale[block] *= SPREAD / np.sqrt(max(1, int(np.count_nonzero(scale[block]))))
    hidden = rng.normal(size=(rows.shape[1], UNITS)) * scale[:, None]
    offset = rng.normal(0, OFFSET, UNITS) - rows.mean(0, dtype=np.float64) @ hidden
    units = np.tanh(rows @ hidden + offset)
    mean, unit = units.mean(0), units.std(0) + 1e-9
    units = (units - mean) / unit
    covariance = units.T @ units / len(units)
    out = np.linalg.solve(covariance + RIDGE * UNITS * np.eye(UNITS), units[y == 1].mean(0))
    out /= np.sqrt(out @ covariance @ out) * unit
    buffers = {"hidden": hidden, "offset": offset, "out": out[:, None], "middle": mean @ out, "share": 0}
    return {f"frozen_{name}": np.asarray(value, np.float32) for name, value in buffers.items()}


def frozen(buffers: dict[str, Array], rows: Array) -> Array:
    """(rows, inputs) -> (rows,) the discriminant's share of a score; 0 where there is none among the buffers."""
    if "frozen_share" not in buffers:
        return jnp.zeros(len(rows))
    units = jnp.tanh(rows @ buffers["frozen_hidden"] + buffers["frozen_offset"][None])
    return (jnp.squeeze(units @ buffers["frozen_out"], -1) - buffers["frozen_middle"]) * buffers["frozen_share"]
