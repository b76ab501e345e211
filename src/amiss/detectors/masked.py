"""Masked columns: rows whose columns cannot be told from their other columns are anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.base import Detector, Network
from amiss.errors import Range
from amiss.networks import activation, column_mask, init_mlp, mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method

GROUPS = 16  # groups of columns that are hidden together; up to so many columns, each is a group of its own
LEAST_LOG = -3.5  # log of the least deviation: a column that others give away exactly is not infinitely telling
STEEP = 5.0  # the deviations are learned faster than the network


@lru_cache
def _method(hidden: tuple[int, ...], act: str, extra: float) -> Method:
    function = activation(act)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        width, used = data["x"].shape[-1], min(columns, GROUPS)
        groups = np.zeros((GROUPS, width), np.float32)
        groups[np.arange(columns) % used, rng.permutation(columns)] = 1
        net = init_mlp(rng, (2 * width, *hidden, width), 2 * columns)
        buffers = {"groups": groups, "used": np.float32(used), "mask": column_mask(width, columns)}
        return Params(net | {"deviation": np.zeros(width, np.float32)}, buffers)

    def log_deviation(params: Params) -> Array:
        return jnp.maximum(STEEP * params.weights["deviation"], LEAST_LOG)[None, :]

    def errors(params: Params, rows: Array, hide: Array) -> Array:
        """(rows, columns) squared errors where ``hide`` is 1, in units of the column's usual one."""
        seen = jnp.concatenate([rows * (1 - hide), hide], -1)
        gap = (mlp(params.weights, seen, function) - rows) * jnp.exp(-log_deviation(params))
        return gap * gap * hide

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        rows, (one, other) = batch["x"], jax.random.split(key)
        group = jnp.floor(jax.random.uniform(one, (len(rows),)) * params.buffers["used"]).astype(int)
        more = jax.random.bernoulli(other, extra, rows.shape) * params.buffers["mask"][None, :]
        hide = jnp.maximum(params.buffers["groups"][group], more)
        surprise = errors(params, rows, hide) + 2 * log_deviation(params) * hide
        return jnp.sum(surprise, -1) / jnp.sum(hide, -1)

    def score(params: Params, rows: Array) -> Array:
        def add(total: Array, group: Array) -> tuple[Array, None]:
            return total + jnp.sum(errors(params, rows, jnp.broadcast_to(group[None, :], rows.shape)), -1), None

        total, _ = jax.lax.scan(add, jnp.zeros(len(rows)), params.buffers["groups"])
        return total / jnp.sum(params.buffers["mask"])

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False, repr=False)
class MaskedColumns(Detector, Network):
    """Errors in predicting each column from the others (as MCM, Yin et al., ICLR 2024, with masks by lot).

    A network sees a row with some columns hidden, and which, and predicts those; each column's usual deviation is
    learned along, by likelihood. The score is the mean squared error over columns, each in units of its own deviation,
    every column hidden once.

    Finds dependency anomalies: values that are usual alone, but not beside the row's others. Fails where columns
    are independent (it then sees a column's variance only), and on polluted training data with clustered anomalies.
    Cost: 1,500 steps a member whatever the rows; scoring is 16 passes through the network.

    Differs from MCM, which learns its masks and reconstructs whole rows under each: here masks are random, and errors
    count on hidden columns only.

    hidden: units of each hidden layer. activation: a name in :data:`amiss.networks.ACTIVATIONS`.
    extra: share of further columns hidden in training, in [0, 1).
    """

    hidden: tuple[int, ...] = (128, 128)
    activation: str = "silu"
    extra: float = 0.1
    n_estimators: int = 2
    steps: int | None = 1500
    batch_size: int | None = 128
    schedule: str = "cosine"
    learning_rate: float = 2e-3

    ranges: ClassVar[dict[str, Range]] = {"extra": Range(0, 1, open_high=True)}

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.activation, float(self.extra))
