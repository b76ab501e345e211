"""Exact nearest neighbours among reference rows, in blocks; a row that is a reference itself does not count itself."""

from __future__ import annotations

import numpy as np

GROUP = 32  #: columns that are looked through together, which is faster than one by one


def squared(rows: np.ndarray, references: np.ndarray) -> np.ndarray:
    """(rows, references) squared Euclidean distances, float32, never negative."""
    distances = rows @ references.T
    distances *= -2
    distances += np.einsum("ij,ij->i", rows, rows)[:, None]
    distances += np.einsum("ij,ij->i", references, references)
    return np.maximum(distances, 0, out=distances)


def nearest(distances: np.ndarray, count: int, twin: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distances and indices (rows, count) of the nearest references in order, from their squared distances.

    twin: (rows,) bool; such a row equals a reference bit by bit, and its nearest one, its own copy, is left out.
    Fewer columns come back where there are fewer references.
    """
    count = min(count + 1, distances.shape[1])
    index = _smallest(distances, count)
    value = np.take_along_axis(distances, index, 1)
    order = np.argsort(value, axis=1, kind="stable")
    value, index = np.take_along_axis(value, order, 1), np.take_along_axis(index, order, 1)
    own = twin[:, None]
    return np.sqrt(np.where(own, value[:, 1:], value[:, :-1])), np.where(own, index[:, 1:], index[:, :-1])


def _smallest(distances: np.ndarray, count: int) -> np.ndarray:
    """(rows, count) indices of the smallest, in no order: they lie in the groups whose least ones are smallest."""
    rows, columns = distances.shape
    groups = columns // GROUP
    if groups < 2 * count:
        return np.argpartition(distances, count - 1, axis=1)[:, :count]
    least = distances[:, : groups * GROUP].reshape(rows, GROUP, groups).min(1)
    group = np.argpartition(least, count - 1, axis=1)[:, :count]
    index = (group[:, None, :] + groups * np.arange(GROUP)[None, :, None]).reshape(rows, -1)
    rest = np.broadcast_to(np.arange(groups * GROUP, columns), (rows, columns - groups * GROUP))
    index = np.concatenate([index, rest], axis=1)
    few = np.argpartition(np.take_along_axis(distances, index, 1), count - 1, axis=1)[:, :count]
    return np.take_along_axis(index, few, 1)


def typical(distances: np.ndarray, count: int, twin: np.ndarray) -> np.ndarray:
    """(rows,) mean distance to the ``count`` nearest references, as in :func:`nearest`, but not which they are."""
    count = min(count, distances.shape[1] - 1)
    value = np.sort(np.sqrt(np.partition(distances, count, axis=1)[:, : count + 1]), axis=1)
    return np.where(twin[:, None], value[:, 1:], value[:, :-1]).mean(1)


def keys(rows: np.ndarray) -> np.ndarray:
    """(rows,) one comparable value a row: rows are equal bit by bit where these are (0 and -0 are one number)."""
    rows = np.ascontiguousarray(rows + np.float32(0))
    return rows.view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1])))[:, 0]
