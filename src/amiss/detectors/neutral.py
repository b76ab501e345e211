"""NeuTraL: rows whose learned transformations are hard to tell apart are anomalies."""

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
from amiss.networks import column_mask, init_mlp, mlp, part, prefix
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method


@lru_cache
def _method(hidden: tuple[int, ...], transformations: int, inner: int, temperature: float) -> Method:
    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        width = data["x"].shape[-1]
        several = [init_mlp(rng, (width, inner, width), columns) for _ in range(transformations)]
        stacked = {name: np.stack([each[name] for each in several]) for name in several[0]}
        encoder = init_mlp(rng, (width, *hidden), columns)
        return Params(
            prefix("transform_", stacked) | prefix("encoder_", encoder), {"mask": column_mask(width, columns)}
        )

    def encode(params: Params, rows: Array) -> Array:
        z = mlp(part("encoder_", params.weights), rows, jax.nn.relu)
        return z / jnp.sqrt(jnp.sum(z * z, -1, keepdims=True) + 1e-6)

    def score(params: Params, rows: Array) -> Array:
        """(rows,) the deterministic contrastive loss: each view should be like its row and unlike the other views."""

        def transform(weights: dict[str, Array]) -> Array:
            moved = rows + mlp(weights, rows, jax.nn.relu)
            return encode(params, moved * params.buffers["mask"][None, :])

        views = jax.vmap(transform)(part("transform_", params.weights))  # (transformations, rows, latent)
        alike = jnp.einsum("kbz,bz->bk", views, encode(params, rows)) / temperature
        between = jnp.einsum("kbz,lbz->bkl", views, views) / temperature
        between = jnp.where(jnp.eye(transformations, dtype=bool)[None], -jnp.inf, between)
        every = jnp.concatenate([alike[:, :, None], between], -1)
        return jnp.sum(jax.nn.logsumexp(every, -1) - alike, -1)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        return score(params, batch["x"])

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False, repr=False)
class NeuTraL(Detector, Network):
    """A contrastive loss over learned transformations: NeuTraL AD (Qiu et al., ICML 2021).

    Transformations of a row are learned so that each view stays like the row and unlike the row's other views, in the
    space of an encoder learned along. The loss is deterministic, and is the score.

    Finds dependency anomalies and rows far out. Fails on anomalies near normal rows in few columns, and on skewed
    columns: the loss sees directions only, so that rows in a corner, where all encodings are alike, are hard to order.
    Cost: 500 steps a member whatever the rows, each a dozen passes through small networks; scoring is one such.

    Differs from the paper: networks have biases (without, an encoding's direction knows nothing of its length, and
    rows near the mean score high), fewer steps. Transformations are residual.

    hidden: units of each layer of the encoder, its space last. transformations: how many. inner: hidden units of each.
    temperature: of the contrastive loss.
    """

    hidden: tuple[int, ...] = (64, 64, 32)
    transformations: int = 11
    inner: int = 32
    temperature: float = 0.1
    n_estimators: int = 2
    steps: int | None = 500
    batch_size: int | None = 128
    patience: int | None = None

    ranges: ClassVar[dict[str, Range]] = {
        "transformations": Range(2, whole=True),
        "inner": Range(1, whole=True),
        "temperature": Range(0, open_low=True),
    }

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.transformations, self.inner, float(self.temperature))
