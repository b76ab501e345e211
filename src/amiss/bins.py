"""Columns cut into bins, which gives networks what trees have: a bend at a column's own values.

The piecewise-linear encoding of Gorishniy, Rubachev and Babenko (2022), with bins by quantiles and by trees at once.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

CUT_PAD = 16  #: cut columns are padded to a multiple of this
LEAST_BIN = 1e-4  #: the width of a bin, in standard deviations of its column, at least
LEAF_SHARE, LEAF_LEAST = 0.01, 2  #: share of the rows, and number, that a leaf of a column's tree has at least
TREE_ROWS = 100_000  #: rows that a column's tree is grown from at most: a random part of longer tables


def room_for_bins(rows: np.ndarray, bins: int, y: np.ndarray, leaves: int = 0) -> int:
    """How many columns of rows (rows, columns) are cut, up to a multiple of ``CUT_PAD``: the same for all members."""
    cut = sum(len(found) > 2 for found in _edges(rows, bins, y, leaves))
    return -(-max(1, cut) // CUT_PAD) * CUT_PAD


def init_bins(
    rows: np.ndarray, bins: int, y: np.ndarray, room: int | None = None, leaves: int = 0
) -> dict[str, np.ndarray]:
    """Buffers for :func:`piecewise` from rows (rows, columns): the columns that are cut, those of over two values, and
    their bins' lower ends and slopes (cut columns, 2 bins + leaves). Padded so that tables share programs.

    Half of the cuts are quantiles of all rows, half of the anomalies (y = 1): the few anomalies often lie in what would
    be one bin. There are no more of these than half of the anomalies, so that no cut is a single row's.

    leaves: of a classification tree of each column alone, whose thresholds are cuts, too; 0 for none.
    room: for so many columns; those with the most bins where there are more, :func:`room_for_bins` of rows if None."""
    room = room or room_for_bins(rows, bins, y, leaves)
    edges = _edges(rows, bins, y, leaves)
    cut = sorted((j for j, found in enumerate(edges) if len(found) > 2), key=lambda j: -len(edges[j]))[:room]
    low = np.zeros((room, 2 * bins + 1 + max(0, leaves - 1)), np.float32)
    slope = np.zeros_like(low)  # stays 0 where there are fewer bins than there is room for
    for i, j in enumerate(sorted(cut)):
        low[i, : len(edges[j]) - 1] = edges[j][:-1]
        slope[i, : len(edges[j]) - 1] = 1 / np.diff(edges[j])
    columns = np.array(sorted(cut), np.int32)
    return {"columns": np.pad(columns, (0, room - len(cut))), "low": low, "slope": slope}


def piecewise(bins: dict[str, Any], x: Any) -> Any:
    """(rows, columns) -> (rows, columns + cut columns * bins): how far every bin is passed, from -1 to 1 (Gorishniy et
    al., 2022), beside the numbers themselves, so that a network can bend at a column's own values. NumPy or JAX."""
    xp: Any = np if isinstance(x, np.ndarray) else jnp
    passed = xp.clip((x[:, bins["columns"], None] - bins["low"][None]) * bins["slope"][None], 0, 1) * 2 - 1
    passed = xp.where(bins["slope"][None] > 0, passed, xp.float32(0))
    return xp.concatenate([x, passed.reshape(len(x), -1)], 1)


def _edges(rows: np.ndarray, bins: int, y: np.ndarray, leaves: int) -> list[np.ndarray]:
    """The cuts of each column, in order."""
    anomalies = rows[y == 1]
    levels, own = np.linspace(0, 1, bins + 1), np.linspace(0, 1, min(bins, len(anomalies) // 2) + 1)
    edges = []
    part = slice(None) if len(rows) <= TREE_ROWS else np.random.default_rng(0).choice(len(rows), TREE_ROWS, False)
    for j in range(rows.shape[1]):
        found = np.quantile(rows[:, j], levels)
        if len(own) > 1:
            found = np.concatenate([found, np.quantile(anomalies[:, j], own)])
        if leaves > 1:
            found = np.concatenate([found, _thresholds(rows[part, j], y[part] == 1, leaves)])
        found = np.unique(found.astype(np.float32))
        edges.append(found[np.append(True, np.diff(found) > LEAST_BIN)])
    return edges


def _thresholds(column: np.ndarray, anomalous: np.ndarray, leaves: int) -> np.ndarray:
    """Where a classification tree (Breiman et al., 1984) of this column (rows,) alone divides it; nowhere if it has
    two values."""
    if not ((column > column.min()) & (column < column.max())).any():
        return column[:0]
    from sklearn.tree import DecisionTreeClassifier

    least = max(LEAF_LEAST, int(LEAF_SHARE * len(column)))
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, min_samples_leaf=least, random_state=0)
    found = tree.fit(column[:, None], anomalous).tree_
    return found.threshold[found.feature >= 0]
