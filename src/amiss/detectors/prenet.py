"""PReNet: pairs of rows score high where they hold anomalies."""

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

TARGET = 4.0  #: of each anomaly in a pair: 8, 4 and 0 for pairs of two, one and none, as in the paper


@lru_cache
def _method(hidden: tuple[int, ...], partners: int) -> Method:
    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        x, anomaly = data["x"], data["y"] == 1
        weights = init_mlp(rng, (x.shape[-1], *hidden), columns)
        for side in ("first", "second"):
            weights[side] = rng.normal(size=(hidden[-1], 1)).astype(np.float32) / np.float32(np.sqrt(2 * hidden[-1]))
        weights["offset"] = np.zeros(1, np.float32)
        drawn = {}
        for name, part in (("anomalies", anomaly), ("others", ~anomaly)):
            among = np.flatnonzero(part) if part.any() else np.arange(len(x))
            drawn[name] = x[rng.choice(among, partners)].astype(np.float32)
        return Params(weights, drawn | {"boundary": np.zeros((), np.float32)})

    def sides(params: Params, rows: Array) -> tuple[Array, Array]:
        """(rows,) what a row adds to a pair's score as its first and as its second row."""
        w = dict(params.weights)
        first, second = w.pop("first"), w.pop("second")
        w.pop("offset")
        h = jax.nn.relu(mlp(w, rows, jax.nn.relu))
        return jnp.squeeze(h @ first, -1), jnp.squeeze(h @ second, -1)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        """|score - target| of each row paired with another one of the batch, drawn at random."""
        anomaly = jnp.where(batch["y"] == 1, 1.0, 0.0)
        partner = jax.random.permutation(key, len(anomaly))
        first, second = sides(params, batch["x"])
        pair = first + second[partner] + params.weights["offset"]
        return jnp.abs(pair - TARGET * (anomaly + anomaly[partner]))

    def score(params: Params, rows: Array) -> Array:
        """The mean score of the pairs (an anomaly, the row) and (the row, another), as a pair's score is a sum."""
        first, second = sides(params, rows)
        before = jnp.mean(sides(params, params.buffers["anomalies"])[0])
        behind = jnp.mean(sides(params, params.buffers["others"])[1])
        own = (first + second + before + behind) / 2 + params.weights["offset"]
        return own - params.buffers["boundary"]

    return Method(init, loss, score)


@dataclass(kw_only=True, eq=False, repr=False)
class PReNet(WeakClassifier):
    """Pairwise relation network (Pang, Shen, Jin and van den Hengel, KDD 2023): learns how anomalous pairs of rows are.

    Two anomalies are to score 8, an anomaly (y = 1) and another row (0 or -1) 4, two others 0; pairs are many even
    where labels are few. A row's score is that of its pairs with labelled anomalies and with others.

    Finds rows like the labelled anomalies. Fails on kinds of anomaly that no label shows.
    Cost: 1,000 steps a member whatever the rows; scoring is one pass through the network.

    Differs from the paper in the optimiser (AdamW for RMSprop), in its layers, (20,) there, and in that a quarter of
    the pairs are of two anomalies and half are mixed.

    hidden: units of each layer. partners: labelled anomalies and other rows that a row is paired with for its score.
    """

    hidden: tuple[int, ...] = (64, 32)
    partners: int = 30
    n_estimators: int = 4
    steps: int | None = 1000
    batch_size: int | None = 128
    weight_decay: float = 1e-2
    patience: int | None = None

    ranges: ClassVar[dict[str, Range]] = {"partners": Range(1, whole=True)}

    def method(self) -> Method:
        return _method(tuple(self.hidden), int(self.partners))
