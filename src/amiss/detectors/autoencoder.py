"""An autoencoder: rows that a narrow network cannot reproduce are anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.base import Detector, Network
from amiss.networks import activation, init_mlp, mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method


@lru_cache
def _method(hidden: tuple[int, ...], act: str, dropout: float) -> Method:
    function = activation(act)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        width = data["x"].shape[-1]
        mask = (np.arange(width) < columns) / np.float32(columns)
        layers = (width, *hidden, *hidden[-2::-1], width)
        return Params(init_mlp(rng, layers, columns), {"mask": mask.astype(np.float32)})

    def error(params: Params, rows: Array, key: Array | None = None) -> Array:
        gap = mlp(params.weights, rows, function, dropout, key) - rows
        return jnp.sum(gap * gap * params.buffers["mask"][None, :], -1)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        return error(params, batch["x"], key)

    def monitor(params: Params, batch: Batch, key: Array) -> Array:
        return error(params, batch["x"])

    return Method(init, loss, error, monitor)


@dataclass(kw_only=True, eq=False, repr=False)
class Autoencoder(Detector, Network):
    """Mean squared reconstruction error of a network with a bottleneck (Sakurada and Yairi, 2014).

    Finds rows that break the columns' common patterns. Fails where anomalies are many enough to be learned too, and
    where the bottleneck is wide enough to copy anything.

    hidden: units from the input to the bottleneck; the decoder mirrors them.
    activation: a name in :data:`amiss.networks.ACTIVATIONS`. dropout: share of hidden units dropped, in [0, 1).
    """

    hidden: tuple[int, ...] = (64, 8)
    activation: str = "silu"
    dropout: float = 0.0
    n_estimators: int = 4

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.activation, float(self.dropout))
