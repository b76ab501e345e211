"""A denoiser: where the noise that a network sees in a clean row is large, the row is an anomaly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.base import Detector, Network
from amiss.errors import OptionError
from amiss.networks import activation, column_mask, init_mlp, mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method

SCALES = 4  # scales that the score is taken at


@lru_cache
def _method(hidden: tuple[int, ...], act: str, noise: tuple[float, float], scales: tuple[float, float]) -> Method:
    function = activation(act)
    low, high = np.log(noise)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        width = data["x"].shape[-1]
        weights = init_mlp(rng, (width + 1, *hidden, width), columns + 1)
        return Params(weights, {"mask": column_mask(width, columns), "columns": np.float32(columns)})

    def predict(params: Params, rows: Array, scale: Array) -> Array:
        """(rows, columns) noise of unit variance that the network sees in rows at scale (rows, 1)."""
        inputs = jnp.concatenate([rows / jnp.sqrt(1 + scale * scale), jnp.log(scale)], -1)
        return mlp(params.weights, inputs, function) * params.buffers["mask"][None, :]

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        rows, (one, other) = batch["x"], jax.random.split(key)
        scale = jnp.exp(jax.random.uniform(one, (len(rows), 1), minval=low, maxval=high))
        added = jax.random.normal(other, rows.shape) * params.buffers["mask"][None, :]
        gap = predict(params, rows + scale * added, scale) - added
        return jnp.sum(gap * gap, -1) / params.buffers["columns"]

    def score(params: Params, rows: Array) -> Array:
        def at(scale: float) -> Array:
            seen = predict(params, rows, jnp.full((len(rows), 1), scale, rows.dtype))
            return jnp.sum(seen * seen, -1)

        return sum(map(at, np.geomspace(*scales, SCALES))) / params.buffers["columns"] / SCALES

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False, repr=False)
class Denoiser(Detector, Network):
    """The noise that a denoising network sees in a clean row (Vincent, 2011; scales: Song and Ermon, NeurIPS 2019).

    A network learns to tell the Gaussian noise added to a row, for all scales of noise at once; what it predicts is the
    slope of the smoothed log-density. At a clean row it should see none; the score is the squared norm of what it does
    see, at a few middle scales.

    Finds dependency and local anomalies: rows off the surface on which the columns of normal rows lie. Fails on
    polluted training data, whose anomalies it learns, on clustered anomalies (the slope is flat on top of a cluster),
    and on columns with heavy tails.
    Cost: 1,500 steps a member whatever the rows; scoring is four passes through the network.

    hidden: units of each hidden layer. activation: a name in :data:`amiss.networks.ACTIVATIONS`.
    noise: least and largest scale in training, in standard deviations. scales: least and largest scale of the score.
    """

    hidden: tuple[int, ...] = (192, 192)
    activation: str = "silu"
    noise: tuple[float, float] = (0.05, 1.5)
    scales: tuple[float, float] = (0.3, 0.6)
    n_estimators: int = 2
    steps: int | None = 1500
    batch_size: int | None = 128
    schedule: str = "cosine"
    learning_rate: float = 2e-3
    patience: int | None = None

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.activation, tuple(self.noise), tuple(self.scales))

    def _check_parameters(self) -> None:
        super()._check_parameters()
        for name, span in (("noise", self.noise), ("scales", self.scales)):
            if len(span) != 2 or not 0 < span[0] <= span[1]:
                raise OptionError(f"{name} is no span of scales", required="0 < least <= largest", found=repr(span))
