"""DeepSVDD: rows that a network maps far from the centre of the others are anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.base import Detector, Network
from amiss.networks import init_centred, leaky, mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method


@lru_cache
def _method(hidden: tuple[int, ...]) -> Method:
    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        weights, centre = init_centred(rng, data["x"], hidden, columns)
        return Params(weights, {"centre": centre})

    def score(params: Params, rows: Array) -> Array:
        gap = mlp(params.weights, rows, leaky) - params.buffers["centre"][None, :]
        return jnp.sum(gap * gap, -1)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        return score(params, batch["x"])

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False, repr=False)
class DeepSVDD(Detector, Network):
    """Distance to a fixed centre in the space of a network without bias (Ruff et al., ICML 2018, one-class).

    The network learns to map the training rows close to the mean of what its first weights made of them.

    Finds rows far out from all others. Fails on local anomalies, and where training goes on until all rows, polluted
    ones too, lie on the centre, so it stops soon; of all methods here it is the least steady from seed to seed, so it
    has more members.
    Cost: 120 small steps a member whatever the rows; scoring is one pass through the network.

    Differs from the paper in that no autoencoder is trained first, and the soft boundary is left out.

    hidden: units of each layer, the space of the centre last.
    """

    hidden: tuple[int, ...] = (64, 32)
    n_estimators: int = 4
    steps: int | None = 120
    batch_size: int | None = 128
    weight_decay: float = 1e-6

    def method(self) -> Method:
        return _method(tuple(self.hidden))
