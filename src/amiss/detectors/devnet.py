"""DevNet: anomalies score many standard deviations above what a reference distribution gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.errors import Range
from amiss.networks import init_mlp, mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method
from amiss.weak import WeakClassifier


@lru_cache
def _method(hidden: tuple[int, ...], margin: float) -> Method:
    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        weights = init_mlp(rng, (data["x"].shape[-1], *hidden, 1), columns)
        return Params(weights, {"boundary": np.zeros((), np.float32)})

    def deviation(params: Params, rows: Array) -> Array:
        """Scores in standard deviations of the prior, which is the standard normal: they are their own deviations."""
        return jnp.squeeze(mlp(params.weights, rows, jax.nn.relu), -1)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        away, anomaly = deviation(params, batch["x"]), batch["y"] == 1
        return jnp.where(anomaly, jnp.maximum(margin - away, 0.0), jnp.abs(away))

    def score(params: Params, rows: Array) -> Array:
        return deviation(params, rows) - params.buffers["boundary"]

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False, repr=False)
class DevNet(WeakClassifier):
    """Deviation networks (Pang, Shen and van den Hengel, KDD 2019): a score learned end to end from a few anomalies.

    The scores of unlabelled and normal rows are drawn to the mean of a standard normal prior, those of labelled
    anomalies pushed ``margin`` of its standard deviations above it: |s| for y = 0 or -1, max(0, margin - s) for y = 1.

    Finds rows like the labelled anomalies. Fails on kinds of anomaly that no label shows.
    Cost: 1,000 steps a member whatever the rows; scoring is one pass through the network.

    Differs from the paper in that the prior's mean and deviation are the exact 0 and 1 and not those of 5,000 draws,
    in the optimiser (AdamW for RMSprop), and in its layers, (20,) there.

    hidden: units of each layer. margin: standard deviations.
    """

    hidden: tuple[int, ...] = (64, 32)
    margin: float = 5.0
    n_estimators: int = 4
    steps: int | None = 1000
    batch_size: int | None = 128
    weight_decay: float = 1e-2
    patience: int | None = None

    ranges: ClassVar[dict[str, Range]] = {"margin": Range(0, open_low=True)}

    def method(self) -> Method:
        return _method(tuple(self.hidden), float(self.margin))
