"""DeepSAD: a centre that normal rows are drawn to and labelled anomalies are pushed away from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.errors import Range
from amiss.networks import init_centred, leaky, mlp
from amiss.params import Params
from amiss.sampling import Data
from amiss.train import Batch, Method
from amiss.weak import WeakClassifier

LEAST = 1e-3  #: of the distance that is inverted


@lru_cache
def _method(hidden: tuple[int, ...], eta: float) -> Method:
    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        weights, centre = init_centred(rng, data["x"], hidden, columns)
        return Params(weights, {"centre": centre, "boundary": np.zeros((), np.float32)})

    def distance(params: Params, rows: Array) -> Array:
        gap = mlp(params.weights, rows, leaky) - params.buffers["centre"][None, :]
        return jnp.sum(gap * gap, -1)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        """d for unlabelled rows (y = -1), eta d for normal ones (0), eta / d for anomalies (1)."""
        away, y = distance(params, batch["x"]), batch["y"]
        labelled = jnp.where(y == 1, 1 / (away + LEAST), away)
        return jnp.where(y < 0, away, eta * labelled)

    def score(params: Params, rows: Array) -> Array:
        return jnp.sqrt(distance(params, rows)) - params.buffers["boundary"]

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False, repr=False)
class DeepSAD(WeakClassifier):
    """Distance to a fixed centre in the space of a network without bias (Ruff et al., ICLR 2020).

    As DeepSVDD, but labelled anomalies (y = 1) are pushed away by the inverse of their squared distance, and rows known
    to be normal (0) may weigh more than unlabelled ones (-1).

    Finds rows like the labelled anomalies and, less sharply, rows far from all others. Fails where anomalies lie
    among the normal rows and the labels do not show how they differ.
    Cost: 1,000 steps a member whatever the rows; scoring is one pass through the network.

    Differs from the paper in that no autoencoder is trained first and in that half of every batch are anomalies; the
    score is the distance, not its square, which orders rows alike in a single member.

    hidden: units of each layer, the space of the centre last. eta: what a labelled row weighs beside an unlabelled one.
    """

    hidden: tuple[int, ...] = (64, 32)
    eta: float = 1.0
    n_estimators: int = 4
    steps: int | None = 1000
    batch_size: int | None = 128
    weight_decay: float = 1e-6
    patience: int | None = None

    ranges: ClassVar[dict[str, Range]] = {"eta": Range(0, open_low=True)}

    def method(self) -> Method:
        return _method(tuple(self.hidden), float(self.eta))
