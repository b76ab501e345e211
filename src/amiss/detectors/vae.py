"""A variational autoencoder: rows that are unlikely under a generative model are anomalies."""

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
from amiss.networks import activation, column_mask, init_mlp, mlp, part, prefix
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method

LOW, HIGH = -5.0, 3.0  # bounds of a log-variance: a column that is reproduced exactly does not drown the others


@lru_cache
def _method(hidden: tuple[int, ...], latent: int, act: str) -> Method:
    function = activation(act)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        width = data["x"].shape[-1]
        encoder = init_mlp(rng, (width, *hidden, 2 * latent), columns)
        decoder = init_mlp(rng, (latent, *hidden[::-1], 2 * width))
        return Params(
            prefix("encoder_", encoder) | prefix("decoder_", decoder),
            {"mask": column_mask(width, columns), "columns": np.float32(columns)},
        )

    def bounded(x: Array) -> Array:
        return LOW + (HIGH - LOW) * jax.nn.sigmoid(x)

    def surprise(params: Params, rows: Array, noise: Array | None) -> Array:
        """(rows,) minus the evidence's lower bound, a column: reconstruction and divergence from the prior."""
        mean, spread = jnp.split(mlp(part("encoder_", params.weights), rows, function), 2, -1)
        log_variance = bounded(spread)
        divergence = 0.5 * jnp.sum(mean * mean + jnp.exp(log_variance) - 1 - log_variance, -1)
        z = mean if noise is None else mean + jnp.exp(0.5 * log_variance) * noise
        centre, spread = jnp.split(mlp(part("decoder_", params.weights), z, function), 2, -1)
        log_variance = bounded(spread)
        gap = rows - centre
        error = 0.5 * (gap * gap * jnp.exp(-log_variance) + log_variance)
        return (jnp.sum(error * params.buffers["mask"][None, :], -1) + divergence) / params.buffers["columns"]

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        return surprise(params, batch["x"], jax.random.normal(key, (len(batch["x"]), latent)))

    def score(params: Params, rows: Array) -> Array:
        return surprise(params, rows, None)

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False, repr=False)
class VariationalAutoencoder(Detector, Network):
    """Improbability under a variational autoencoder (Kingma and Welling, 2014; the score by An and Cho, 2015).

    The score is the negative log of the reconstruction probability plus the divergence of the row's latent
    distribution from the prior. It is deterministic: it decodes the latent mean where An and Cho average over draws.

    Finds global anomalies, and rows that break the columns' common patterns. Fails where anomalies are many enough to
    be learned too, and on normal rows in several dense groups, between which it fills the space.
    Cost: 1,500 steps a member whatever the rows; scoring is one pass through the network.

    hidden: units from the input to the latent space; the decoder mirrors them. latent: dimensions of that space.
    activation: a name in :data:`amiss.networks.ACTIVATIONS`.
    """

    hidden: tuple[int, ...] = (64, 32)
    latent: int = 8
    activation: str = "silu"
    n_estimators: int = 2
    steps: int | None = 1500
    batch_size: int | None = 128
    learning_rate: float = 2e-3

    ranges: ClassVar[dict[str, Range]] = {"latent": Range(1, whole=True)}

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.latent, self.activation)
