"""Diffusion time estimation: rows that look as if much noise had been added to them are anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from amiss.base import Detector, Network
from amiss.errors import Range
from amiss.networks import activation, column_mask, init_mlp, mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method

TIMES, LEAST_BETA, MOST_BETA = 400, 1e-4, 0.01  # the paper's linear schedule of noise


@lru_cache
def _method(hidden: tuple[int, ...], act: str, dropout: float, bins: int) -> Method:
    function = activation(act)
    kept = np.cumprod(1 - np.linspace(LEAST_BETA, MOST_BETA, TIMES))  # the noise grows, but the row is not shrunk
    noise = np.sqrt(1 - kept).astype(np.float32)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        width = data["x"].shape[-1]
        return Params(init_mlp(rng, (width, *hidden, bins), columns), {"mask": column_mask(width, columns)})

    def error(params: Params, batch: Batch, key: Array, drop: Array | None) -> Array:
        rows, (one, other) = batch["x"], jax.random.split(key)
        time = jax.random.randint(one, (len(rows),), 0, TIMES)
        added = jax.random.normal(other, rows.shape) * params.buffers["mask"][None, :]
        logits = mlp(params.weights, rows + jnp.asarray(noise)[time][:, None] * added, function, dropout, drop)
        return optax.softmax_cross_entropy_with_integer_labels(logits, time * bins // TIMES)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        return error(params, batch, key, jax.random.fold_in(key, 1))

    def monitor(params: Params, batch: Batch, key: Array) -> Array:
        return error(params, batch, key, None)

    def score(params: Params, rows: Array) -> Array:
        chances = jax.nn.softmax(mlp(params.weights, rows, function), -1)
        return chances @ (jnp.arange(bins, dtype=np.float32) / (bins - 1))

    return Method(init, loss, score, monitor)


@dataclass(kw_only=True, eq=False, repr=False)
class DTE(Detector, Network):
    """Expected diffusion time of a row, by a classifier of times: DTE-C (Livernoche et al., ICLR 2024).

    Rows are noised as far as a random time of a diffusion; a network tells from the noisy row which of ``bins`` spans
    the time fell into. The score is the time that it expects of the row as it is, 0 to 1.

    Finds global and local anomalies, much as the distance to the nearest neighbours does, at a cost that does not grow
    with the training rows. Fails on dependency anomalies that lie near normal rows, and saturates: far and very far
    rows get the same score.
    Cost: 1,500 steps a member whatever the rows; scoring is one pass through the network.

    Differs from the paper in smaller layers, no dropout and fewer steps (256-512-256, 0.5 and 400 epochs there).

    hidden: units of each hidden layer. activation: a name in :data:`amiss.networks.ACTIVATIONS`.
    dropout: share of hidden units dropped in training. bins: classes of time.
    """

    hidden: tuple[int, ...] = (128, 128)
    activation: str = "relu"
    dropout: float = 0.0
    bins: int = 7
    n_estimators: int = 2
    steps: int | None = 1500
    batch_size: int | None = 64
    weight_decay: float = 5e-4
    schedule: str = "cosine"
    patience: int | None = None

    ranges: ClassVar[dict[str, Range]] = {"bins": Range(2, TIMES, whole=True)}

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.activation, float(self.dropout), self.bins)
