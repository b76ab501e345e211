"""LUNAR: a network learns from made-up anomalies what distances to nearest neighbours look like around them."""

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
from amiss.networks import (
    LEAST_REFERENCES,
    activation,
    init_mlp,
    init_references,
    mlp,
    nearest,
)
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method

BEYOND = 0.1  # how far beyond the range of a column, and in shares of it, made-up rows lie
MOVED = 0.3  # share of columns that are moved in made-up rows near real ones
UNIT_ROWS = 256  # rows whose distances make the unit of distance
FARTHEST = 1e3  # distances beyond so many units look alike: rows that far out need no finer order


@lru_cache
def _method(hidden: tuple[int, ...], act: str, k: int, references: int) -> Method:
    function = activation(act)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        x = data["x"]
        low, high = x.min(0), x.max(0)
        known = init_references(rng, x, references)
        few = known["rows"][: min(len(x), references, UNIT_ROWS)]
        length = np.einsum("ij,ij->i", few, few)
        apart = np.sqrt(np.maximum(length[:, None] + length[None] - 2 * few @ few.T, 0))
        unit = float(np.sort(apart, 1)[:, 1 : k + 1].mean()) if len(few) > 1 else 0.0
        frame = {"low": low, "range": high - low, "unit": np.float32(unit if unit > 1e-3 else 1.0)}
        return Params(init_mlp(rng, (k, *hidden, 1)), known | frame)

    def logits(params: Params, rows: Array) -> Array:
        distances = jnp.minimum(nearest(params.buffers, rows, k) / params.buffers["unit"], FARTHEST)
        return mlp(params.weights, jnp.log1p(jax.lax.stop_gradient(distances)), function)[:, 0]

    def made_up(params: Params, rows: Array, key: Array) -> Array:
        """Rows by lot from the box around the data, and real rows moved in some columns, half and half."""
        one, two, three, four = jax.random.split(key, 4)
        low, span = params.buffers["low"][None, :], params.buffers["range"][None, :]
        box = low + span * jax.random.uniform(one, rows.shape, minval=-BEYOND, maxval=1 + BEYOND)
        moved = BEYOND * span * jax.random.normal(two, rows.shape) * jax.random.bernoulli(three, MOVED, rows.shape)
        return jnp.where(jax.random.bernoulli(four, 0.5, (len(rows), 1)), box, rows + moved)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        rows = batch["x"]
        real = logits(params, rows)
        return jax.nn.softplus(real) + jax.nn.softplus(-logits(params, made_up(params, rows, key)))

    return Method(init, loss, logits)


@dataclass(kw_only=True, eq=False, repr=False)
class LUNAR(Detector, Network):
    """A network on the distances to the nearest training rows: LUNAR (Goodge et al., AAAI 2022).

    It learns to tell the distances of training rows from those of made-up rows, which lie all over the box around the
    data, or near a training row. The score is the log-odds of a made-up row. A training row does not count itself.

    Finds local and global anomalies, as nearest neighbours do, with a learned weight for each of them. Fails where
    those do: anomalies in groups of more than k, many columns of noise. In many columns made-up rows are all too easy
    to tell.
    Cost: 500 steps a member, each with the distances of two batches to all references; scoring as nearest neighbours.

    Differs from the paper: distances are in units of the usual one and on a log scale; cross-entropy for squared
    error; made-up rows are drawn anew at each step; fewer references and smaller k than its 100.

    hidden: units of each hidden layer. activation: a name in :data:`amiss.networks.ACTIVATIONS`. k: neighbours.
    references: training rows that are kept, drawn at random; all of them where there are fewer.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: str = "tanh"
    keeps_rows: ClassVar[bool] = True

    k: int = 20
    references: int = 2048
    n_estimators: int = 2
    steps: int | None = 500
    batch_size: int | None = 128

    ranges: ClassVar[dict[str, Range]] = {
        "k": Range(1, LEAST_REFERENCES - 12, whole=True),
        "references": Range(1, whole=True),
    }

    def method(self) -> Method:
        return _method(tuple(self.hidden), self.activation, self.k, self.references)
