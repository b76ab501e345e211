"""A feed-forward classifier: the probability that a row is an anomaly, learned from labels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from amiss.cut import CutClassifier, cross_entropy, init_seen, scaled, seen
from amiss.errors import Range
from amiss.handful import handful, init_handful
from amiss.networks import activation, init_mlp, mlp
from amiss.params import Params
from amiss.sampling import Data, mixing
from amiss.train import Batch, Method


@lru_cache
def _method(
    hidden: tuple[int, ...],
    act: str,
    dropout: float,
    bins: int,
    leaves: int,
    scale: float,
    focus: float,
    smooth: float,
    mix: float,
    room: int | None,
    few: bool,
) -> Method:
    function, shares = activation(act), mixing(mix)

    def init(rng: np.random.Generator, data: Data, columns: int) -> Params:
        buffers, inputs, real = init_seen(data, bins, leaves, room, columns)
        if few:
            buffers |= init_handful(rng, data["x"], data["y"], columns, partial(seen, buffers))
        buffers["mixes"] = np.asarray(rng.random(), np.float32)
        weights = init_mlp(rng, (inputs, *hidden, 1), real)
        return Params(weights | ({"scale": np.zeros(inputs, np.float32)} if scale else {}), buffers)

    def logit(params: Params, x: Array, key: Array | None = None) -> Array:
        return jnp.squeeze(mlp(scaled(params.weights, "w0", scale), x, function, dropout, key), -1)

    def loss(params: Params, batch: Batch, key: Array) -> Array:
        x, y = seen(params.buffers, batch["x"]), batch["y"] * (1 - smooth) + smooth / 2
        if mix:
            share_key, key = jax.random.split(key)
            drawn = jax.random.randint(share_key, y.shape, 0, len(shares))
            share = jnp.asarray(shares)[drawn] * params.buffers["mixes"]
            x = x + share[:, None] * (jnp.roll(x, 1, 0) - x)
            y = y + share * (jnp.roll(y, 1) - y)
        return cross_entropy(logit(params, x, key), y, focus)

    def monitor(params: Params, batch: Batch, key: Array) -> Array:
        return cross_entropy(logit(params, seen(params.buffers, batch["x"])), batch["y"], focus)

    def score(params: Params, rows: Array) -> Array:
        buffers, inputs = params.buffers, seen(params.buffers, rows)
        return (logit(params, inputs) + handful(buffers, rows, inputs)) * buffers["gain"] + buffers["shift"]

    return Method(init, loss, score, monitor)


@dataclass(kw_only=True, eq=False, repr=False)
class FeedForward(CutClassifier):
    """Dense layers with a sigmoid output, trained by binary cross-entropy (Rumelhart, Hinton and Williams, 1986).

    Finds rows like the labelled anomalies. Fails on kinds of anomaly that no label shows, and with a handful of labels.
    The score is the log-odds of the anomaly.

    hidden: units of each hidden layer; (64, 32) with batch_size=32, epochs=10, patience=None is the classic
    Dense 64-32-1. activation: relu, leaky_relu, tanh, sigmoid, silu, gelu, elu, selu or identity.
    dropout: share of hidden units dropped while training, in [0, 1).
    label_smoothing: what a label says too surely, in [0, 1): 0.1 learns 0.95 and 0.05 (Szegedy et al., 2016).
    mixup: both parameters of the beta distribution that pairs of rows and labels are mixed by (Zhang et al., 2018), by
    each member to a degree of its own; 0 for none. imbalance: a remedy by name, see :mod:`amiss.imbalance`.
    """

    hidden: tuple[int, ...] = (128, 64)
    activation: str = "relu"
    dropout: float = 0.1
    label_smoothing: float = 0.0
    mixup: float = 0.0
    n_estimators: int = 4
    weight_decay: float = 1e-4
    learning_rate: float = 2e-3
    validation_fraction: float = 0.15
    patience: int | None = 15

    ranges: ClassVar[dict[str, Range]] = {
        "label_smoothing": Range(0, 1, open_high=True),
        "mixup": Range(0),
    }
    few_: ClassVar[bool] = False  #: whether :mod:`amiss.handful` speaks beside each trained network

    def method(self) -> Method:
        return _method(
            tuple(self.hidden), self.activation, float(self.dropout), int(self.bins), int(self.leaves),
            float(self.column_rate), self._focus(), float(self.label_smoothing), float(self.mixup), self.room_,
            self.few_,
        )  # fmt: skip
