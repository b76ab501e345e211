"""Exact nearest neighbours among reference rows, in blocks; a row that is a reference itself does not count itself."""

from __future__ import annotations

import numpy as np

GROUP = 32  #: columns that are looked through together, which is faster than one by one


def squared(rows: np.ndarray, references: np.ndarray) -> np.ndarray:
    """(rows, references) squared Euclidean distances, float32, as one product; rounding may leave them below zero."""
    left = [rows, np.ones((len(rows), 1), rows.dtype), np.einsum("ij,ij->i", rows, rows)[:, None]]
    own = np.einsum("ij,ij->i", references, references)[:, None]
    right = [-2 * references, own, np.ones((len(references), 1), references.dtype)]
    return np.concatenate(left, axis=1) @ np.concatenate(right, axis=1).T


def root(distances: np.ndarray) -> np.ndarray:
    """Distances from those of :func:`squared`."""
    return np.sqrt(np.maximum(distances, 0))


def nearest(distances: np.ndarray, count: int, twin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices (rows, count) of the nearest references in order, from their squared distances, float32.

    twin: (rows,) bool; such a row equals a reference bit by bit, and its nearest one, its own copy, is left out.
    Fewer columns come back where there are fewer references.
    """
    rows, columns = distances.shape
    count = min(count + 1, columns)
    place = np.flatnonzero(distances <= _bound(distances, count))  # so many of every row at least, more where some tie
    row = place // columns
    value = root(distances.ravel()[place])
    order = np.argsort(row.astype(np.uint64) << np.uint64(32) | value.view(np.uint32), kind="stable")
    chosen = order[np.searchsorted(row, np.arange(rows))[:, None] + np.arange(count)]
    value, index = value[chosen], place[chosen] % columns
    own = twin[:, None]
    return np.where(own, value[:, 1:], value[:, :-1]), np.where(own, index[:, 1:], index[:, :-1])


def _bound(distances: np.ndarray, count: int) -> np.ndarray:
    """(rows, 1) what ``count`` of a row are below or at: of that many groups' least ones, the largest."""
    rows, columns = distances.shape
    groups = columns // GROUP
    if groups >= 2 * count:
        distances = distances[:, : groups * GROUP].reshape(rows, GROUP, groups).min(1)
    return np.partition(distances, count - 1, axis=1)[:, count - 1 : count]


def typical(distances: np.ndarray, count: int, twin: np.ndarray) -> np.ndarray:
    """(rows,) mean distance to the ``count`` nearest references, as in :func:`nearest`, but not which they are."""
    count = min(count, distances.shape[1] - 1)
    value = root(np.sort(np.partition(distances, count, axis=1)[:, : count + 1], axis=1))
    return np.where(twin[:, None], value[:, 1:], value[:, :-1]).mean(1)


def keys(rows: np.ndarray) -> np.ndarray:
    """(rows,) one comparable value a row: rows are equal bit by bit where these are (0 and -0 are one number)."""
    rows = np.ascontiguousarray(rows + np.float32(0))
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
