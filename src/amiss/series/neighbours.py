"""How far a window is from the other windows of a series: neighbours in other places, and the bulk of all."""

from __future__ import annotations

import numpy as np

QUERIES, REFERENCES = 256, 4096  #: windows that are compared at a time
FAR = np.float32(-1e9)
LEAST_AXIS = 1e-4  #: of the largest variance, a floor under the others


def nearest_apart(
    f: np.ndarray, references: int, apart: int, k: int, block: int, queries: int = QUERIES
) -> tuple[np.ndarray, np.ndarray]:
    """Distances of each row of f (windows, numbers), in order of time, to its nearest and k-th nearest other window.

    references: neighbours are looked for among the first so many rows. apart: rows nearer than that do not
    count. block: so many rows that follow each other count as one neighbour. Exact; (windows,) each.
    """
    n, d = f.shape
    blocks = -(-references // block)
    table = np.zeros((blocks * block, d + 1), np.float32)
    table[:references, :d] = f[:references]
    table[:, d] = -0.5 * (table[:, :d] ** 2).sum(1)  # table @ (row, 1) orders by distance
    table[references:, d] = FAR
    tile, k = max(1, REFERENCES // block), min(k, blocks)
    first, kth = np.empty(n, np.float32), np.empty(n, np.float32)
    for i in range(0, n, queries):
        rows = f[i : i + queries]
        q = np.concatenate([rows, np.ones((len(rows), 1), np.float32)], 1).T
        best = np.empty((blocks, len(rows)), np.float32)
        for b in range(0, blocks, tile):
            near = table[b * block : (b + tile) * block] @ q
            _leave_out(near, b * block, i, apart)
            best[b : b + tile] = near.reshape(-1, block, len(rows)).max(1)
        square = (q[:-1] ** 2).sum(0)
        first[i : i + queries] = square - 2 * best.max(0)
        kth[i : i + queries] = square - 2 * np.partition(best, blocks - k, axis=0)[blocks - k]
    return _length(first), _length(kth)


def _leave_out(near: np.ndarray, first: int, query: int, apart: int) -> None:
    """Mark the pairs (references from ``first`` on, queries from ``query`` on) that lie too near in time."""
    low = max(query - apart + 1, first)
    high = min(query + near.shape[1] - 1 + apart, first + len(near))
    if low < high:
        row = np.arange(low, high)
        close = np.abs(row[:, None] - np.arange(query, query + near.shape[1])) < apart
        near[row - first] = np.where(close, FAR, near[row - first])


def _length(square: np.ndarray) -> np.ndarray:
    """Square roots; a window that may have no neighbour is as far as the farthest."""
    none = square > 1e8
    if none.any():
        square[none] = square[~none].max() if (~none).any() else 0
    return np.sqrt(np.maximum(square, 0))


def mahalanobis(f: np.ndarray, references: int) -> np.ndarray:
    """(windows,) Mahalanobis lengths of f (windows, numbers) by mean and covariance of its first rows."""
    mean = f[:references].mean(0)
    variance, axes = np.linalg.eigh(np.atleast_2d(np.cov(f[:references].T)))
    t = (f - mean) @ axes.astype(np.float32)
    floor = LEAST_AXIS * variance[-1] + 1e-12
    return np.sqrt((t * t / np.maximum(variance, floor).astype(np.float32)).mean(1))
