"""Isolation trees as arrays, grown level by level for all of them together (Liu, Ting and Zhou, 2008)."""

from __future__ import annotations

import numpy as np

NEVER = np.float32(1e30)  # the cut of a node that is not divided: every row goes left


def usual_path(rows: np.ndarray) -> np.ndarray:
    """Mean depth of an unsuccessful search in a binary tree of so many rows."""
    n = np.maximum(rows, 2).astype(np.float64)
    return np.where(rows < 2, 0.0, np.where(rows == 2, 1.0, 2 * (np.log(n - 1) + np.euler_gamma) - 2 * (n - 1) / n))


def grow(rng: np.random.Generator, z: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Complete trees on z (trees, rows, columns), level by level for all trees together.

    Returns columns and cuts of inner nodes (trees, 2^depth - 1), and path lengths of the leaves (trees, 2^depth).
    """
    trees, rows, columns = z.shape
    inner = 2**depth - 1
    column = rng.integers(columns, size=(trees, inner))
    cut = np.full((trees, inner), NEVER, np.float32)
    end = np.full((trees, inner + 2**depth), depth)  # level at which the way through a node came to an end
    node, tree = np.zeros((trees, rows), int), np.arange(trees)[:, None]
    for level in range(depth):
        first, size = 2**level - 1, 2**level
        value = np.take_along_axis(z, column[tree, node][:, :, None], 2)[:, :, 0]
        low, high = np.full((2, trees, size), NEVER)
        np.minimum.at(low, (tree, node - first), value)
        np.minimum.at(high, (tree, node - first), -value)
        here = np.arange(first, first + size)
        divided = low < -high
        at = low + rng.random((trees, size)) * (-high - low)
        cut[:, here] = np.where(divided, np.minimum(at, np.nextafter(-high, low)), NEVER)
        end[:, here] = np.where(divided, depth, np.minimum(end[:, here], level))
        end[:, 2 * here + 1], end[:, 2 * here + 2] = end[:, here], end[:, here]
        node = 2 * node + 1 + (value > cut[tree, node])
    count = np.zeros((trees, 2**depth), int)
    np.add.at(count, (tree, node - inner), 1)
    return column.astype(np.float32), cut, (end[:, inner:] + usual_path(count)).astype(np.float32)
