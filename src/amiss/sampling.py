"""Which rows make a batch, and how rows become a batch's arrays: NumPy only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from scipy.special import betaincinv

Data = Mapping[str, np.ndarray]
Gather = Callable[[Data, np.ndarray], dict[str, np.ndarray]]
Sampler = Callable[[np.random.Generator, Data, np.ndarray, int], tuple[np.ndarray, np.ndarray]]

PAD = 16  #: columns are padded to a multiple of this, so that tables share compiled programs


def uniform(rng: np.random.Generator, data: Data, rows: np.ndarray, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """One epoch of batches, each row once: indices and weights, both (steps, batch_size); padding weighs nothing."""
    steps = -(-len(rows) // batch_size)
    index = np.zeros(steps * batch_size, np.int64)
    weight = np.zeros(steps * batch_size, np.float32)
    index[: len(rows)] = rng.permutation(rows)
    weight[: len(rows)] = 1
    return index.reshape(steps, batch_size), weight.reshape(steps, batch_size)


def balanced(rng: np.random.Generator, data: Data, rows: np.ndarray, batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`uniform`, but half of every batch are rows with y = 1, drawn with replacement."""
    anomalous = data["y"][rows] == 1
    if anomalous.all() or not anomalous.any():
        return uniform(rng, data, rows, batch_size)
    half = batch_size // 2
    index, weight = uniform(rng, data, rows[~anomalous], batch_size - half)
    drawn = rng.choice(rows[anomalous], (len(index), half))
    return np.concatenate([index, drawn], 1), np.concatenate([weight, np.ones_like(drawn, np.float32)], 1)


def oversampled(
    rng: np.random.Generator, data: Data, rows: np.ndarray, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`uniform`, but rows with y = 1 come again, at random, until there are as many as others."""
    anomalies, others = _kinds(data, rows)
    missing = len(others) - len(anomalies)
    more = rng.choice(anomalies, missing) if len(anomalies) and missing > 0 else anomalies[:0]
    return uniform(rng, data, np.concatenate([rows, more]), batch_size)


def undersampled(
    rng: np.random.Generator, data: Data, rows: np.ndarray, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`uniform`, but of the rows with another y than 1 only as many as of those, others every time."""
    anomalies, others = _kinds(data, rows)
    if not len(anomalies):
        return uniform(rng, data, rows, batch_size)
    return uniform(rng, data, np.concatenate([anomalies, rng.permutation(others)[: len(anomalies)]]), batch_size)


def _kinds(data: Data, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    anomalous = data["y"][rows] == 1
    return rows[anomalous], rows[~anomalous]


def gather_rows(data: Data, index: np.ndarray) -> dict[str, np.ndarray]:
    """The rows of every array of ``data`` at ``index``."""
    return {name: array[index] for name, array in data.items()}


def pad_columns(z: np.ndarray) -> np.ndarray:
    """(rows, columns) -> (rows, columns up to a multiple of ``PAD``) float32, the new ones zero."""
    missing = -z.shape[1] % PAD
    return np.ascontiguousarray(z, np.float32) if not missing else np.pad(z.astype(np.float32), ((0, 0), (0, missing)))


def mixing(strength: float) -> np.ndarray:
    """(512,) equally likely shares of the second of two mixed rows, a half at most: of a beta distribution with both
    parameters ``strength``. To draw from these is many times faster than from the distribution itself."""
    share = betaincinv(strength, strength, (np.arange(512) + 0.5) / 512) if strength else np.zeros(512)
    return np.minimum(share, 1 - share).astype(np.float32)
